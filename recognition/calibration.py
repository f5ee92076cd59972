"""From an engine's scores on photographs to a threshold, and to how many strangers it will stop.

What is counted: FPIR, the share of people on no list for whom somebody of the list is above the threshold; TPIR, the
share of people on the list who are ranked first and above it. Both with their intervals, and only as far as the number
of strangers in the photographs carries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recognition.open_set import Outcome, Scores
from recognition.statistics import wilson

# With fewer strangers above a threshold than this, the threshold is a guess.
FEWEST_ABOVE = 3
RESAMPLES = 400


class CannotSupport(ValueError):
    """The photographs are too few for the rate that was asked for; the message says how far they carry."""


@dataclass(frozen=True)
class Rate:
    """A counted share with its 95% interval."""

    value: float
    low: float
    high: float

    def of(self, people: int) -> Rate:
        """How many of so many people."""
        return Rate(self.value * people, self.low * people, self.high * people)


@dataclass(frozen=True)
class Threshold:
    """A threshold chosen for a wanted FPIR: its own interval (strangers resampled), and what it does to both rates."""

    wanted_fpir: float
    list_size: int
    value: float
    low: float
    high: float
    fpir: Rate
    tpir: Rate


@dataclass(frozen=True)
class Calibration:
    """The scores of one engine on one set of photographs. See recognition.open_set.Outcome for what they are."""

    gallery: int
    own: Scores
    first: npt.NDArray[np.bool_]
    strangers: Scores

    @classmethod
    def of(cls, outcome: Outcome) -> Calibration:
        return cls(outcome.gallery, outcome.own, outcome.first, outcome.strangers)

    def to_json(self) -> dict[str, Any]:
        """Scores to four places; they belong to nobody in particular."""
        return {
            "gallery": self.gallery,
            "own": np.round(self.own.astype(float), 4).tolist(),
            "first": self.first.astype(int).tolist(),
            "strangers": np.round(self.strangers.astype(float), 4).tolist(),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Calibration:
        strangers = np.array(content["strangers"], np.float32)
        return cls(
            content["gallery"], np.array(content["own"], np.float32), np.array(content["first"], bool), strangers
        )

    @property
    def smallest_fpir(self) -> float:
        """The lowest rate that these strangers can show."""
        return FEWEST_ABOVE / max(len(self.strangers), 1)

    def is_extrapolated(self, list_size: int) -> bool:
        """Whether a list of this size is larger than the one measured."""
        return list_size > self.gallery

    def fpir(self, threshold: float, list_size: int | None = None) -> Rate:
        """The share of strangers for whom a list of this size holds somebody above the threshold.

        A smaller list is a random part of the measured one. A larger one is taken for so many lists of the
        measured size, each with its own chance: an extrapolation, and said to be one (`is_extrapolated`).
        """
        raised = float(self._hits(np.array([threshold]), list_size)[:, 0].sum())
        rates = (raised / max(len(self.strangers), 1), *wilson_of(raised, len(self.strangers)))
        return Rate(*(float(self._of_larger(rate, list_size)) for rate in rates))

    def tpir(self, threshold: float) -> Rate:
        """The share of people on the list who are found."""
        found = int((self.first & (self.own > threshold)).sum())
        return Rate(found / max(len(self.own), 1), *wilson(found, len(self.own)))

    def threshold(self, fpir: float, list_size: int | None = None) -> Threshold:
        """The lowest threshold whose FPIR is at most `fpir` on a list of this size.

        Raises:
            CannotSupport: too few strangers for this rate on a list of this size.
        """
        size = list_size or self.gallery
        # What the rate asked for means on the list that was measured.
        measured = 1 - (1 - fpir) ** min(self.gallery / size, 1)
        if measured < self.smallest_fpir:
            larger = (
                f" on a list {size / self.gallery:.1f} times as long as the one measured" if size > self.gallery else ""
            )
            raise CannotSupport(
                f"{len(self.strangers):,} strangers cannot show a rate of {fpir:.2%}{larger}: "
                f"it needs {math.ceil(FEWEST_ABOVE / measured):,} of them."
            )
        grid = self._grid()
        hits = self._hits(grid, size)
        value = _lowest(grid, self._of_larger(hits.mean(axis=0), size), fpir)
        chance = np.random.default_rng(1)
        count = len(self.strangers)
        weights = chance.multinomial(count, np.full(count, 1 / count), size=RESAMPLES) / count
        resampled = [_lowest(grid, self._of_larger(each, size), fpir) for each in weights @ hits]
        low, high = np.percentile(resampled, [2.5, 97.5])
        return Threshold(fpir, size, value, float(low), float(high), self.fpir(value, size), self.tpir(value))

    def false_alerts(self, threshold: float, list_size: int, footfall: int) -> Rate:
        """Strangers stopped among so many who pass, one look at each."""
        return self.fpir(threshold, list_size).of(footfall)

    def _grid(self) -> npt.NDArray[np.float32]:
        """Thresholds to choose from: every stranger's best score, thinned out below the highest of many."""
        best = np.unique(self.strangers[:, 0])
        rest, highest = best[:-1000], best[-1000:]
        return np.concatenate([rest[:: max(len(rest) // 1000, 1)], highest])

    def _hits(self, thresholds: npt.NDArray[np.floating[Any]], list_size: int | None) -> npt.NDArray[np.float32]:
        """Strangers x thresholds: the chance that a list of this size, at most the measured one, holds somebody."""
        size = min(list_size or self.gallery, self.gallery)
        above = np.zeros((len(self.strangers), len(thresholds)), np.uint8)
        for best in self.strangers.T:
            above += best[:, None] > thresholds[None, :]
        # None of the `above` people among `size` drawn from the gallery, for each possible number of them.
        counts = np.arange(above.max(initial=0) + 1)
        spared = np.cumprod(np.concatenate([[1.0], (self.gallery - size - counts[:-1]) / (self.gallery - counts[:-1])]))
        return np.asarray(1 - np.clip(spared, 0, 1), np.float32)[above]

    def _of_larger(self, rate: Any, list_size: int | None) -> Any:
        """A rate of the measured list as that of a larger one.

        Strangers who are like nobody on one list are not like nobody on the next: taking each stranger's own share of
        the list for what further people would have gives a quarter of the rate that a list four times as long shows
        (docs/explain/accuracy.md).
        """
        size = list_size or self.gallery
        return 1 - (1 - rate) ** (size / self.gallery) if size > self.gallery else rate


def wilson_of(expected: float, trials: int) -> tuple[float, float]:
    """Wilson's interval for an expected number of successes, which need not be whole: the wider of its neighbours'."""
    return wilson(math.floor(expected), trials)[0], wilson(math.ceil(expected), trials)[1]


def _lowest(grid: npt.NDArray[Any], rates: npt.NDArray[np.float64], wanted: float) -> float:
    """The first threshold of a rising grid whose falling rate is at most the wanted one."""
    fits = np.nonzero(rates <= wanted + 1e-12)[0]
    return float(grid[fits[0]] if len(fits) else grid[-1])
