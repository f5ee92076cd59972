"""The picture of one face for a person to look at, with nobody else recognisable in it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from recognition.detect import Landmarks
from recognition.imaging import Pixels
from recognition.track import Box

MARGIN = 0.55
SIDE = 400
# Where the eyes lie in a crop that is aligned, as shares of its side: the person's right eye, and their left. So chosen
# that a face from the front is as large as one that is cut out by its box.
EYES = ((0.418, 0.452), (0.582, 0.452))
# The outline of a head, beside its face box: wider by the ears and higher by the hair.
OUTLINE = (0.62, 0.74)
# A face of the same size whose centre is further away than this, in sizes of the face, does not reach into the outline.
# A larger one may.
REACH = 1.35
# A profile has its eyes near each other: their distance tells the scale only if the box tells about the same.
_SCALES_AGREE = 1.4


def face_crop(pixels: Pixels, box: Box, side: int = SIDE, landmarks: Landmarks | None = None) -> Pixels:
    """A square around a face, side x side x 3, every face at one scale. Its edge repeats where the picture ends.

    landmarks: 5 x 2, in pixels; with them the face is turned upright, and the eyes of any two faces lie on one spot.
    """
    placed = _placing(box, side, landmarks)
    flags = cv2.INTER_AREA if np.hypot(*placed[:, 0]) < 1 else cv2.INTER_CUBIC
    crop = cv2.warpAffine(pixels, placed, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def _placing(box: Box, side: int, landmarks: Landmarks | None) -> npt.NDArray[np.float64]:
    """The 2 x 3 turn, scale and shift that lays a face into the square."""
    scale = side / (max(box[2], box[3]) * (1 + 2 * MARGIN))
    source, target = complex(box[0] + box[2] / 2, box[1] + box[3] / 2), complex(side, side) / 2
    turn = complex(1, 0)
    if landmarks is not None:
        # In the plane, turning and scaling is multiplying by one complex number.
        right, left = (complex(*map(float, point)) for point in landmarks[:2])
        goal_right, goal_left = (complex(*point) * side for point in EYES)
        distance = abs(left - right) or 1e-9
        by_eyes = abs(goal_left - goal_right) / distance
        if 1 / _SCALES_AGREE < by_eyes / scale < _SCALES_AGREE:
            scale, turn = by_eyes, (left - right).conjugate() / distance
            source, target = (right + left) / 2, (goal_right + goal_left) / 2
    turn *= scale
    shift = target - turn * source
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def lone_face_crop(
    pixels: Pixels, box: Box, others: Sequence[Box] = (), side: int = SIDE, landmarks: Landmarks | None = None
) -> Pixels:
    """The crop of a face with nobody else recognisable in it, whether a detector saw them or not.

    Everything outside the head is a mosaic whose squares are a fifth of the face: another face of the same size is
    left with five squares across, a smaller one with fewer. others: boxes of faces that were found; what of them lies
    inside the head's outline is reduced to nine flat squares, except where the wanted face itself lies.
    """
    hidden = pixels.copy()
    for other in others:
        hide(hidden, other)
    _copy_region(pixels, hidden, box)
    crop = face_crop(hidden, box, side, landmarks)
    face = side / (1 + 2 * MARGIN)
    few = max(round(side / (face / 5)), 1)
    mosaic = cv2.resize(
        cv2.resize(crop, (few, few), interpolation=cv2.INTER_AREA), (side, side), interpolation=cv2.INTER_NEAREST
    )
    outline = np.zeros((side, side), np.uint8)
    middle, axes = (side // 2, int(side / 2 - face * 0.06)), (int(face * OUTLINE[0]), int(face * OUTLINE[1]))
    cv2.ellipse(outline, middle, axes, 0, 0, 360, 1, -1)
    cv2.copyTo(crop, outline, mosaic)
    return np.asarray(mosaic, np.uint8)


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
