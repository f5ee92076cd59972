"""Frames a second of this system and of other libraries, on the same frames and the same cores.

    python -m benchmarks.throughput --scene crowd|street|single [--faces DIR] [--cameras 4] [--seconds 24] [--json]

(a) deepface: `DeepFace.represent` (YuNet, SFace: the same weights) and a product with the list's embeddings;
(b) face_recognition: dlib's detector and network through the package of that name;
(c) bare: this project's detector and embedder on every face of every frame, and the search of the list;
(d) engine: detection, tracks, shot selection, search and full passes, as in a worker;
(e) system: the same through WebSocket, Celery, PostgreSQL and back, with two workers and this load generator.

Every camera's film is 1280 x 720 JPEG at ten frames a second of scene: 12 faces at a time (crowd), four (street) or one
(single), 44 to 80 pixels wide in the crowd. All frames are offered as fast as they are taken. (b) to (d) run as one
process for each core, bound to its core and with its share of the cameras. (a) runs as one process, because its runtime
uses every core: two of them disturb each other and are slower together than one. Loops whose cost is the same for any
frame are timed on an even selection of the frames. Without --faces, everybody is the one public-domain portrait that
scikit-image ships.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import json
import math
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.baseline import DeepFaceLoop, FaceRecognitionLoop
from benchmarks.gallery import MemoryGallery
from benchmarks.stage import play, say, set_stage
from benchmarks.system import running_system
from benchmarks.weights import staged
from demo import scene
from recognition.camera_jpeg import decode_frame
from recognition.engine import SHIPPED, detector_at, engine_at
from recognition.frame import process_frame
from recognition.imaging import encode_jpeg
from recognition.open_set import NoFaces, photographs
from recognition.reading import read
from recognition.track import TrackSet
from watchlists.defaults import DEFAULT_THRESHOLD

FPS = 10
SMALLEST_FACE = 32
LISTED, WALKING_LISTED = 24, 2
WORKERS = 2


@dataclass(frozen=True)
class Setting:
    """A scene. lanes: faces in a frame; lasts: seconds each person is visible; far, near: face width in pixels."""

    lanes: int
    lasts: float
    far: int
    near: int


SCENES = {"crowd": Setting(12, 12, 44, 80), "street": Setting(4, 8, 46, 150), "single": Setting(1, 8, 46, 150)}


class Loop(Protocol):
    """Something that processes the frames of cameras one after another."""

    def __call__(self, jpeg: bytes, camera: int, number: int) -> int:
        """Process a frame; return the number of faces found."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="lfr-faces-") as spare:
        try:
            people = photographs(options.faces or scene.bundled_faces(Path(spare)))
        except NoFaces as error:
            raise SystemExit(str(error)) from error
        result = measured(people, options)
    print(json.dumps(result, indent=None if options.json else 2))


def measured(people: dict[str, list[Path]], options: argparse.Namespace) -> dict[str, Any]:
    """Return the frames a second of each loop, and the ratios between them."""
    home = staged()
    listed = {name: pictures[0] for name, pictures in some_of(people, LISTED).items()}
    say(f"composing {options.cameras} films of {options.seconds} seconds")
    films, faces = films_of(home, people, list(listed), SCENES[options.scene], options.cameras, options.seconds)
    rows: dict[str, dict[str, Any]] = {}
    for name in (name for name in LOOPS if name in options.only):
        say(f"timing {name}")
        rows[name] = together(name, home, films, list(listed.values()), options.budget)
    if "system" in options.only:
        say("timing system")
        rows["system"] = _system(films, listed)
    fps = {name: row["fps"] for name, row in rows.items()}
    return {
        "scene": options.scene,
        "frame": [1280, 720],
        "faces_a_frame": round(faces, 1),
        "cameras": options.cameras,
        "cores": os.cpu_count(),
        "list": len(listed),
        "fps": fps,
        "faces_seen_a_frame": {name: row["faces"] for name, row in rows.items() if "faces" in row},
        "system_core_ms_a_frame": rows.get("system", {}).get("core_ms_a_frame"),
        "ratios": {
            f"{one}_to_{other}": round(fps[one] / fps[other], 2)
            for one, other in (
                ("engine", "deepface"),
                ("engine", "face_recognition"),
                ("engine", "bare"),
                ("system", "engine"),
            )
            if one in fps and other in fps
        },
    }


