"""Confidence intervals of counted rates."""

from __future__ import annotations

import math

Z_95 = 1.959964


def wilson(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Return the 95% interval of a rate (Wilson 1927), which holds for few trials too; (0, 1) for no trials."""
    if trials == 0:
        return 0.0, 1.0
    rate = successes / trials
    middle = rate + z * z / (2 * trials)
    spread = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # At the ends, rounding would leave something beside 0 and 1.
    low = 0.0 if successes == 0 else max((middle - spread) / scale, 0.0)
    return low, 1.0 if successes == trials else min((middle + spread) / scale, 1.0)


def percent(share: float) -> str:
    """Return a share as a percentage with two significant figures, counted from 0% or 100%, whichever is nearer.

    So 10 in 3 million does not read as 0%, nor all but one of them as 100%.
    """
    nearer = round(min(share, 1 - share), 15)
    if nearer <= 0:
        return f"{100 * share:.0f}%"
    # Rounded first: 9.96% has two figures as 10%.
    decimals = 1 - math.floor(math.log10(float(f"{100 * nearer:.1e}")))
    return f"{100 * share:.{max(decimals, 0)}f}%"
