"""The whole path: people walk past cameras, alerts arrive at an operator's socket, and every alert is checked.

    python -m benchmarks.end_to_end --faces DIR [--enrolled 20] [--strangers 20] [--cameras 1] [--fps 5] [--seconds 60]
        [--uplink-mbit 2] [--round-trip-ms 80]

DIR contains <person>/<photograph>.jpg. Each enrolled person's first photograph by name is on the watchlist; they walk
past in their other photographs. An alert is true if the faces of all its shots, found by frame number and box, belong
to the person it names. latency_ms: from a frame's departure from the client to its alert's arrival at an operator's
socket; above_engine_ms: the same without the engine's time for that frame; arrival_to_row_ms: the server's part. A
picture that is due before its camera's turn is skipped; frames_dropped counts these and the frames that were sent but
not read. --uplink-mbit gives each camera a line of this many megabits a second; --round-trip-ms adds this delay to each
line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.camera_client import Picture
from agent.line import ENCODINGS
from agent.video import encode
from benchmarks.stage import Play, Stage, play, say, set_stage
from benchmarks.system import RunningSystem, processor, running_system
from benchmarks.uplink import Uplink
from demo import scene
from recognition.detect import FaceDetector
from recognition.engine import detector_at
from recognition.imaging import Pixels, encode_jpeg
from recognition.open_set import NoFaces, photographs
from recognition.track import Box

if TYPE_CHECKING:
    from alerts.models import Shot


@dataclass(frozen=True)
class Film:
    """The frames of one camera, and the people visible in each."""

    pictures: list[Picture]
    visible: list[list[scene.Visible]]
    # The JPEG quality and scale of each picture sent over an uplink, by its index.
    encodings: dict[int, tuple[int, float]]


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    try:
        people = photographs(options.faces)
    except (NoFaces, OSError) as error:
        raise SystemExit(str(error)) from error
    with running_system(options.workers) as system:
        result = measure(system, people, options)
    print(json.dumps(result, indent=None if options.json else 2))


def measure(system: RunningSystem, people: dict[str, list[Path]], options: argparse.Namespace) -> dict[str, Any]:
    """Enrol people, let them walk past the cameras, and return the counts."""
    from django.conf import settings

    detector = detector_at(settings.DEEPFACE_HOME)
    enrolled = [name for name, pictures in people.items() if len(pictures) > 1][: options.enrolled]
    strangers = [name for name in people if name not in enrolled][: options.strangers]
    say(f"cutting out {len(enrolled)} enrolled people and {len(strangers)} strangers")
    looks = {name: _looks(detector, people[name], options.views, name in enrolled) for name in [*enrolled, *strangers]}
    walking = {name: cut for name, cut in looks.items() if cut}
    stage = set_stage({name: people[name][0] for name in enrolled}, options.cameras)
    films = _films(walking, options)
    say(f"{len(walking)} people walk past {options.cameras} camera(s) for {options.seconds:g} seconds")
    pictures = [film.pictures for film in films]
    played = asyncio.run(play(system.url, stage, pictures, options.fps, _uplink(options)))
    processes, rss = system.memory()
    return _result(stage, films, played, set(enrolled) & set(walking)) | {
        "processor": processor(),
        "enrolled": len(stage.name_of),
        "strangers": len([name for name in strangers if name in walking]),
        "processes": processes,
        "rss_mb": round(rss),
    }


def _uplink(options: argparse.Namespace) -> Uplink | None:
    if options.uplink_mbit is None and options.round_trip_ms is None:
        return None
    return Uplink(options.uplink_mbit, (options.round_trip_ms or 0.0) / 1000)


def _looks(detector: FaceDetector, pictures: list[Path], views: str, is_enrolled: bool) -> list[scene.Cutout]:
    others = pictures[1:] if is_enrolled else pictures
    chosen = scene.matching(others, views) or others
    return [look for path in chosen[:5] if (look := scene.cutout(detector, path)) is not None]


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
        film = Film([], [faces for _, faces in shown], {})
        for place, (pixels, _) in enumerate(shown):
            adapts = _uplink(options) is not None
            film.pictures.append(_of_any_size(pixels, place, film.encodings) if adapts else encode_jpeg(pixels, 80))
        films.append(film)
    return films


def _of_any_size(pixels: Pixels, place: int, encodings: dict[int, tuple[int, float]]) -> Picture:
    """Return a picture for a slow line, encoded beforehand so that encoding takes no time from the system."""
    made = {(quality, scale): encode(pixels, quality, scale) for quality, scale in ENCODINGS}

    def picture(quality: int, scale: float) -> bytes:
        encodings[place] = (quality, scale)
        return made[quality, scale]

    return picture


def _result(stage: Stage, films: list[Film], played: Play, walked: set[str]) -> dict[str, Any]:
    from alerts.models import Alert
    from deployments.models import Deployment

    traffic, arrivals = played.traffic, played.arrivals
    place = {camera.id: index for index, (camera, _) in enumerate(stage.cameras)}
    found: set[str | None] = set()
    false, latencies, waits, at_server = 0, [], [], []
    alerts = list(Alert.objects.all())
    for alert in alerts:
        index = place[alert.camera_id]
        shots = list(alert.shots.select_related("alert"))
        shown = {_shown(shot, films[index]) for shot in shots}
        # An alert is false if any of its shots shows somebody else.
        if shown == {stage.name_of[alert.person_id]}:
            found |= shown
        else:
            false += 1
        at_server.append((alert.raised_at - alert.received_at).total_seconds() * 1000)
        first = shots[0].frame_number
        if str(alert.id) in arrivals:
            latencies.append((arrivals[str(alert.id)] - played.sent_at[index][first]) * 1000)
            if first in played.engine_ms[index]:
                waits.append(latencies[-1] - played.engine_ms[index][first])
    missed = sorted(walked - found)
    if missed:
        say(f"missed: {', '.join(missed)}")
    counted = Deployment.objects.with_counts().get(pk=stage.deployment.pk)
    return {
        "frames_sent": sum(each.sent for each in traffic),
        "frames_processed": sum(each.read for each in traffic),
        "frames_dropped": sum(each.dropped + each.passed_over for each in traffic),
        "frames_by_quality": _by_quality(films),
        "faces_seen": counted.faces,  # type: ignore[attr-defined]
        "alerts": len(alerts),
        "true_alerts": len(alerts) - false,
        "false_alerts": false,
        "people_missed": len(missed),
        "latency_ms": _percentiles(latencies, (50, 95, 99)),
        "above_engine_ms": _percentiles(waits, (50, 95)),
        "arrival_to_row_ms": _percentiles(at_server, (50, 95)),
        "engine_ms": _percentiles([value for each in played.engine_ms for value in each.values()], (50, 95)),
    }


def _by_quality(films: list[Film]) -> dict[str, int]:
    """Return the number of frames sent with each JPEG quality and scale; empty without an uplink."""
    sent = Counter(encoding for film in films for encoding in film.encodings.values())
    return {f"{quality} x {scale}": sent[quality, scale] for quality, scale in ENCODINGS if (quality, scale) in sent}


def _shown(shot: Shot, film: Film) -> str | None:
    """Return the person in a shot: the walker whose face box overlaps the shot's most; None if none does."""
    from alerts.content import shot_content

    index = shot.frame_number - 1
    visible, (_, scale) = film.visible[index], film.encodings.get(index, ENCODINGS[0])
    left, top, width, height = (value / scale for value in shot_content(shot).box)
    overlaps = [(_overlap((left, top, width, height), face.box), face.person) for face in visible]
    overlap, person = max(overlaps, default=(0.0, ""))
    return person if overlap > 0.3 else None


def _overlap(one: Box, other: Box) -> float:
    """Return the intersection over union."""
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
    parser.add_argument("--views", default="*", help="Patterns of the photographs to show, comma-separated.")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--uplink-mbit", type=float, help="Bandwidth of each camera's line (default: unlimited).")
    parser.add_argument("--round-trip-ms", type=float, help="Delay added to each camera's line (default: none).")
    parser.add_argument("--json", action="store_true", help="Print one line.")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
