"""Intervals and tests of counts, by SciPy."""

from __future__ import annotations

from scipy.special import gammaincinv


def poisson(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a Poisson count's expectation (Garwood 1936)."""
    tail = (1 - confidence) / 2
    low = float(gammaincinv(count, tail)) if count else 0.0
    return low, float(gammaincinv(count + 1, 1 - tail))
