"""The picture of one face for a person to look at, with nobody else recognisable in it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from recognition.imaging import Pixels
from recognition.track import Box

MARGIN = 0.55


def face_crop(pixels: Pixels, box: Box, side: int = 320) -> Pixels:
    """A square around a face, side x side x 3, every face at one scale. Its edge repeats where the picture ends."""
    half = max(box[2], box[3]) * (0.5 + MARGIN)
    centre_x, centre_y = box[0] + box[2] / 2, box[1] + box[3] / 2
    scale = side / (2 * half)
    shift = np.array([[scale, 0, side / 2 - centre_x * scale], [0, scale, side / 2 - centre_y * scale]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    crop = cv2.warpAffine(pixels, shift, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def lone_face_crop(pixels: Pixels, box: Box, others: Sequence[Box] = (), side: int = 320) -> Pixels:
    """The crop of a face with nobody else recognisable in it, whether a detector saw them or not.

    Everything outside the head is a mosaic whose squares are a fifth of the face: another face of the same size is
    left with five squares across, a smaller one with fewer. others: boxes of faces that were found; what of them lies
    inside the head's outline is reduced to nine flat squares, except where the wanted face itself lies.
    """
    hidden = pixels.copy()
    for other in others:
        hide(hidden, other)
    _copy_region(pixels, hidden, box)
    crop = face_crop(hidden, box, side)
    face = side / (1 + 2 * MARGIN)
    few = max(round(side / (face / 5)), 1)
    mosaic = cv2.resize(
        cv2.resize(crop, (few, few), interpolation=cv2.INTER_AREA), (side, side), interpolation=cv2.INTER_NEAREST
    )
    outline = np.zeros((side, side, 1), np.float32)
    # A head is wider than its face box by the ears and higher by the hair.
    middle, axes = (side // 2, int(side / 2 - face * 0.06)), (int(face * 0.62), int(face * 0.74))
    cv2.ellipse(outline, middle, axes, 0, 0, 360, 1.0, -1)
    return np.asarray(crop * outline + mosaic * (1 - outline), np.uint8)


def hide(pixels: Pixels, box: Box) -> None:
    """Reduce a face and what is around it to nine flat squares, in place."""
    _pixelate(pixels, _grown(box, 0.25))


def faceless(pixels: Pixels, boxes: Sequence[Box]) -> Pixels:
    """A copy in which every face of these boxes is nine flat squares."""
    hidden = pixels.copy()
    for box in boxes:
        hide(hidden, box)
    return hidden


def _grown(box: Box, by: float) -> Box:
    left, top, width, height = box
    return left - width * by, top - height * by, width * (1 + 2 * by), height * (1 + 2 * by)


def _bounds(pixels: Pixels, box: Box) -> tuple[slice, slice]:
    height, width = pixels.shape[:2]
    left, top = max(int(box[0]), 0), max(int(box[1]), 0)
    right, bottom = min(int(np.ceil(box[0] + box[2])), width), min(int(np.ceil(box[1] + box[3])), height)
    return slice(top, max(bottom, top)), slice(left, max(right, left))


def _pixelate(pixels: Pixels, box: Box) -> None:
    region = pixels[_bounds(pixels, box)]
    if region.size:
        few = cv2.resize(region, (3, 3), interpolation=cv2.INTER_AREA)
        region[:] = cv2.resize(few, (region.shape[1], region.shape[0]), interpolation=cv2.INTER_NEAREST)


def _copy_region(source: Pixels, target: Pixels, box: Box) -> None:
    target[_bounds(target, box)] = source[_bounds(source, box)]