def some_of(people: dict[str, list[Path]], count: int) -> dict[str, list[Path]]:
    """Return `count` people, the same each time, those with more than one photograph first."""
    names = sorted(people)
    random.Random(1).shuffle(names)
    names.sort(key=lambda name: len(people[name]) < 2)
    return {name: people[name] for name in names[:count]}


def films_of(
    home: Path, people: dict[str, list[Path]], listed: Sequence[str], setting: Setting, cameras: int, seconds: float
) -> tuple[list[list[bytes]], float]:
    """Return a film for each camera and the mean faces in a frame; two listed people pass the first cameras."""
    rounds = math.ceil(seconds / setting.lasts) + 1
    needed = setting.lanes * rounds * cameras
    wanted = listed[:WALKING_LISTED]
    strangers = [name for name in some_of(people, len(people)) if name not in listed][-needed:] or list(people)
    detector = detector_at(home)
    looks = {
        name: [look for path in (people[name][1:4] or people[name]) if (look := scene.cutout(detector, path))]
        for name in [*wanted, *strangers]
    }
    seen = {name: tuple(cut) for name, cut in looks.items() if cut}
    strangers = [name for name in strangers if name in seen]
    films, faces = [], 0
    for camera in range(cameras):
        chance = random.Random(camera)
        cast = [chance.choice(strangers) for _ in range(setting.lanes * rounds)]
        if camera < len(wanted) and wanted[camera] in seen:
            cast[setting.lanes // 2] = wanted[camera]
        street = scene.Street(_walkers(setting, cast, seen, chance), seed=camera, near=setting.near, far=setting.far)
        shown = [street.frame(number / FPS) for number in range(int(seconds * FPS))]
        films.append([encode_jpeg(pixels, 80) for pixels, _ in shown])
        faces += sum(len(visible) for _, visible in shown)
    return films, faces / sum(map(len, films))


def _walkers(
    setting: Setting, cast: Sequence[str], looks: dict[str, tuple[scene.Cutout, ...]], chance: random.Random
) -> list[scene.Walker]:
    """Return walkers one after another in every lane, so that every lane is always occupied."""
    begins = [-chance.uniform(0, setting.lasts) for _ in range(setting.lanes)]
    return [
        scene.Walker(
            person=name,
            looks=looks[name],
            starts=begins[index % setting.lanes] + setting.lasts * (index // setting.lanes),
            lasts=setting.lasts,
            lane=(index % setting.lanes + 0.5) / setting.lanes,
            light=chance.uniform(0.75, 1.1),
        )
        for index, name in enumerate(cast)
    ]


class BareLoop:
    """Every face of every frame through this project's detector and embedder, without tracks."""

    def __init__(self, home: Path, listed: Sequence[Path]) -> None:
        self._engine = engine_at(home, SHIPPED)
        self._gallery = _gallery(home, listed)

    def __call__(self, jpeg: bytes, camera: int, number: int) -> int:
        pixels = decode_frame(jpeg)
        quick_passes = self._engine.quick_pass(pixels, self._engine.detect(pixels, SMALLEST_FACE))
        if quick_passes:
            self._gallery.nearest([quick_pass.embedding for quick_pass in quick_passes])
        return len(quick_passes)


class EngineLoop:
    """The processing of a worker, without the system around it."""

    def __init__(self, home: Path, listed: Sequence[Path]) -> None:
        self._engine = engine_at(home, SHIPPED)
        self._gallery = _gallery(home, listed)
        self._tracks: dict[int, TrackSet] = {}

    def __call__(self, jpeg: bytes, camera: int, number: int) -> int:
        seen = process_frame(
            decode_frame(jpeg),
            number / FPS,
            self._tracks.setdefault(camera, TrackSet()),
            engine=self._engine,
            gallery=self._gallery,
            threshold=DEFAULT_THRESHOLD,
            smallest_face=SMALLEST_FACE,
        )
        for match in seen.matches:
            match.settled()
        return len(seen.faces)


def _gallery(home: Path, listed: Sequence[Path]) -> MemoryGallery:
    readings = [(path.parent.name, read(engine_at(home, SHIPPED), path)) for path in listed]
    kept = [(name, reading.close) for name, reading in readings if reading is not None]
    return MemoryGallery([name for name, _ in kept], [template for _, template in kept])


@dataclass(frozen=True)
class Contender:
    """How a loop is timed. every_frame: each frame depends on those before; alone: one process, not bound to a core."""

    build: Callable[[Path, Sequence[Path]], Loop]
    every_frame: bool = False
    alone: bool = False


LOOPS = {
    "deepface": Contender(DeepFaceLoop, alone=True),
    "face_recognition": Contender(FaceRecognitionLoop),
    "bare": Contender(BareLoop),
    "engine": Contender(EngineLoop, every_frame=True),
}


@dataclass(frozen=True)
class _Run:
    """One process's part of a timing. core: the core it is bound to, if any."""

    name: str
    home: Path
    core: int | None
    films: Sequence[Sequence[bytes]]
    listed: Sequence[Path]
    budget: float

    def __call__(self, barrier: Any) -> tuple[int, float, int]:
        """Return the number of frames, the seconds and the number of faces."""
        if self.core is not None:
            os.sched_setaffinity(0, {self.core})
        contender = LOOPS[self.name]
        loop = contender.build(self.home, self.listed)
        frames = [
            (jpeg, camera, number)
            for number, jpegs in enumerate(zip(*self.films, strict=True))
            for camera, jpeg in enumerate(jpegs)
        ]
        once = time.perf_counter()
        loop(*frames[0])
        once = time.perf_counter() - once
        if not contender.every_frame:
            wanted = min(max(int(self.budget / max(once, 1e-3)), 4), len(frames))
            frames = [frames[int(index)] for index in np.linspace(0, len(frames) - 1, wanted)]
        barrier.wait()
        began = time.perf_counter()
        done = faces = 0
        for frame in frames:
            faces += loop(*frame)
            done += 1
            if not contender.every_frame and time.perf_counter() - began > self.budget:
                break
        return done, time.perf_counter() - began, faces


def together(
    name: str, home: Path, films: Sequence[Sequence[bytes]], listed: Sequence[Path], budget: float
) -> dict[str, float]:
    """Return the frames a second of all processes of a loop, and the mean faces found in a frame."""
    cores = sorted(os.sched_getaffinity(0))
    if LOOPS[name].alone:
        runs = [_Run(name, home, None, films, listed, budget)]
    else:
        shares = [(core, films[index :: len(cores)]) for index, core in enumerate(cores)]
        runs = [_Run(name, home, core, share, listed, budget) for core, share in shares if share]
    context = multiprocessing.get_context("spawn")
    # All begin together once each has loaded its models, and each runs until its frames or its time run out.
    with context.Manager() as manager, concurrent.futures.ProcessPoolExecutor(len(runs), context) as pool:
        barrier = manager.Barrier(len(runs))
        done = [job.result() for job in [pool.submit(run, barrier) for run in runs]]
    return {
        "fps": round(sum(frames / seconds for frames, seconds, _ in done), 2),
        "faces": round(sum(faces for _, _, faces in done) / sum(frames for frames, _, _ in done), 1),
    }


def _system(films: Sequence[Sequence[bytes]], listed: dict[str, Path]) -> dict[str, Any]:
    """Return the rate of the whole system, and the milliseconds of a core that each kind of process takes for a frame.

    The rate is counted from a second after every camera has had an answer until the first camera has finished.
    """
    with running_system(WORKERS) as system:
        stage = set_stage(listed, len(films))
        before = system.cpu_seconds()
        played = asyncio.run(play(system.url, stage, films, fps=None))
        after = system.cpu_seconds()
    begins = max(min(times.values()) for times in played.read_at) + 1
    ends = min(max(times.values()) for times in played.read_at)
    counted = sum(begins <= at <= ends for times in played.read_at for at in times.values())
    frames = sum(each.read for each in played.traffic)
    spent = {kind: round((after[kind] - before[kind]) * 1000 / frames, 2) for kind in after}
    return {"fps": round(counted / (ends - begins), 2), "core_ms_a_frame": spent}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    every = [*LOOPS, "system"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scene", choices=list(SCENES), default="crowd")
    parser.add_argument("--faces", type=Path)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=24, help="Length of each camera's film.")
    parser.add_argument("--budget", type=float, default=15, help="Seconds for each loop that may skip frames.")
    parser.add_argument("--only", type=lambda text: text.split(","), default=every, help=f"Some of {','.join(every)}.")
    parser.add_argument("--json", action="store_true", help="Print one line.")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
