"""Five landmarks to the 112 x 112 crop that SFace was trained on."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from recognition.detect import Landmarks
from recognition.imaging import Pixels

CROP_SIDE = 112

# Where the five points lie in the crop: the template of ArcFace (Deng et al. 2019), which SFace shares.
TEMPLATE: Landmarks = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float32,
)


def similarity(points: Landmarks, template: Landmarks = TEMPLATE) -> npt.NDArray[np.float64]:
    """The 2 x 3 turn, scale and shift that brings `points` nearest to `template` (least squares, Umeyama 1991).

    Raises:
        ValueError: the points coincide, so no turn or scale can be read from them.
    """
    source, target = points.astype(np.float64), template.astype(np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    source_centred, target_centred = source - source_mean, target - target_mean
    variance = (source_centred**2).sum() / len(source)
    if variance < 1e-9:
        raise ValueError("the landmarks of this face coincide")
    left, singular, right = np.linalg.svd(target_centred.T @ source_centred / len(source))
    handed = np.array([1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left @ np.diag(handed) @ right
    scale = (singular * handed).sum() / variance
    matrix = np.empty((2, 3))
    matrix[:, :2] = scale * rotation
    matrix[:, 2] = target_mean - matrix[:, :2] @ source_mean
    return matrix


def align(pixels: Pixels, landmarks: Landmarks) -> Pixels:
    """The 112 x 112 x 3 crop of the face with these landmarks; what lies outside the picture is black."""
    crop = cv2.warpAffine(pixels, similarity(landmarks), (CROP_SIDE, CROP_SIDE), flags=cv2.INTER_LINEAR)
    return np.asarray(crop, np.uint8)
