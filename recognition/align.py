"""Align a face by its five landmarks to the square crop that a face model was trained on."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from recognition.detect import Landmarks
from recognition.imaging import Pixels

CROP_SIDE = 112

# The positions of the five points in the crop: the template of ArcFace (Deng et al. 2019), which SFace shares.
TEMPLATE: Landmarks = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float32,
)


def similarity(points: Landmarks, template: Landmarks = TEMPLATE) -> npt.NDArray[np.float64]:
    """Return the 2 x 3 rotation, scale and shift that best maps `points` to `template` (least squares).

    In the plane, rotation and scale are a multiplication by one complex number, so this is a linear regression. The
    result is that of Umeyama (1991), without a decomposition.

    Raises:
        ValueError: the points coincide, so they define no rotation or scale.
    """
    source, target = (each.astype(np.float64) @ (1, 1j) for each in (points, template))
    centred = source - source.mean()
    spread = np.vdot(centred, centred).real
    if spread < 1e-9 * len(source):
        raise ValueError("the landmarks of this face coincide")
    turn = np.vdot(centred, target) / spread
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def align(pixels: Pixels, landmarks: Landmarks, template: Landmarks = TEMPLATE, side: int = CROP_SIDE) -> Pixels:
    """Return the side x side x 3 crop in which these landmarks lie on `template`. Outside the picture it is black.

    Raises:
        ValueError: the landmarks coincide.
    """
    crop = cv2.warpAffine(pixels, similarity(landmarks, template), (side, side), flags=cv2.INTER_LINEAR)
    return np.asarray(crop, np.uint8)
