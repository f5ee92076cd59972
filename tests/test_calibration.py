"""From scores to a threshold: counted rates, extrapolation and refusals."""

from __future__ import annotations

import dataclasses
import io
import math
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from audit.models import Entry
from recognition.calibration import Calibration, CannotSupport
from recognition.open_set import NoFaces, Outcome, Photographs
from recognition.statistics import wilson
from tests.cast import LONDON, NO_LONDON, Cast, make_operating_point
from watchlists import engines, thresholds
from watchlists.defaults import DEFAULT_FPIR, DEFAULT_THRESHOLD, shipped_measurement
from watchlists.engine import identity
from watchlists.models import Calibration as CalibrationRow
from watchlists.models import OperatingPoint


def _calibration(strangers: int = 1000, gallery: int = 200, seed: int = 1) -> Calibration:
    """Return random scores: each stranger's best scores against everybody on the list."""
    chance = np.random.default_rng(seed)
    everybody = chance.normal(0.45, 0.07, (strangers, gallery))
    best = -np.sort(-everybody, axis=1)[:, : Outcome.TOP]
    own = chance.normal(0.85, 0.06, 500)
    own = own.clip(-1, 1)
    return Calibration(gallery, own.astype(np.float32), own > 0.6, best.astype(np.float32))


def test_rates_are_counted_with_wilsons_interval() -> None:
    measured = _calibration()
    threshold = 0.66
    above = int((measured.strangers[:, 0] > threshold).sum())
    fpir = measured.fpir(threshold)
    assert fpir.value == above / 1000
    assert (fpir.low, fpir.high) == wilson(above, 1000)
    found = int((measured.first & (measured.own > threshold)).sum())
    tpir = measured.tpir(threshold)
    assert tpir.value == found / 500
    assert (tpir.low, tpir.high) == wilson(found, 500)


def test_the_threshold_for_a_rate_is_the_lowest_that_keeps_it() -> None:
    measured = _calibration()
    chosen = measured.threshold(0.01)
    assert measured.fpir(chosen.value).value <= 0.01
    just_below = float(measured.strangers[:, 0][measured.strangers[:, 0] < chosen.value].max())
    assert measured.fpir(just_below - 1e-6).value > 0.01
    assert chosen.low <= chosen.value <= chosen.high
    assert chosen.low < chosen.high
    assert measured.threshold(0.05).value < chosen.value


def test_a_smaller_list_is_a_sample_of_the_measured_one() -> None:
    """Exactly as often as a sample of the list contains somebody above the threshold."""
    measured, threshold, size = _calibration(), 0.64, 40
    chance = np.random.default_rng(2)
    above = (measured.strangers > threshold).sum(axis=1)
    drawn = np.mean([chance.hypergeometric(above, 200 - above, size) > 0 for _ in range(300)])
    assert measured.fpir(threshold, size).value == pytest.approx(drawn, abs=0.002)
    assert measured.fpir(threshold, 200).value == measured.fpir(threshold).value
    assert measured.fpir(threshold, 1).value < measured.fpir(threshold, 100).value < measured.fpir(threshold).value
    assert measured.threshold(0.01, 40).value < measured.threshold(0.01).value


def test_a_larger_list_is_extrapolated_and_says_so() -> None:
    measured = _calibration()
    assert not measured.is_extrapolated(200)
    assert measured.is_extrapolated(201)
    # The real rate of a list of eight times the size, measured on one.
    large = _calibration(gallery=1600, seed=3)
    threshold = large.threshold(0.05).value
    assert measured.fpir(threshold, 1600).value == pytest.approx(large.fpir(threshold).value, abs=0.03)
    assert measured.threshold(0.05, 1600).value == pytest.approx(threshold, abs=0.02)
    assert measured.threshold(0.05, 1600).value > measured.threshold(0.05).value


def test_what_the_photographs_cannot_show_is_refused() -> None:
    measured = _calibration(strangers=500)
    with pytest.raises(CannotSupport, match=r"500 strangers are too few to show a rate of 0\.10%\. .* at least 3,000"):
        measured.threshold(0.001)
    with pytest.raises(CannotSupport, match=r"on a list 100\.0 times as long as the one measured\. .* at least 29,8"):
        measured.threshold(0.01, 200 * 100)


def test_false_alerts_are_the_rate_times_the_passers_by() -> None:
    measured = _calibration()
    expected = measured.false_alerts(0.66, 200, 25_000)
    rate = measured.fpir(0.66, 200)
    assert (expected.value, expected.low, expected.high) == (rate.value * 25_000, rate.low * 25_000, rate.high * 25_000)


