"""Intervals and tests of counts, by SciPy. `scipy.stats` is imported where it is used: it takes most of a second."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import gammaincinv, ndtri

Z_95 = 1.959964


def poisson(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a Poisson count's expectation (Garwood 1936)."""
    tail = (1 - confidence) / 2
    low = float(gammaincinv(count, tail)) if count else 0.0
    return low, float(gammaincinv(count + 1, 1 - tail))


def fisher(count: int, of: int, other_count: int, other_of: int) -> float:
    """Return the two-sided p-value of Fisher's exact test that two rates are the same."""
    from scipy.stats import fisher_exact

    table = np.array([[count, of - count], [other_count, other_of - other_count]])
    return float(fisher_exact(table).pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values corrected for testing all of them (Holm 1979), in the same order."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    corrected, highest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = highest
    return corrected


def rate_ratio(count: int, of: int, other_count: int, other_of: int) -> tuple[float, float, float]:
    """Return the ratio of two rates with its 95% interval (Katz 1978), by adding a half to every count if one is 0.

    Neither `of` nor `other_of` may be 0.
    """
    if not count or not other_count:
        counts = count + 0.5, of + 0.5, other_count + 0.5, other_of + 0.5
    else:
        counts = float(count), float(of), float(other_count), float(other_of)
    a, n, b, m = counts
    ratio = (a / n) / (b / m)
    spread = Z_95 * math.sqrt(max(1 / a - 1 / n + 1 / b - 1 / m, 0.0))
    return ratio, ratio * math.exp(-spread), ratio * math.exp(spread)


def needed(rate: float, ratio: float, *, power: float = 0.8, level: float = 0.05) -> int | None:
    """Return how many are needed in each of two groups to find that one rate is `ratio` times another.

    rate: of the one, between 0 and 1. None if it is 0 or 1, or the other would not be a rate.
    """
    other = rate * ratio
    if not 0 < rate < 1 or not 0 < other < 1:
        return None
    middle = (rate + other) / 2
    found = ndtri(1 - level / 2) * math.sqrt(2 * middle * (1 - middle))
    missed = ndtri(power) * math.sqrt(rate * (1 - rate) + other * (1 - other))
    return math.ceil(((found + missed) / (rate - other)) ** 2)
