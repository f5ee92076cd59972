"""The whole line: people walk past cameras, alerts arrive at an operator's socket, and every one is checked.

    python -m benchmarks.end_to_end --faces DIR [--enrolled 20] [--strangers 20] [--cameras 1] [--fps 5] [--seconds 60]

DIR is laid out <person>/<photograph>.jpg. Each enrolled person's first photograph by name is on the watchlist; they
walk past in their others. An alert is true when the face it was raised on, found by frame number and box, is that of
the person it names.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.system import RunningSystem, running_system
from lfr_site import scene
from lfr_site.agent import CameraClient, Traffic, paced
from recognition.engine import Engine
from recognition.imaging import encode_jpeg
from recognition.track import Box

if TYPE_CHECKING:
    from alerts.models import Alert
    from deployments.models import Camera, Deployment
    from lfr_site.models import User


@dataclass(frozen=True)
class Film:
    """The frames of one camera, and who is where in each."""

    jpegs: list[bytes]
    visible: list[list[scene.Visible]]


@dataclass(frozen=True)
class Stage:
    """A live deployment: its cameras with their tokens, who is enrolled as whom, and an operator's session."""

    deployment: Deployment
    cameras: list[tuple[Camera, str]]
    name_of: dict[Any, str]
    session: str


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    try:
        people = scene.photographs(options.faces)
    except (scene.NoFaces, OSError) as error:
        raise SystemExit(str(error)) from error
    with running_system(options.workers) as system:
        result = measure(system, people, options)
    print(json.dumps(result, indent=None if options.json else 2))


def measure(system: RunningSystem, people: dict[str, list[Path]], options: argparse.Namespace) -> dict[str, Any]:
    """Enrol, walk, count."""
    from django.conf import settings

    engine = Engine(settings.DEEPFACE_HOME)
    enrolled = [name for name, pictures in people.items() if len(pictures) > 1][: options.enrolled]
    strangers = [name for name in people if name not in enrolled][: options.strangers]
    _say(f"cutting out {len(enrolled)} enrolled people and {len(strangers)} strangers")
    looks = {name: _looks(engine, people[name], options.views, name in enrolled) for name in [*enrolled, *strangers]}
    walking = {name: cut for name, cut in looks.items() if cut}
    stage = _stage({name: people[name][0] for name in enrolled}, options.cameras)
    films = _films(walking, options)
    _say(f"{len(walking)} people walk past {options.cameras} camera(s) for {options.seconds:g} seconds")
    arrivals: dict[str, float] = {}
    traffic = asyncio.run(_play(system, stage, films, options.fps, arrivals))
    processes, rss = system.memory()
    return _result(stage, films, traffic, arrivals, set(enrolled) & set(walking)) | {
        "enrolled": len(stage.name_of),
        "strangers": len([name for name in strangers if name in walking]),
        "processes": processes,
        "rss_mb": round(rss),
    }


def _looks(engine: Engine, pictures: list[Path], views: str, is_enrolled: bool) -> list[scene.Cutout]:
    others = pictures[1:] if is_enrolled else pictures
    chosen = scene.matching(others, views) or others
    return [look for path in chosen[:5] if (look := scene.cutout(engine, path)) is not None]


def _films(walking: dict[str, list[scene.Cutout]], options: argparse.Namespace) -> list[Film]:
    films = []
    for index in range(options.cameras):
        share = {name: looks for place, (name, looks) in enumerate(walking.items()) if place % options.cameras == index}
        try:
            walkers = scene.walk_past(share, seconds=options.seconds, seed=options.seed + index)
        except ValueError as error:
            raise SystemExit(f"{error} Use --seconds, or more --cameras.") from error
        street = scene.Street(walkers, seed=options.seed + index)
        shown = [street.frame(number / options.fps) for number in range(int(options.seconds * options.fps))]
        films.append(Film([encode_jpeg(pixels, 80) for pixels, _ in shown], [faces for _, faces in shown]))
    return films


def _stage(photographs: dict[str, Path], cameras: int) -> Stage:
    """Everything from the first user to the live deployment, by the same operations as the pages."""
    from deployments import operations as deployment_operations
    from deployments.operations import NewCamera
    from lfr_site.accounts import add_user
    from lfr_site.demonstration import NewEntry, live_deployment, sealed_list

    roles = {"intelligence": "Intelligence officer", "authority": "Authorising officer", "operator": "Operator"}
    users = {name: add_user(username=name, password="benchmark-only", role=role) for name, role in roles.items()}
    named = {f"B/{number}": name for number, name in enumerate(photographs)}
    entries = [
        NewEntry(reference, f"Person {reference}", "wanted", "Measurement", photographs[name])
        for reference, name in named.items()
    ]
    watchlist, enrolled = sealed_list(
        "Benchmark", "Measurement", entries, compiler=users["intelligence"], approver=users["authority"]
    )
    deployment = live_deployment(
        "Benchmark",
        "A composed street",
        watchlist,
        [NewCamera(f"Camera {number + 1}", "agent") for number in range(cameras)],
        applicant=users["intelligence"],
        authority=users["authority"],
        operator=users["operator"],
    )
    rows = list(deployment.cameras.all())
    tokens = [(camera, deployment_operations.issue_token(camera, actor=users["operator"])) for camera in rows]
    name_of = {person: named[entry.reference] for person, entry in enrolled.items()}
    for name in sorted(set(photographs) - set(name_of.values())):
        _say(f"no face on the photograph of {name}: not enrolled")
    return Stage(deployment, tokens, name_of, _session_of(users["operator"]))


