"""The engine: vectors that it must reproduce, and difficult pictures."""

from __future__ import annotations

import concurrent.futures
import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import openvino
import pytest
from django.conf import settings

from recognition import embed, weights
from recognition.align import TEMPLATE, align, similarity
from recognition.detect import Face, FastYuNet, OpenCVYuNet
from recognition.dlib_graph import onnx_graph
from recognition.embed import DeepFaceEmbed, FaceEmbedder, FastEmbed, agreement
from recognition.engine import CLOSE_SLACK, SHIPPED, Choice, Engine, QuickPass, Template, identity_of, joined
from recognition.imaging import Pixels
from recognition.models import DLIB_MODEL, SFACE_MODEL, FaceModel
from recognition.quality import Quality, measure
from recognition.reading import read
from tests.cast import LONDON, NO_LONDON, likeness, portrait
from watchlists.defaults import DEFAULT_THRESHOLD

# The first numbers of the portrait's template of each model, as measured when the engine was chosen. Other values mean
# another engine: then PREPROCESSING must change, and every template must be computed again.
GOLDEN = [0.0798, -0.1049, 0.0578, 0.1180, -0.0394, -0.0245, 0.0836, 0.0215]
GOLDEN_SECOND = [-0.0492, 0.0195, 0.0119, -0.0308, -0.1155, -0.0141, -0.0279, -0.0944]


def _staged(weight: weights.Weights) -> Path:
    return weights.verified(weight, settings.DEEPFACE_HOME)[0]


def _face(engine: Engine) -> Face:
    (face,) = engine.detect_in_photograph(portrait())
    return face


def _quick_pass(engine: Engine) -> QuickPass:
    return engine.quick_pass(portrait(), [_face(engine)])[0]


def _template(engine: Engine) -> Template:
    return engine.full_pass(portrait(), [_quick_pass(engine)])[0]


