"""A live deployment for a benchmark, made by the operations of the pages, and cameras that stream to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.camera_client import CameraClient, Picture, Traffic, paced
from benchmarks.uplink import Uplink, relay

if TYPE_CHECKING:
    from deployments.models import Camera, Deployment
    from lfr_site.models import User


@dataclass(frozen=True)
class Stage:
    """A live deployment: its cameras with their tokens, the names of those enrolled, and an operator's session."""

    deployment: Deployment
    cameras: list[tuple[Camera, str]]
    name_of: dict[Any, str]
    session: str


@dataclass(frozen=True)
class Play:
    """The results of a run.

    sent_at, read_at, engine_ms: by camera and frame number, when the frame was sent and answered, and the engine's
    time. arrivals: when each alert was received. Moments are seconds of `time.monotonic()`.
    """

    traffic: list[Traffic]
    sent_at: list[dict[int, float]]
    read_at: list[dict[int, float]]
    engine_ms: list[dict[int, float]]
    arrivals: dict[str, float] = field(default_factory=dict)


def set_stage(photographs: dict[str, Path], cameras: int) -> Stage:
    """Create users, watchlist and a live deployment. photographs: {person to enrol: their photograph}."""
    from core.ranks import Rank
    from demo.entries import NewEntry
    from demo.rehearsal import People, Stewards, train
    from demo.seeding import live_deployment, sealed_list
    from deployments.applications import CameraDraft
    from deployments.cameras import issue_token
    from deployments.models import Camera
    from lfr_site.accounts import add_user

    roles = {
        "watchlist_admin": "Watchlist administrator",
        "authority": "Authorising officer",
        "commander": "Commander",
        "operator": "LFR operator",
        "officer": "Engagement officer",
        "compliance": "Compliance officer",
        "owner": "Senior responsible owner",
        "system_admin": "System administrator",
    }
    rank = Rank.SUPERINTENDENT
    users = {
        name: add_user(username=name, password="benchmark-only", role=role, rank=rank) for name, role in roles.items()
    }
    train(users.values(), users["compliance"])
    named = {f"B/{number}": name for number, name in enumerate(photographs)}
    entries = [
        NewEntry(reference, f"Person {reference}", "wanted", "Measurement", photographs[name])
        for reference, name in named.items()
    ]
    watchlist, enrolled = sealed_list(
        "Benchmark", "Measurement", entries, compiler=users["watchlist_admin"], approver=users["authority"]
    )
    deployment = live_deployment(
        "Benchmark",
        "A composed street",
        watchlist,
        [CameraDraft(f"Camera {number + 1:02}", "agent", frame_rate=30) for number in range(cameras)],
        people=People(
            users["watchlist_admin"], users["authority"], users["commander"], users["operator"], users["officer"]
        ),
        stewards=Stewards(users["system_admin"], users["compliance"], users["owner"], users["authority"]),
    )
    rows = list(Camera.objects.filter(period__deployment=deployment))
    tokens = [(camera, issue_token(camera, actor=users["commander"])) for camera in rows]
    name_of = {person: named[entry.reference] for person, entry in enrolled.items()}
    for name in sorted(set(photographs) - set(name_of.values())):
        say(f"no face on the photograph of {name}: not enrolled")
    return Stage(deployment, tokens, name_of, session_of(users["operator"]))


async def play(
    url: str, stage: Stage, films: Sequence[Sequence[Picture]], fps: float | None, uplink: Uplink | None = None
) -> Play:
    """Stream a film of JPEGs from each camera, and listen as an operator's browser does.

    fps: frames a second of each camera, skipping those not taken in time; if None, all frames, each as soon as the one
    before is answered. uplink: the line of each camera; this machine's loopback if None.
    """
    result = Play([], [{} for _ in films], [{} for _ in films], [{} for _ in films])
    listener = asyncio.create_task(_listen(url, stage, result.arrivals))
    await asyncio.sleep(1)
    lines = contextlib.AsyncExitStack()
    servers = [url] * len(films)
    if uplink is not None:
        port = int(url.rpartition(":")[2])
        servers = [await lines.enter_async_context(relay(port, uplink)) for _ in films]
    clients = [
        CameraClient(server, str(camera.id), token, *_noting(result, place))
        for place, (server, (camera, token)) in enumerate(zip(servers, stage.cameras, strict=True))
    ]
    # Real cameras do not send at the same moment; these are spread evenly.
    feeds = [
        _paced(film, fps, number / len(films) / fps) if fps else _as_taken(client, film)
        for number, (client, film) in enumerate(zip(clients, films, strict=True))
    ]
    async with lines:
        await asyncio.gather(*(client.stream(feed) for client, feed in zip(clients, feeds, strict=True)))
    # Wait for the last frame's alert, and for the counters, which are written every two seconds.
    await asyncio.sleep(3)
    listener.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listener
    result.traffic.extend(client.traffic for client in clients)
    return result


def say(text: str) -> None:
    """Print progress to standard error; results go to standard output."""
    print(f"  · {text}", file=sys.stderr)


def session_of(user: User) -> str:
    """Return the key of a session in which this user is signed in."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def _noting(result: Play, place: int) -> tuple[Callable[[dict[str, Any]], None], Callable[[int], None]]:
    """Return two callbacks that record a camera's answers and the frames that it sends."""

    def note(message: dict[str, Any]) -> None:
        if message["type"] == "read":
            result.read_at[place][message["frame"]] = time.monotonic()
            result.engine_ms[place][message["frame"]] = message["engine_ms"]

    def note_sending(number: int) -> None:
        result.sent_at[place][number] = time.monotonic()

    return note, note_sending


async def _as_taken(client: CameraClient, film: Sequence[Picture]) -> AsyncIterator[Picture]:
    for jpeg in film:
        await client.answered()
        yield jpeg


async def _paced(film: Sequence[Picture], fps: float, delay: float) -> AsyncIterator[Picture]:
    feed = iter(film)
    await asyncio.sleep(delay)
    async for jpeg in paced(lambda: next(feed, None), fps):
        yield jpeg


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
