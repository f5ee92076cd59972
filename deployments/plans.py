"""Shapes that people draw: zones on a picture or a plan, as corners in shares of its width and height."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from core.errors import Refused

Corners = Sequence[Sequence[float]]
Mark = dict[str, list[list[float]]]

MOST_CORNERS = 24
# Overlap is looked at on a grid of this side.
GRID = 400
# Of the smaller zone: lines that touch are no overlap.
OVERLAP_SHARE = 0.02
SMALLEST_SHARE = 0.001


def polygon(given: Any) -> list[list[float]]:
    """Corners as they came from a browser, checked.

    Raises:
        Refused: not three corners or more within the picture, or no area between them.
    """
    try:
        corners = [[round(float(x), 4), round(float(y), 4)] for x, y in given]
    except (TypeError, ValueError, OverflowError) as error:
        raise Refused("A zone is drawn corner by corner.") from error
    if not 3 <= len(corners) <= MOST_CORNERS:
        raise Refused(f"A zone has 3 to {MOST_CORNERS} corners.")
    if not all(0 <= value <= 1 for corner in corners for value in corner):
        raise Refused("A corner lies outside the picture.")
    if not _mask(corners).sum() > SMALLEST_SHARE * GRID * GRID:
        raise Refused("There is no room in this zone.")
    return corners


def checked(mark: Any) -> Mark:
    """A camera's place and zone on a plan.

    Raises:
        Refused: as `polygon`; or the camera is not within the plan.
    """
    try:
        ((x, y),) = mark["at"]
        place = [round(float(x), 4), round(float(y), 4)]
        zone = mark["zone"]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Refused("Say where the camera stands, and draw the zone that it covers.") from error
    if not all(0 <= value <= 1 for value in place):
        raise Refused("The camera stands outside the plan.")
    return {"at": [place], "zone": polygon(zone)}


def overlap(one: Corners, other: Corners) -> bool:
    """Whether two zones share more than their edges."""
    first, second = _mask(one), _mask(other)
    return bool((first & second).sum() > OVERLAP_SHARE * min(first.sum(), second.sum()))


def _mask(corners: Corners) -> Any:
    mask = np.zeros((GRID, GRID), np.uint8)
    cv2.fillPoly(mask, [np.round(np.asarray(corners) * (GRID - 1)).astype(np.int32)], (1,))
    return mask