def test_golden_vectors(engine: Engine) -> None:
    template = _template(engine)
    assert template.second is not None
    for vector, golden in ((template.embedding, GOLDEN), (template.second, GOLDEN_SECOND)):
        assert vector.shape == (128,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(vector[:8], golden, atol=2e-3)


def test_a_quick_pass_agrees_with_a_full_pass(engine: Engine) -> None:
    """It has half the precision and no mirror image, but stays within the margin for candidates."""
    assert float(_quick_pass(engine).embedding @ _template(engine).embedding) > 1 - CLOSE_SLACK


def test_everything_runs_on_the_fast_runtime(engine: Engine) -> None:
    assert set(engine.runtimes) == {"YuNet", "SFace, quick passes", "SFace", "Dlib"}
    assert all(runtime.startswith("OpenVINO") for runtime in engine.runtimes.values())
    assert all("float32" in runtime for name, runtime in engine.runtimes.items() if "quick" not in name)


def _exact(crop: Pixels) -> npt.NDArray[np.float32]:
    """Return the engine's vector of one crop, without further processing."""
    vector = FastEmbed(_staged(weights.SFACE), SFACE_MODEL.side)([crop])[0]
    return np.asarray(vector / np.linalg.norm(vector))


def test_same_vector_as_opencvs_own_pipeline(engine: Engine) -> None:
    """With OpenCV's alignment and runtime, from the same landmarks."""
    recogniser = cv2.FaceRecognizerSF.create(str(_staged(weights.SFACE)), "")
    quick_pass = _quick_pass(engine)
    row = np.array([[*quick_pass.face.box, *quick_pass.face.landmarks.ravel(), quick_pass.face.score]], np.float32)
    vector = np.asarray(recogniser.feature(recogniser.alignCrop(portrait(), row)))[0]
    assert float(_exact(quick_pass.crop) @ vector / np.linalg.norm(vector)) >= 0.9999


def test_deepface_represent_gives_the_same_vector_for_our_crop(engine: Engine) -> None:
    from deepface import DeepFace

    quick_pass = _quick_pass(engine)
    (answer,) = DeepFace.represent(
        quick_pass.crop, model_name="SFace", detector_backend="skip", align=False, enforce_detection=False
    )
    vector = np.asarray(answer["embedding"], np.float32)
    assert float(_exact(quick_pass.crop) @ vector / np.linalg.norm(vector)) >= 0.9999


@pytest.mark.parametrize("model", [SFACE_MODEL, DLIB_MODEL], ids=lambda model: model.name)
def test_the_fast_runtime_gives_deepfaces_vectors(engine: Engine, model: FaceModel) -> None:
    """On real and random pixels, singly and in a batch, which agree to the last bit."""
    assert model.graph is not None
    fast, reference = FastEmbed(_staged(model.graph), model.side), DeepFaceEmbed(model)
    crop = align(portrait(), _quick_pass(engine).face.landmarks, model.points, model.side)
    crops = [crop, np.ascontiguousarray(crop[:, ::-1]), (crop * 0.3).astype(np.uint8)]
    one, other = fast(crops), reference(crops)
    cosines = (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert cosines.min() >= 0.9999
    assert agreement(fast, reference, model.side) >= 0.9999
    np.testing.assert_array_equal(one, np.concatenate([fast([crop]) for crop in crops]))


def test_the_fast_detector_finds_what_opencv_finds(engine: Engine) -> None:
    fast, opencv = FastYuNet(_staged(weights.YUNET)), OpenCVYuNet(_staged(weights.YUNET))
    head = np.asarray(cv2.resize(portrait()[:200, 130:330], (100, 100)), np.uint8)
    for pixels in (portrait(), np.ascontiguousarray(portrait()[:333, :477]), np.tile(head, (3, 4, 1))):
        one, other = (np.asarray(sorted(each(pixels, 0.6).tolist())) for each in (fast, opencv))
        assert len(one) >= 1
        np.testing.assert_allclose(one, other, atol=0.05)


def test_no_frame_of_another_size_waits_for_the_network_to_be_compiled(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier, a network was compiled for every new size while its first frame waited."""
    fast, opencv = FastYuNet(_staged(weights.YUNET)), OpenCVYuNet(_staged(weights.YUNET))

    def too_late(*_: object) -> None:
        pytest.fail("a network was compiled while a frame waited")

    monkeypatch.setattr(openvino.Core, "compile_model", too_late)
    for width in (*range(200, 700, 50), *range(200, 700, 50)):
        pixels = np.asarray(cv2.resize(portrait(), (width, width * 5 // 4)), np.uint8)
        one, other = (np.asarray(sorted(each(pixels, 0.6).tolist())) for each in (fast, opencv))
        assert len(one) >= 1
        np.testing.assert_allclose(one, other, atol=0.05)


def test_without_the_fast_runtime_deepface_and_opencv_are_used(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    slow = Engine(settings.DEEPFACE_HOME)
    assert slow.identity == engine.identity
    assert slow.runtimes == {
        "YuNet": f"OpenCV {cv2.__version__}",
        "SFace, quick passes": "DeepFace",
        "SFace": "DeepFace",
        "Dlib": "DeepFace",
    }
    assert caplog.text.count("OpenVINO is not installed") == 3
    (face,) = slow.detect_in_photograph(portrait())
    (template,) = slow.full_pass(portrait(), slow.quick_pass(portrait(), [face]))
    assert engine.score(template, _template(engine)) >= 0.9999


def test_an_inaccurate_quick_runtime_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "NEARLY_SAME_VECTOR", 1.1)
    embedder = FaceEmbedder(SFACE_MODEL, settings.DEEPFACE_HOME)
    assert embedder.quick_runtime == embedder.runtime


def test_a_runtime_that_gives_other_vectors_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embed, "SAME_VECTOR", 1.1)
    assert FaceEmbedder(SFACE_MODEL, settings.DEEPFACE_HOME).runtime == "DeepFace"
    assert "other vectors" in caplog.text


def test_a_full_pass_combines_two_models_and_mirror_images(engine: Engine) -> None:
    mirrored = np.ascontiguousarray(portrait()[:, ::-1])
    (other,) = engine.detect_in_photograph(mirrored)
    one = _template(engine)
    (two,) = engine.full_pass(mirrored, engine.quick_pass(mirrored, [other]))
    assert one.second is not None
    assert two.second is not None
    assert engine.score(one, two) == pytest.approx(
        joined(float(one.embedding @ two.embedding), float(one.second @ two.second)), abs=1e-6
    )
    # Both use the mirror image too, so a picture and its mirror image differ only by the rounding of landmarks.
    assert engine.score(one, two) > 0.98


def test_the_bound_of_a_full_pass_is_inverted_exactly(engine: Engine) -> None:
    for threshold in (0.5, 0.7, 0.9):
        assert engine.reachable(engine.quick_gate(threshold)) == pytest.approx(threshold)


def test_landmarks_are_refined_wherever_the_face_is(engine: Engine) -> None:
    """At the border and on small faces, refined landmarks agree with those of the large picture."""
    face = _quick_pass(engine).face
    for scale in (0.5, 0.25):
        small = np.asarray(cv2.resize(portrait(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        (found,) = engine.detect(small, 16)
        (again,) = engine.quick_pass(small, [found])
        assert np.abs((again.face.landmarks + 0.5) / scale - 0.5 - face.landmarks).max() < face.width * 0.06


def test_a_batch_gives_what_each_face_gives_alone(engine: Engine) -> None:
    mirrored = np.ascontiguousarray(portrait()[:, ::-1])
    pair = np.concatenate([portrait(), mirrored], axis=1)
    faces = sorted(engine.detect_in_photograph(pair), key=lambda face: face.x)
    both = engine.quick_pass(pair, faces)
    for quick_pass, face in zip(both, faces, strict=True):
        np.testing.assert_array_equal(quick_pass.embedding, engine.quick_pass(pair, [face])[0].embedding)
    assert both[0].embedding.tolist() != both[1].embedding.tolist()


def test_several_threads_take_turns(engine: Engine) -> None:
    """As when two officers enrol at once in one web process."""
    alone = _template(engine)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: _template(engine), range(24)))
    for template in together:
        np.testing.assert_array_equal(template.embedding, alone.embedding)


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
    assert engine.quick_pass(np.zeros((*shape, 3), np.uint8), []) == []
    assert engine.full_pass(np.zeros((*shape, 3), np.uint8), []) == []


def test_a_face_cut_by_the_border_is_still_read(engine: Engine) -> None:
    face = _face(engine)
    cut = np.ascontiguousarray(portrait()[:, int(face.x + face.width * 0.15) :])
    (found,) = engine.detect_in_photograph(cut)[:1]
    assert likeness(engine, (cut, found), (portrait(), face)) > DEFAULT_THRESHOLD


def test_a_photograph_that_is_nothing_but_a_face(engine: Engine) -> None:
    face = _face(engine)
    top, left = int(face.y), int(face.x)
    crop = np.ascontiguousarray(portrait()[top : top + int(face.height), left : left + int(face.width)])
    enlarged = np.asarray(cv2.resize(crop, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC), np.uint8)
    found = engine.detect_in_photograph(enlarged)
    assert found
    assert likeness(engine, (enlarged, found[0]), (portrait(), face)) > DEFAULT_THRESHOLD


def test_many_faces_are_all_found(engine: Engine) -> None:
    face = _face(engine)
    head = portrait()[:200, int(face.x) - 45 : int(face.x) + 155]
    small = np.asarray(cv2.resize(head, (100, 100), interpolation=cv2.INTER_AREA), np.uint8)
    crowd = np.tile(small, (15, 20, 1))
    assert len(engine.detect(crowd, smallest_face=20)) == 300


def _told(quality: Quality, name: str) -> bool:
    """Return whether the report says what to do about this measure."""
    (line,) = [line for line in quality.report() if line.name.startswith(name)]
    return line.level != "good" and bool(line.advice)


def test_quality_says_what_is_wrong(engine: Engine) -> None:
    face = _face(engine)
    assert all(line.level == "good" for line in measure(portrait(), face).report())
    blurred = np.asarray(cv2.GaussianBlur(portrait(), (0, 0), 6), np.uint8)
    assert _told(measure(blurred, face), "Sharpness")
    assert _told(measure((portrait() * 0.2).astype(np.uint8), face), "Brightness")
    assert measure(portrait(), face).worth() > measure(blurred, face).worth()


def test_other_weights_are_refused(tmp_path: Path) -> None:
    weights.stage(tmp_path, SHIPPED.files)
    path = weights.folder(tmp_path) / weights.SFACE.file_name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(weights.WeightsError, match="not an accepted file"):
        Engine(tmp_path)
    weights.stage(tmp_path, SHIPPED.files)
    assert Engine(tmp_path).identity == identity_of(settings.DEEPFACE_HOME)


def test_a_named_folder_without_the_file_falls_back_to_the_packages(tmp_path: Path) -> None:
    (tmp_path / "named").mkdir()
    assert weights.stage(tmp_path / "home", [weights.YUNET], tmp_path / "named")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    missing = Choice.of("ArcFace", "0" * 64).model.weights
    with pytest.raises(weights.WeightsError, match=r"arcface_weights.onnx was not found .*LFR_WEIGHTS names no folder"):
        weights.stage(tmp_path / "home", [missing])


def test_a_named_folder_with_the_wrong_file_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / weights.YUNET.file_name).write_bytes(b"something else")
    with pytest.raises(weights.WeightsError, match="unknown SHA-256"):
        weights.stage(tmp_path / "home", SHIPPED.files, tmp_path)
    assert not list(weights.folder(tmp_path / "home").iterdir())


def test_a_damaged_dlib_file_is_not_converted() -> None:
    content = _staged(weights.DLIB).read_bytes()
    with pytest.raises(ValueError, match="ends before"):
        onnx_graph(content[: len(content) // 2])
    with pytest.raises(ValueError, match="numbers"):
        onnx_graph(content[20_000:])


def test_a_model_that_was_not_measured_needs_its_digest() -> None:
    with pytest.raises(weights.WeightsError, match="LFR_MODEL_SHA256"):
        Choice.of("ArcFace")
    with pytest.raises(weights.WeightsError, match="There is no model"):
        Choice.of("FaceNet9000")
    assert Choice.of("SFace") == SHIPPED
    assert Choice.of("ArcFace", "a" * 64).model.weights.digests == {"a" * 64}


@pytest.mark.skipif(not LONDON.is_dir(), reason=NO_LONDON)
def test_people_are_told_apart(engine: Engine) -> None:
    """With two photographs of each of thirty people, everybody is nearest to themselves and above the threshold.

    Look-alikes exist (two of this set reach 0.66), so a match is only ever a possible match.
    """
    readings = {
        name: [
            read(engine, person / name) for person in sorted(path for path in LONDON.iterdir() if path.is_dir())[:30]
        ]
        for name in ("neutral_front.jpg", "smiling_left_3quarter.jpg")
    }
    first, second = ([each.close for each in row if each is not None] for row in readings.values())
    assert len(first) == len(second) == 30
    scores = np.array([[engine.score(probe, enrolled) for enrolled in first] for probe in second])
    assert (scores.argmax(axis=1) == np.arange(30)).all()
    assert scores.diagonal().min() > DEFAULT_THRESHOLD
    others = scores[~np.eye(30, dtype=bool)]
    assert others.max() < DEFAULT_THRESHOLD
