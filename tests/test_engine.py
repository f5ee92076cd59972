"""The engine against what it must reproduce, and against pictures that are not what it hopes for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from django.conf import settings

from recognition import weights
from recognition.align import TEMPLATE, align, similarity
from recognition.detect import Face
from recognition.engine import Engine, identity_of
from recognition.imaging import Pixels, decode_photograph
from recognition.quality import measure
from tests.cast import LONDON, NO_LONDON, portrait
from watchlists.defaults import DEFAULT_THRESHOLD

# The first numbers of the portrait's embedding, as measured when the engine was chosen. Another value means another
# engine: then PREPROCESSING must change, and every template be made anew.
GOLDEN = [0.0271, -0.1409, 0.1141, 0.1618, 0.0100, -0.0076, 0.0830, 0.0358]


def _staged(weight: weights.Weights) -> Path:
    return weights.verified(weight, settings.DEEPFACE_HOME)[0]


def _face(engine: Engine) -> Face:
    (face,) = engine.detect_in_photograph(portrait())
    return face


def _opencv_vector(pixels: Pixels, face: Face) -> npt.NDArray[np.float32]:
    """The same face through OpenCV's own alignment and runtime."""
    recogniser = cv2.FaceRecognizerSF.create(str(_staged(weights.SFACE)), "")
    row = np.array([[*face.box, *face.landmarks.ravel(), face.score]], np.float32)
    vector = np.asarray(recogniser.feature(recogniser.alignCrop(pixels, row)))[0]
    return np.asarray(vector / np.linalg.norm(vector))


def test_golden_vector(engine: Engine) -> None:
    (vector,) = engine.embed(portrait(), [_face(engine)])
    assert vector.shape == (128,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(vector[:8], GOLDEN, atol=2e-3)


def test_same_vector_as_opencvs_own_pipeline(engine: Engine) -> None:
    face = _face(engine)
    assert float(engine.embed(portrait(), [face])[0] @ _opencv_vector(portrait(), face)) >= 0.9999


def test_represent_gives_the_same_vector_for_our_crop(engine: Engine) -> None:
    from deepface import DeepFace

    face = _face(engine)
    crop = align(portrait(), face.landmarks)
    (answer,) = DeepFace.represent(
        crop, model_name="SFace", detector_backend="skip", align=False, enforce_detection=False
    )
    vector = np.asarray(answer["embedding"], np.float32)
    vector /= np.linalg.norm(vector)
    assert float(engine.embed(portrait(), [face])[0] @ vector) >= 0.9999


def test_a_batch_gives_what_each_face_gives_alone(engine: Engine) -> None:
    face = _face(engine)
    mirrored = np.ascontiguousarray(portrait()[:, ::-1])
    (other,) = engine.detect_in_photograph(mirrored)
    pair = np.concatenate([portrait(), mirrored], axis=1)
    shifted = Face(
        other.x + 512, other.y, other.width, other.height, other.score, (other.landmarks + [512, 0]).astype(np.float32)
    )
    both = engine.embed(pair, [face, shifted])
    alone = np.stack([engine.embed(portrait(), [face])[0], engine.embed(mirrored, [other])[0]])
    # Landmarks moved by 512 pixels are rounded a little differently.
    np.testing.assert_allclose(both, alone, atol=1e-3)


def test_alignment_is_exact_for_any_turn_scale_and_shift() -> None:
    angle, scale = 0.4, 2.3
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (TEMPLATE @ turn.T + [40, 90]).astype(np.float32)
    matrix = similarity(points)
    np.testing.assert_allclose(points @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-3)


def test_coinciding_landmarks_are_an_error() -> None:
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.ones((5, 2), np.float32))


@pytest.mark.parametrize("shape", [(1, 1), (40, 40), (2160, 3840), (30, 3000)])
def test_no_face_is_no_error(engine: Engine, shape: tuple[int, int]) -> None:
    assert engine.detect(np.full((*shape, 3), 128, np.uint8)) == []
    assert engine.embed(np.zeros((*shape, 3), np.uint8), []).shape == (0, 128)


