"""The picture of one face for a person to compare, in which nobody else can be recognised."""

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
# The positions of the person's right and left eye in an aligned crop, as shares of its side. They are chosen so that a
# frontal face is as large as one that is cropped by its box.
EYES = ((0.418, 0.452), (0.582, 0.452))
# The half-axes of a head's outline, in sizes of the face box: wider to include the ears, higher for the hair.
OUTLINE = (0.62, 0.74)
# A face of the same size whose centre is further away than this, in sizes of the face, does not overlap the outline. A
# larger one may.
REACH = 1.35
# In profile the eyes are close together. Their distance gives the scale only if the box gives about the same scale.
_SCALES_AGREE = 1.4


def face_crop(pixels: Pixels, box: Box, side: int = SIDE, landmarks: Landmarks | None = None) -> Pixels:
    """Return a square around a face, side x side x 3, at the same scale for every face.

    Beyond the edge of the picture its outermost pixels are repeated. landmarks: 5 x 2, in pixels; if given, the face is
    turned upright and its eyes are placed at the same positions as those of any other face.
    """
    placed = _placing(box, side, landmarks)
    flags = cv2.INTER_AREA if np.hypot(*placed[:, 0]) < 1 else cv2.INTER_CUBIC
    crop = cv2.warpAffine(pixels, placed, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def _placing(box: Box, side: int, landmarks: Landmarks | None) -> npt.NDArray[np.float64]:
    """Return the 2 x 3 rotation, scale and shift that places a face in the square."""
    scale = side / (max(box[2], box[3]) * (1 + 2 * MARGIN))
    source, target = complex(box[0] + box[2] / 2, box[1] + box[3] / 2), complex(side, side) / 2
    turn = complex(1, 0)
    if landmarks is not None:
        # In the plane, rotation and scale are a multiplication by one complex number.
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
    """Return the crop of a face in which nobody else can be recognised, whether or not a detector found them.

    Everything outside the head is a mosaic with squares of a fifth of the face, so another face of the same size is
    left with five squares across and a smaller one with fewer. others: boxes of other faces that were found. Inside the
    head's outline they are reduced to nine flat squares, except where they overlap the wanted face.
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
    """Reduce a face and a margin around it to nine flat squares, in place."""
    _pixelate(pixels, _grown(box, 0.25))


def faceless(pixels: Pixels, boxes: Sequence[Box]) -> Pixels:
    """Return a copy of the picture in which every face in these boxes is reduced to nine flat squares."""
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
