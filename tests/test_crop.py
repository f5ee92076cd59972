from __future__ import annotations

import numpy as np

from recognition.crop import face_crop
from recognition.engine import Engine
from tests.cast import portrait


def test_every_face_is_shown_at_one_scale(engine: Engine) -> None:
    (face,) = engine.detect_in_photograph(portrait())
    crop = face_crop(portrait(), face.box)
    assert crop.shape == (320, 320, 3)
    (found,) = engine.detect_in_photograph(crop)
    assert 140 < found.height < 165


def test_a_bystander_in_the_crop_cannot_be_recognised(engine: Engine) -> None:
    """Two faces side by side: the crop of one holds nothing that finds the other, or finds a face where it was."""
    head = portrait()[30:220, 165:285]
    pair = np.ascontiguousarray(np.concatenate([head, head[:, ::-1]], axis=1))
    wanted, other = sorted(engine.detect_in_photograph(pair), key=lambda face: face.x)
    plain = face_crop(pair, wanted.box)
    safe = face_crop(pair, wanted.box, [other.box])
    assert len(engine.detect_in_photograph(plain)) == 2
    (left,) = engine.detect_in_photograph(safe)
    assert abs(left.centre[0] - 160) < 12
    assert float(engine.embed(safe, [left])[0] @ engine.embed(pair, [wanted])[0]) > 0.8


def test_a_face_at_the_border_makes_a_whole_crop() -> None:
    crop = face_crop(portrait(), (-20.0, -20.0, 60.0, 60.0), [(500.0, 500.0, 60.0, 60.0)])
    assert crop.shape == (320, 320, 3)