def test_a_face_cut_by_the_border_is_still_read(engine: Engine) -> None:
    face = _face(engine)
    cut = np.ascontiguousarray(portrait()[:, int(face.x + face.width * 0.15) :])
    (found,) = engine.detect_in_photograph(cut)[:1]
    assert float(engine.embed(cut, [found])[0] @ engine.embed(portrait(), [face])[0]) > 0.5


def test_a_photograph_that_is_nothing_but_a_face(engine: Engine) -> None:
    face = _face(engine)
    top, left = int(face.y), int(face.x)
    crop = np.ascontiguousarray(portrait()[top : top + int(face.height), left : left + int(face.width)])
    enlarged = np.asarray(cv2.resize(crop, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC), np.uint8)
    found = engine.detect_in_photograph(enlarged)
    assert found
    assert float(engine.embed(enlarged, found[:1])[0] @ engine.embed(portrait(), [face])[0]) > 0.5


def test_many_faces_are_all_found(engine: Engine) -> None:
    face = _face(engine)
    head = portrait()[:200, int(face.x) - 45 : int(face.x) + 155]
    small = np.asarray(cv2.resize(head, (100, 100), interpolation=cv2.INTER_AREA), np.uint8)
    crowd = np.tile(small, (15, 20, 1))
    assert len(engine.detect(crowd, smallest_face=20)) == 300


def test_quality_says_what_is_wrong(engine: Engine) -> None:
    face = _face(engine)
    assert measure(portrait(), face).problems() == []
    blurred = np.asarray(cv2.GaussianBlur(portrait(), (0, 0), 6), np.uint8)
    assert any("blurred" in problem for problem in measure(blurred, face).problems())
    assert any("dark" in problem for problem in measure((portrait() * 0.2).astype(np.uint8), face).problems())
    assert measure(portrait(), face).worth() > measure(blurred, face).worth()


def test_other_weights_are_refused(tmp_path: Path) -> None:
    weights.stage(tmp_path)
    path = weights.folder(tmp_path) / weights.SFACE.file_name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(weights.WeightsError, match="not a file we measured"):
        Engine(tmp_path)
    weights.stage(tmp_path)
    assert Engine(tmp_path).identity == identity_of(settings.DEEPFACE_HOME)


def test_a_named_folder_without_weights_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(weights.WeightsError, match="does not exist"):
        weights.stage(tmp_path / "home", tmp_path)


def test_a_named_folder_with_the_wrong_file_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / weights.YUNET.file_name).write_bytes(b"something else")
    with pytest.raises(weights.WeightsError, match="unknown SHA-256"):
        weights.stage(tmp_path / "home", tmp_path)
    assert not list(weights.folder(tmp_path / "home").iterdir())


@pytest.mark.skipif(not LONDON.is_dir(), reason=NO_LONDON)
def test_people_are_told_apart(engine: Engine) -> None:
    """Two photographs of each of thirty people: everybody is nearest to themselves and above the threshold.

    Look-alikes exist (two of this set reach 0.55), which is why a match is only ever a possible one.
    """
    first: list[npt.NDArray[np.float32]] = []
    second: list[npt.NDArray[np.float32]] = []
    for person in sorted(path for path in LONDON.iterdir() if path.is_dir())[:30]:
        for name, into in (("neutral_front.jpg", first), ("smiling_left_3quarter.jpg", second)):
            pixels = decode_photograph((person / name).read_bytes())
            into.append(engine.embed(pixels, engine.detect_in_photograph(pixels)[:1])[0])
    scores = np.stack(second) @ np.stack(first).T
    assert (scores.argmax(axis=1) == np.arange(30)).all()
    assert scores.diagonal().min() > DEFAULT_THRESHOLD
    others = scores[~np.eye(30, dtype=bool)]
    assert (others > DEFAULT_THRESHOLD).sum() <= 2
