"""Each network on each runtime that can run it: milliseconds on one core, and agreement with DeepFace's vectors.

    python -m benchmarks.runtimes [--json]

Face models get one aligned crop at a time, the detector whole frames. All are noise, because the cost does not depend
on the content. The reference is what DeepFace uses: for Dlib dlib's own code, and for detection OpenCV. first_ms: time
for the detector's first frame of a size.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from benchmarks.weights import staged
from recognition.detect import LEAST_SCORE, Detections, FastYuNet, OpenCVYuNet
from recognition.embed import DeepFaceEmbed, FastEmbed, agreement
from recognition.imaging import Pixels
from recognition.models import DLIB_MODEL, SFACE_MODEL
from recognition.weights import YUNET, verified

FRAMES = ((640, 360), (1280, 720))
REPEATS = 30


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="Print one line.")
    options = parser.parse_args(arguments)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    rows = [*_face_models(), *_detectors()]
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"{row['network']:16} {row['runtime']:34} {row['ms']:7.2f} ms   {row['ratio']:5.1f} x the reference")


def _face_models() -> list[dict[str, Any]]:
    home, rows = staged(), []
    os.environ["DEEPFACE_HOME"] = str(home)
    chance = np.random.default_rng(1)
    for model in (SFACE_MODEL, DLIB_MODEL):
        assert model.graph is not None
        graph = verified(model.graph, home)[0]
        crop = np.asarray(chance.integers(0, 256, (model.side, model.side, 3)), np.uint8)
        reference = DeepFaceEmbed(model)
        slow = _median_ms(functools.partial(reference, [crop]))
        rows.append({"network": model.name, "runtime": "DeepFace", "ms": slow, "ratio": 1.0, "least_cosine": 1.0})
        for coarse in (False, True):
            embed = FastEmbed(graph, model.side, coarse=coarse)
            spent = _median_ms(functools.partial(embed, [crop]))
            cosine = round(agreement(embed, reference, model.side), 6)
            row = {"network": model.name, "runtime": embed.name, "ms": spent, "ratio": round(slow / spent, 1)}
            rows.append(row | {"least_cosine": cosine})
    return rows


def _detectors() -> list[dict[str, Any]]:
    path, rows = verified(YUNET, staged())[0], []
    for width, height in FRAMES:
        frame = np.asarray(np.random.default_rng(1).integers(0, 256, (height, width, 3)), np.uint8)
        slow, name = 0.0, f"YuNet {width}x{height}"
        for detect in (OpenCVYuNet(path), FastYuNet(path)):
            first, spent = _once_ms(detect, frame), _median_ms(functools.partial(detect, frame, LEAST_SCORE))
            slow = slow or spent
            row = {"network": name, "runtime": detect.name, "ms": spent, "ratio": round(slow / spent, 1)}
            rows.append(row | {"first_ms": first})
    return rows


def _once_ms(detect: Detections, frame: Pixels) -> float:
    """Return the milliseconds that one frame takes."""
    began = time.perf_counter()
    detect(frame, LEAST_SCORE)
    return round((time.perf_counter() - began) * 1000, 2)


def _median_ms(act: Callable[[], object]) -> float:
    spent = []
    for _ in range(REPEATS + 3):
        began = time.perf_counter()
        act()
        spent.append((time.perf_counter() - began) * 1000)
    return round(float(np.median(spent[3:])), 2)


if __name__ == "__main__":
    main()