def test_a_stored_calibration_gives_the_same_answers() -> None:
    measured = _calibration()
    again = Calibration.from_json(measured.to_json())
    assert again.gallery == measured.gallery
    assert again.fpir(0.66).value == pytest.approx(measured.fpir(0.66).value, abs=0.001)
    assert again.threshold(0.01).value == pytest.approx(measured.threshold(0.01).value, abs=1e-4)


def test_a_folder_without_photographs_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(NoFaces, match="layout must be <person>/<photograph>"):
        Photographs.of(tmp_path)
    with pytest.raises(NoFaces, match="is not a folder"):
        Photographs.of(tmp_path / "missing")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "1.jpg").write_bytes(b"x")
    with pytest.raises(NoFaces, match=r"Nobody in .* has two photographs"):
        Photographs.of(tmp_path)


@pytest.fixture(scope="module")
def some_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of twenty people with three photographs each and forty with one."""
    folder = tmp_path_factory.mktemp("some-faces")
    views = ("neutral_front.jpg", "smiling_front.jpg", "neutral_left_3quarter.jpg")
    for number, person in enumerate(sorted(path for path in LONDON.iterdir() if path.is_dir())[:60]):
        (folder / person.name).mkdir()
        for view in views if number < 20 else views[:1]:
            (folder / person.name / view).symlink_to(person / view)
    return folder


def _calibrate(**options: object) -> str:
    output = io.StringIO()
    call_command("calibrate", stdout=output, **options)
    return output.getvalue()


@pytest.mark.skipif(not LONDON.is_dir(), reason=NO_LONDON)
def test_calibrating_keeps_the_scores_and_puts_no_threshold_in_force(cast: Cast, some_faces: Path) -> None:
    point = make_operating_point()
    text = _calibrate(faces=some_faces, dataset="Sixty people of a studio", footfall=5000)
    assert "20 people to enrol, 40 other photographs of them, 40 strangers" in text
    assert "40 strangers are too few to show a rate of 1.00%. Use photographs of at least 300 strangers." in text
    row = CalibrationRow.objects.latest("pk")
    assert row.dataset == "Sixty people of a studio"
    assert row.dataset_digest == Photographs.of(some_faces).digest()
    assert (row.measured.gallery, len(row.measured.own), len(row.measured.strangers)) == (20, 40, 40)
    assert "puts no threshold in force" in text
    assert list(OperatingPoint.objects.all()) == [point]
    assert Entry.objects.latest("id").action == "engine.calibrated"
    # It can be proposed from, and is then the basis.
    proposal = thresholds.propose(
        row, threshold=0.8, list_size=20, footfall=5000, reason="A studio", actor=cast.system_admin
    )
    later = thresholds.approve(proposal, reason="Measured here", actor=cast.authority)
    assert "40 strangers, one photograph compared with one" in later.basis


def test_wrong_arguments_are_refused_with_a_reason(cast: Cast, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="layout must be"):
        _calibrate(faces=tmp_path)
    with pytest.raises(CommandError, match="1 or more"):
        _calibrate(faces=tmp_path, list_size=0)
    with pytest.raises(CommandError, match="120 characters"):
        _calibrate(faces=tmp_path, dataset="x" * 121)


def test_the_shipped_calibration_gives_the_shipped_engines_threshold() -> None:
    shipped = shipped_measurement()
    assert shipped.engine == identity()
    assert math.ceil(shipped.scores.threshold(DEFAULT_FPIR).value * 1000) / 1000 == DEFAULT_THRESHOLD
    assert (shipped.scores.gallery, len(shipped.scores.own), len(shipped.scores.strangers)) == (873, 1639, 2081)


def test_a_new_installation_has_a_calibration_and_no_threshold(db: None) -> None:
    output = io.StringIO()
    for _ in range(2):
        call_command("prepare", stdout=output)
    row = CalibrationRow.objects.get()
    assert row.engine == engines.current_engine()
    assert row.dataset_digest == shipped_measurement().dataset_sha256
    # Nobody has approved one.
    assert not OperatingPoint.objects.exists()


def test_an_uncalibrated_engine_is_reported(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    other = dataclasses.replace(shipped_measurement(), engine=dataclasses.replace(identity(), preprocessing="other"))
    monkeypatch.setattr("lfr_site.management.commands.prepare.shipped_measurement", lambda: other)
    text = io.StringIO()
    call_command("prepare", stdout=io.StringIO(), stderr=text)
    assert not CalibrationRow.objects.exists()
    assert "calibrate --faces DIR" in text.getvalue()
