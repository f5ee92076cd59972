"""The share of people that an engine finds, and the share of strangers that it wrongly matches.

    python -m benchmarks.accuracy --faces DIR [--json] [--baseline] [--model SFace] [--fpir 0.01,0.003]

DIR contains <person>/<photograph>. The protocol is that of recognition.open_set: of everybody with several photographs,
the first is enrolled and up to three more are probes; people with a single photograph are strangers. --baseline also
measures `DeepFace.represent` as shipped (YuNet, SFace, its own alignment) on the same photographs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.baseline import deepface_outcome
from benchmarks.weights import staged
from recognition.engine import Choice, Engine
from recognition.open_set import NoFaces, Outcome, Photographs, outcome
from recognition.reading import read_all
from recognition.statistics import wilson
from recognition.weights import WeightsError


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    try:
        photographs = Photographs.of(options.faces)
        choice = Choice.of(options.model, options.sha256)
        home = staged(choice)
    except (NoFaces, WeightsError) as error:
        raise SystemExit(str(error)) from error
    result = measured(home, choice, photographs, options.fpir)
    if options.baseline:
        _say("the same photographs through DeepFace.represent as shipped")
        result["baseline"] = summary(deepface_outcome(home, photographs), photographs, options.fpir)
    print(json.dumps(result, indent=None if options.json else 2))


def measured(home: Path, choice: Choice, photographs: Photographs, fpirs: Sequence[float]) -> dict[str, Any]:
    """Return the summary of one engine."""
    paths = [*photographs.gallery.values(), *(path for _, path in photographs.mated), *photographs.non_mated]
    began = time.monotonic()
    readings = read_all(home, choice, paths, lambda done: _progress(done, len(paths), began))
    engine = Engine(home, choice)
    found = summary(outcome(engine, photographs, readings), photographs, fpirs)
    return {"engine": vars(engine.identity), "runtimes": engine.runtimes, "dataset": photographs.digest(), **found}


def summary(result: Outcome, photographs: Photographs, fpirs: Sequence[float]) -> dict[str, Any]:
    """Return counts, rates, thresholds and 95% intervals (Wilson)."""
    mated, first = len(result.own), int(result.first.sum())
    # Without strangers there is no false positive rate to choose a threshold by.
    thresholds = {f"{fpir:g}": result.threshold(fpir) if len(result.strangers) else None for fpir in fpirs}
    found = {name: None if value is None else result.found(value) for name, value in thresholds.items()}
    return {
        "gallery": result.gallery,
        "mated": mated,
        "non_mated": len(result.strangers),
        "failed_to_enrol": result.failed_to_enrol,
        "failed_probes": result.failed_probes,
        "rank1": round(first / mated, 4),
        "tpir": {name: None if count is None else round(count / mated, 4) for name, count in found.items()},
        "thresholds": {name: None if value is None else round(value, 4) for name, value in thresholds.items()},
        "intervals": {
            "rank1": _interval(first, mated),
            **{name: None if count is None else _interval(count, mated) for name, count in found.items()},
        },
    }


def _interval(count: int, of: int) -> list[float]:
    return [round(bound, 4) for bound in wilson(count, of)]


def _progress(done: int, of: int, began: float) -> None:
    if done % 200 == 0 or done == of:
        left = (time.monotonic() - began) / done * (of - done)
        _say(f"{done:,} of {of:,} photographs read, {left:.0f} s to go")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--model", default="SFace", help="A model of DeepFace that docs/explain/engines.md lists.")
    parser.add_argument("--sha256", default="", help="SHA-256 of its weights, unless they are the shipped ones.")
    parser.add_argument("--fpir", type=_rates, default=[0.01, 0.003, 0.001], help="Rates, comma-separated.")
    parser.add_argument("--baseline", action="store_true", help="Also measure DeepFace.represent as shipped.")
    parser.add_argument("--json", action="store_true", help="Print one line.")
    return parser.parse_args(arguments)


def _rates(text: str) -> list[float]:
    rates = [float(part) for part in text.split(",")]
    if not all(0 < rate < 1 for rate in rates):
        raise argparse.ArgumentTypeError("rates must be between 0 and 1")
    return rates


def _say(text: str) -> None:
    print(f"  · {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
