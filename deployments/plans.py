"""Zones that people draw on a picture or plan, with corners as shares of its width and height."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from core.errors import Refused

Corners = Sequence[Sequence[float]]
Mark = dict[str, list[list[float]]]

MOST_CORNERS = 24
# The side of the grid on which areas and overlaps are measured.
GRID = 400
# A share of the smaller zone: edges that touch are not an overlap.
OVERLAP_SHARE = 0.02
SMALLEST_SHARE = 0.001


def polygon(given: Any) -> list[list[float]]:
    """Return the corners that a browser sent, rounded and checked.

    Raises:
        Refused: there are not 3 to MOST_CORNERS corners, one is outside the picture, or the area is too small.
    """
    try:
        corners = [[round(float(x), 4), round(float(y), 4)] for x, y in given]
    except (TypeError, ValueError, OverflowError) as error:
        raise Refused("The zone could not be read. Draw it again.") from error
    if not 3 <= len(corners) <= MOST_CORNERS:
        raise Refused(f"A zone must have 3 to {MOST_CORNERS} corners.")
    if not all(0 <= value <= 1 for corner in corners for value in corner):
        raise Refused("A corner is outside the picture. Draw the zone again.")
    if not _mask(corners).sum() > SMALLEST_SHARE * GRID * GRID:
        raise Refused("The zone is too small. Draw a larger one.")
    return corners


def checked(mark: Any) -> Mark:
    """Return a camera's place and zone on a plan, checked.

    Raises:
        Refused: as for `polygon`, or the camera is outside the plan.
    """
    try:
        ((x, y),) = mark["at"]
        place = [round(float(x), 4), round(float(y), 4)]
        zone = mark["zone"]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Refused("Mark where the camera stands and draw the zone it covers.") from error
    if not all(0 <= value <= 1 for value in place):
        raise Refused("The camera is outside the plan. Mark it again.")
    return {"at": [place], "zone": polygon(zone)}


def overlap(one: Corners, other: Corners) -> bool:
    """Return whether two zones overlap by more than their edges."""
    first, second = _mask(one), _mask(other)
    return bool((first & second).sum() > OVERLAP_SHARE * min(first.sum(), second.sum()))


def lies_within(inner: Corners, outer: Corners) -> bool:
    """Return whether a zone looks at nothing outside another. No corners: the whole picture."""
    if not outer:
        return True
    if not inner:
        return False
    # Edges that coincide are drawn alike; a row of grid points beyond them is an error of the grid.
    allowed = cv2.dilate(_mask(outer), np.ones((3, 3), np.uint8))
    return not (_mask(inner) > allowed).any()


def _mask(corners: Corners) -> Any:
    mask = np.zeros((GRID, GRID), np.uint8)
    cv2.fillPoly(mask, [np.round(np.asarray(corners) * (GRID - 1)).astype(np.int32)], (1,))
    return mask
