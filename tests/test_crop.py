from __future__ import annotations

import cv2
import numpy as np
import pytest

from recognition.crop import EYES, face_crop, lone_face_crop
from recognition.engine import Engine
from tests.cast import likeness, portrait


def test_every_face_is_shown_at_one_scale(engine: Engine) -> None:
    (face,) = engine.detect_in_photograph(portrait())
    crop = face_crop(portrait(), face.box)
    assert crop.shape == (400, 400, 3)
    (found,) = engine.detect_in_photograph(crop)
    assert 175 < found.height < 207


def test_the_eyes_of_any_two_crops_are_in_the_same_place(engine: Engine) -> None:
    """For any size and tilt of the head, so that flickering between two crops compares the faces."""
    for turn, scale in ((0, 1.0), (12, 0.6), (-24, 1.3)):
        placing = cv2.getRotationMatrix2D((225, 120), turn, scale)
        tilted = np.asarray(cv2.warpAffine(portrait(), placing, (900, 700)), np.uint8)
        (face,) = engine.detect_in_photograph(tilted)
        for number, spot in enumerate(EYES):
            marked = np.zeros_like(tilted)
            cv2.circle(marked, np.rint(face.landmarks[number]).astype(int).tolist(), 3, (255, 255, 255), -1)
            crop = face_crop(marked, face.box, landmarks=face.landmarks)[..., 0]
            ys, xs = np.nonzero(crop > 60)
            assert abs(np.array([xs.mean(), ys.mean()]) - 400 * np.array(spot)).max() < 4


def test_impossible_landmarks_are_ignored() -> None:
    box = (100.0, 100.0, 60.0, 60.0)
    plain = face_crop(portrait(), box)
    for wrong in (
        np.full((5, 2), 130, np.float32),
        np.array([[0, 0], [900, 0], [450, 300], [0, 600], [900, 600]], np.float32),
    ):
        assert np.array_equal(face_crop(portrait(), box, landmarks=wrong), plain)


def test_a_bystander_in_the_crop_cannot_be_recognised(engine: Engine) -> None:
    """Of two faces side by side, the crop of one does not show the other, whether it was detected or not."""
    head = portrait()[30:220, 165:285]
    pair = np.ascontiguousarray(np.concatenate([head, head[:, ::-1]], axis=1))
    wanted, other = sorted(engine.detect_in_photograph(pair), key=lambda face: face.x)
    assert len(engine.detect_in_photograph(face_crop(pair, wanted.box))) == 2
    for others in ([], [other.box]):
        safe = lone_face_crop(pair, wanted.box, others)
        (left,) = engine.detect_in_photograph(safe)
        assert abs(left.centre[0] - 200) < 15
        assert likeness(engine, (safe, left), (pair, wanted)) > 0.8


@pytest.mark.parametrize("width", [18, 26, 34, 45])
def test_a_smaller_face_beside_the_wanted_one_is_hidden(engine: Engine, width: int) -> None:
    """A person further away, too small to be detected, cannot be recognised in the crop."""
    (face,) = engine.detect_in_photograph(portrait())
    scene = np.full((400, 600, 3), 120, np.uint8)
    near = np.asarray(cv2.resize(portrait()[30:230, 130:320], (190, 200)), np.uint8)
    scene[80:280, 100:290] = near
    scale = width / face.width
    far = np.asarray(cv2.resize(portrait()[50:200, 150:300], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    top, left = 110, 262
    scene[top : top + far.shape[0], left : left + far.shape[1]] = far[:, ::-1]
    wanted = max(engine.detect(scene, 60), key=lambda found: found.width)
    plain = [found for found in engine.detect_in_photograph(face_crop(scene, wanted.box)) if found.x > 269]
    kept = [found for found in engine.detect_in_photograph(lone_face_crop(scene, wanted.box)) if found.x > 269]
    assert kept == []
    assert width < 26 or plain, "the control: without hiding, they are found"


def test_a_face_at_the_border_gives_a_complete_crop() -> None:
    crop = lone_face_crop(portrait(), (-20.0, -20.0, 60.0, 60.0), [(500.0, 500.0, 60.0, 60.0)])
    assert crop.shape == (400, 400, 3)
