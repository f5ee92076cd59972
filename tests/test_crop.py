from __future__ import annotations

import cv2
import numpy as np
import pytest

from recognition.crop import face_crop, lone_face_crop
from recognition.engine import Engine
from tests.cast import likeness, portrait


def test_every_face_is_shown_at_one_scale(engine: Engine) -> None:
    (face,) = engine.detect_in_photograph(portrait())
    crop = face_crop(portrait(), face.box)
    assert crop.shape == (320, 320, 3)
    (found,) = engine.detect_in_photograph(crop)
    assert 140 < found.height < 165


def test_a_bystander_in_the_crop_cannot_be_recognised(engine: Engine) -> None:
    """Two faces side by side: what is kept of one holds nothing by which the other is found, told of or not."""
    head = portrait()[30:220, 165:285]
    pair = np.ascontiguousarray(np.concatenate([head, head[:, ::-1]], axis=1))
    wanted, other = sorted(engine.detect_in_photograph(pair), key=lambda face: face.x)
    assert len(engine.detect_in_photograph(face_crop(pair, wanted.box))) == 2
    for others in ([], [other.box]):
        safe = lone_face_crop(pair, wanted.box, others)
        (left,) = engine.detect_in_photograph(safe)
        assert abs(left.centre[0] - 160) < 12
        assert likeness(engine, (safe, left), (pair, wanted)) > 0.8


@pytest.mark.parametrize("width", [18, 26, 34, 45])
def test_a_smaller_face_beside_the_wanted_one_is_gone(engine: Engine, width: int) -> None:
    """Somebody further away, too small to have been looked for: nothing of them can be read from what is kept."""
    (face,) = engine.detect_in_photograph(portrait())
    scene = np.full((400, 600, 3), 120, np.uint8)
    near = np.asarray(cv2.resize(portrait()[30:230, 130:320], (190, 200)), np.uint8)
    scene[80:280, 100:290] = near
    scale = width / face.width
    far = np.asarray(cv2.resize(portrait()[50:200, 150:300], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    top, left = 110, 262
    scene[top : top + far.shape[0], left : left + far.shape[1]] = far[:, ::-1]
    wanted = max(engine.detect(scene, 60), key=lambda found: found.width)
    plain = [found for found in engine.detect_in_photograph(face_crop(scene, wanted.box)) if found.x > 215]
    kept = [found for found in engine.detect_in_photograph(lone_face_crop(scene, wanted.box)) if found.x > 215]
    assert kept == []
    assert width < 26 or plain, "the control: without hiding, they are found"


def test_a_face_at_the_border_makes_a_whole_crop() -> None:
    crop = lone_face_crop(portrait(), (-20.0, -20.0, 60.0, 60.0), [(500.0, 500.0, 60.0, 60.0)])
    assert crop.shape == (320, 320, 3)
