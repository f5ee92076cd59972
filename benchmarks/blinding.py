"""Latency from frame to alert under each attack on the web server, compared with the same run without an attack.

    python -m benchmarks.blinding [--seconds 30] [--only health,pages,...] [--json]

A camera streams at five frames a second, and a subject (a public-domain portrait) walks by every four seconds, while
another process runs each of `benchmarks.attacks`. latency_ms: from a frame's arrival to its alert's row, p50 and p95.
ratio: the p50 divided by the p50 without an attack. longest_gap_s: the longest time between two answers to the camera.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.attacks import ATTACKS
from benchmarks.stage import Stage, say, session_of, set_stage
from benchmarks.system import RunningSystem, processor, running_system
from benchmarks.watched import WatchedCamera
from demo import scene
from recognition.imaging import decode_stored, encode_jpeg

WALK_EVERY_S = 4.0
PATIENCE_S = 30


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(ATTACKS))
    parser.add_argument("--json", action="store_true", help="Print one line.")
    options = parser.parse_args(arguments)
    # Each walk raises a separate alert.
    os.environ["LFR_JOIN_SECONDS"] = "0"
    with running_system() as system:
        result = measure(system, options.seconds, options.only)
    print(json.dumps(result, indent=None if options.json else 2))


def measure(system: RunningSystem, seconds: float, attacks: Sequence[str]) -> dict[str, Any]:
    """Return the figures without an attack and under each attack."""
    from lfr_site.models import User

    portrait = scene.bundled_portrait()
    stage = set_stage({"portrait": portrait}, 2)
    (camera, token), insider = stage.cameras
    cookie = f"sessionid={session_of(User.objects.get(username='watchlist_admin'))}"
    face = encode_jpeg(decode_stored(portrait.read_bytes()), 95)
    watched = WatchedCamera(system.url, str(camera.id), token, face, WALK_EVERY_S)
    try:
        time.sleep(WALK_EVERY_S)
        say("without an attack")
        alone = _figures(stage, watched, lambda: time.sleep(seconds))
        found = {}
        for name in attacks:
            say(name)
            command = [sys.executable, "-m", "benchmarks.attacks", name, "--port", system.url.rpartition(":")[2]]
            command += ["--seconds", str(seconds), "--cookie", cookie]
            # One word, because a token may begin with a dash.
            command += ["--camera", str(insider[0].id), f"--token={insider[1]}"]
            counts: dict[str, Any] = {}

            def attack(command: list[str] = command, counts: dict[str, Any] = counts) -> None:
                counts |= json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

            found[name] = _figures(stage, watched, attack) | {"counts": counts}
            found[name]["ratio"] = round(found[name]["latency_ms"]["p50"] / alone["latency_ms"]["p50"], 2)
    finally:
        watched.stop()
    return {"processor": processor(), "seconds": seconds, "without": alone, "attacks": found}


def _figures(stage: Stage, watched: WatchedCamera, act: Any) -> dict[str, Any]:
    began, walks = time.monotonic(), len(watched.walks)
    before = set(_alerts(stage))
    act()
    ended, walked = time.monotonic(), len(watched.walks) - walks
    deadline = time.monotonic() + PATIENCE_S
    while len(raised := {key: at for key, at in _alerts(stage).items() if key not in before}) < walked:
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    return {
        "walks": walked,
        "alerts": len(raised),
        "latency_ms": {f"p{each}": round(float(np.percentile(list(raised.values()), each)), 1) for each in (50, 95)},
        "longest_gap_s": round(watched.longest_gap(began, ended), 2),
    }


def _alerts(stage: Stage) -> dict[Any, float]:
    """Return, for each alert, the milliseconds from its frame's arrival to its row."""
    from alerts.models import Alert

    rows = Alert.objects.filter(camera=stage.cameras[0][0])
    return {alert.pk: (alert.raised_at - alert.received_at).total_seconds() * 1000 for alert in rows}


if __name__ == "__main__":
    main()
