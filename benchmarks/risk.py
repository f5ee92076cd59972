"""Whether some faces on a list raise most of the false alerts, and whether a cohort of strangers predicts which.

    python -m benchmarks.risk --faces DIR [--json]

Everybody with two photographs or more is enrolled. Strangers are divided into two halves. With the first, each entry's
risk is measured (the mean score of its ten nearest strangers); in the second, its false matches are counted, at the
shipped threshold and at lower ones, where there are more to count. Then the halves change places. Printed: the share of
false matches on the 10% and the 5% of entries with the highest risk. If all faces were alike, these would be 0.10 and
0.05.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.stage import say
from benchmarks.weights import staged
from recognition.engine import SHIPPED, Template, joined
from recognition.open_set import NoFaces, Photographs
from recognition.reading import read_all
from watchlists.defaults import DEFAULT_THRESHOLD

# The nearest strangers, whose mean score is the risk: a single one would depend on chance.
NEAREST = 10
LOWER = (0.0, 0.03, 0.06, 0.09)
SHARES = (0.1, 0.05)


@dataclass(frozen=True)
class Cohort:
    """Templates of strangers, one for each. first, second: (n, d) unit rows; second is None without a second model."""

    first: npt.NDArray[np.float32]
    second: npt.NDArray[np.float32] | None

    @classmethod
    def of(cls, templates: Sequence[Template]) -> Cohort:
        """Return the cohort of these templates.

        Raises:
            ValueError: there are fewer than NEAREST, or they come from two engines.
        """
        if len(templates) < NEAREST:
            raise ValueError(f"a cohort needs {NEAREST} strangers or more, not {len(templates)}")
        seconds = [template.second for template in templates if template.second is not None]
        if seconds and len(seconds) != len(templates):
            raise ValueError("templates of two engines cannot be compared")
        first = np.stack([template.embedding for template in templates]).astype(np.float32)
        return cls(first, np.stack(seconds).astype(np.float32) if seconds else None)

    def scores(self, template: Template) -> npt.NDArray[np.float32]:
        """Return the engine's scores of a face against each stranger."""
        first = self.first @ template.embedding
        if (self.second is None) != (template.second is None):
            raise ValueError("templates of two engines cannot be compared")
        if self.second is None or template.second is None:
            return np.asarray(first, np.float32)
        return np.asarray(joined(first, self.second @ template.second), np.float32)

    def risk(self, template: Template) -> float:
        """Return the mean score of the nearest strangers: the higher, the more passers-by match this person."""
        return float(np.sort(self.scores(template))[-NEAREST:].mean())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="Print one line.")
    options = parser.parse_args(arguments)
    try:
        found = Photographs.of(options.faces)
    except NoFaces as error:
        raise SystemExit(str(error)) from error
    print(json.dumps(measured(found), indent=None if options.json else 2))


def measured(found: Photographs) -> dict[str, Any]:
    paths = [*found.gallery.values(), *found.non_mated]
    say(f"reading {len(paths)} photographs")
    readings = read_all(staged(), SHIPPED, paths)
    count = len(found.gallery)
    listed = [reading.close for reading in readings[:count] if reading is not None]
    strangers = [reading.close for reading in readings[count:] if reading is not None]
    halves = (strangers[0::2], strangers[1::2])
    rows = [_row(DEFAULT_THRESHOLD - lower, listed, halves) for lower in LOWER]
    risks = np.array([Cohort.of(halves[0]).risk(template) for template in listed])
    again = np.array([Cohort.of(halves[1]).risk(template) for template in listed])
    return {
        "listed": len(listed),
        "strangers": [len(half) for half in halves],
        "correlation_of_the_halves": round(float(np.corrcoef(risks, again)[0, 1]), 2),
        "risk_quantiles": {f"{q}": round(float(np.quantile(risks, q)), 3) for q in (0.5, 0.9, 0.95, 0.99)},
        "at": rows,
    }


def _row(threshold: float, listed: Sequence[Template], halves: tuple[list[Template], list[Template]]) -> dict[str, Any]:
    false = dict.fromkeys(SHARES, 0)
    total = entries = 0
    for one, other in (halves, halves[::-1]):
        cohort, street = Cohort.of(one), Cohort.of(other)
        risks = np.array([cohort.risk(template) for template in listed])
        matches = np.array([int((street.scores(template) >= threshold).sum()) for template in listed])
        order = np.argsort(-risks)
        for share in SHARES:
            false[share] += int(matches[order[: int(len(listed) * share)]].sum())
        total += int(matches.sum())
        entries += int((matches > 0).sum())
    return {
        "threshold": round(threshold, 3),
        "false_matches": total,
        "entries_with_any": entries,
        **{f"share_of_riskiest_{share:g}": round(false[share] / total, 2) if total else None for share in SHARES},
    }


if __name__ == "__main__":
    main()