def _session_of(user: User) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


async def _play(
    system: RunningSystem, stage: Stage, films: list[Film], fps: float, arrivals: dict[str, float]
) -> list[Traffic]:
    listener = asyncio.create_task(_listen(system.url, stage, arrivals))
    await asyncio.sleep(1)
    clients = [CameraClient(system.url, str(camera.id), token) for camera, token in stage.cameras]
    feeds = [iter(film.jpegs) for film in films]
    await asyncio.gather(
        *(client.stream(paced(_next_of(feed), fps)) for client, feed in zip(clients, feeds, strict=True))
    )
    # The last frame's alert is on its way, and the counters are written every half second.
    await asyncio.sleep(2)
    listener.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listener
    return [client.traffic for client in clients]


def _next_of(feed: Iterator[bytes]) -> Any:
    return lambda: next(feed, None)


async def _listen(url: str, stage: Stage, arrivals: dict[str, float]) -> None:
    from websockets.asyncio.client import connect
    from websockets.typing import Origin

    address = f"ws{url.removeprefix('http')}/ws/deployments/{stage.deployment.id}/"
    headers = {"Cookie": f"sessionid={stage.session}"}
    async with connect(address, additional_headers=headers, origin=Origin(url)) as socket:
        async for text in socket:
            event = json.loads(text)
            if event["kind"] == "alert.raised":
                arrivals[event["id"]] = time.monotonic()


def _result(
    stage: Stage, films: list[Film], traffic: list[Traffic], arrivals: dict[str, float], walked: set[str]
) -> dict[str, Any]:
    from alerts.models import Alert
    from deployments.models import Deployment

    place = {camera.id: index for index, (camera, _) in enumerate(stage.cameras)}
    found: set[str] = set()
    false, latencies = 0, []
    alerts = list(Alert.objects.all())
    for alert in alerts:
        index = place[alert.camera_id]
        shown = _shown(alert, films[index], traffic[index])
        if shown is not None and shown == stage.name_of[alert.person_id]:
            found.add(shown)
        else:
            false += 1
        if str(alert.id) in arrivals:
            latencies.append((arrivals[str(alert.id)] - traffic[index].sent_at[alert.frame_number]) * 1000)
    missed = sorted(walked - found)
    if missed:
        _say(f"missed: {', '.join(missed)}")
    counted = Deployment.objects.with_counts().get(pk=stage.deployment.pk)
    return {
        "frames_sent": sum(each.sent for each in traffic),
        "frames_processed": sum(each.read for each in traffic),
        "frames_dropped": sum(each.dropped + each.skipped for each in traffic),
        "faces_seen": counted.faces,  # type: ignore[attr-defined]
        "alerts": len(alerts),
        "true_alerts": len(alerts) - false,
        "false_alerts": false,
        "people_missed": len(missed),
        "latency_ms": _percentiles(latencies, (50, 95, 99)),
        "engine_ms": _percentiles([value for each in traffic for value in each.engine_ms], (50, 95)),
    }


def _shown(alert: Alert, film: Film, traffic: Traffic) -> str | None:
    """Whose face the alert was raised on: the walker whose box overlaps the alert's most."""
    visible = film.visible[traffic.index_of[alert.frame_number]]
    left, top, width, height = alert.box or (0, 0, 0, 0)
    overlaps = [(_overlap((left, top, width, height), face.box), face.person) for face in visible]
    overlap, person = max(overlaps, default=(0.0, ""))
    return person if overlap > 0.3 else None


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    return shared / max(one[2] * one[3] + other[2] * other[3] - shared, 1e-9)


def _percentiles(values: list[float], which: tuple[int, ...]) -> dict[str, float | None]:
    return {f"p{each}": round(float(np.percentile(values, each)), 1) if values else None for each in which}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--enrolled", type=int, default=20)
    parser.add_argument("--strangers", type=int, default=20)
    parser.add_argument("--cameras", type=int, default=1)
    parser.add_argument("--fps", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--views", default="*", help="Names of the photographs to walk in: globs, comma-separated.")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="One line.")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    print(f"  · {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
