"""The stored picture of a possible match shows no bystanders beside, behind or in front of the person."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from capture.pipeline import _bystanders
from recognition.crop import face_crop, lone_face_crop
from recognition.detect import Face
from recognition.engine import Engine
from recognition.imaging import Pixels
from tests.cast import portrait

SCENE = (1080, 1920)


@pytest.mark.parametrize("angle", [0, 65, 180, 300])
@pytest.mark.parametrize("ratio", [0.3, 0.5, 1.0, 1.9])
@pytest.mark.parametrize("size", [60, 110, 200, 300])
def test_no_bystander_is_found_in_the_stored_picture(engine: Engine, size: int, ratio: float, angle: int) -> None:
    (face,) = engine.detect_in_photograph(portrait())
    scene = np.full((*SCENE, 3), 120, np.uint8)
    middle = np.array([SCENE[1] / 2, SCENE[0] / 2])
    # As near as possible without covering the wanted face.
    towards = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    other_middle = middle + towards * size * (0.45 + 0.55 * ratio)
    _paste(scene, np.ascontiguousarray(portrait()[:, ::-1]), _mirrored(face), other_middle, size * ratio)
    _paste(scene, portrait(), face, middle, size)
    detected = engine.detect(scene, 24)
    wanted = min(detected, key=lambda each: float(np.hypot(*(np.array(each.centre) - middle))))
    assert wanted.width == pytest.approx(size, rel=0.25)
    safe = lone_face_crop(scene, wanted.box, _bystanders(wanted, detected, scene, engine), landmarks=wanted.landmarks)
    assert _beside(engine, safe) == []


def test_without_hiding_bystanders_are_found(engine: Engine) -> None:
    """The control: the detector of the test above would find them."""
    (face,) = engine.detect_in_photograph(portrait())
    scene = np.full((*SCENE, 3), 120, np.uint8)
    _paste(scene, portrait(), face, np.array([1080, 540]), 200)
    _paste(scene, portrait(), face, np.array([900, 540]), 200)
    wanted = min(engine.detect(scene, 40), key=lambda each: each.x)
    assert len(_beside(engine, face_crop(scene, wanted.box))) == 1


def _paste(scene: Pixels, picture: Pixels, face: Face, middle: npt.NDArray[np.float64], width: float) -> None:
    """Paste the head of a picture on a scene: an ellipse slightly larger than its face."""
    scale = width / face.width
    matrix = np.array([[scale, 0, middle[0] - scale * face.centre[0]], [0, scale, middle[1] - scale * face.centre[1]]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    laid = cv2.warpAffine(picture, matrix, scene.shape[1::-1], flags=flags)
    outline = np.zeros(scene.shape[:2], np.uint8)
    axes = (round(width * 0.62), round(width * 0.74))
    cv2.ellipse(outline, tuple(int(each) for each in middle), axes, 0, 0, 360, 255, -1)
    scene[outline > 0] = laid[outline > 0]


def _mirrored(face: Face) -> Face:
    return Face(portrait().shape[1] - face.x - face.width, face.y, face.width, face.height, face.score, face.landmarks)


def _beside(engine: Engine, crop: Pixels) -> list[Face]:
    """Return the faces in a crop except the one in its middle."""
    found = engine.detect_in_photograph(crop)
    return [face for face in found if np.hypot(face.centre[0] - 200, face.centre[1] - 200) > 40]
