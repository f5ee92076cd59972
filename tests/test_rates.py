"""Rates as they are printed: one rounding rule, intervals, and bounds while outcomes are missing."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.utils import timezone

from deployments import amendments, cameras, running
from deployments.cameras import FrameCounts
from deployments.models import Deployment, Period
from recognition.statistics import percent, wilson
from reports.rates import Rate
from reports.record_files import record_csv
from reports.records import record_of
from tests.cast import Cast, act, cameras_of, make_alert, make_live_deployment, make_operating_point
from tests.test_running import two_days


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (10 / 3_147_436, "0.00032%"),
        (1 - 10 / 3_147_436, "99.99968%"),
        (962 / 2077, "46%"),
        (2 / 3, "67%"),
        (0.8, "80%"),
        (0.97, "97.0%"),
        (0.1, "10%"),
        (0.9, "90%"),
        (0.05, "5.0%"),
        (0.0996, "10%"),
        (0.0, "0%"),
        (1.0, "100%"),
    ],
)
def test_percentages_have_two_significant_figures_from_the_nearer_end(share: float, text: str) -> None:
    assert percent(share) == text


def test_a_rate_is_not_known_while_outcomes_are_missing() -> None:
    assert Rate(10, 3_147_436).text == "0.00032% (0.00017% to 0.00058%)"
    assert Rate(0, 1000).text == "0% (0% to 0.38%)"
    waiting = Rate(0, 1000, undecided=3)
    assert waiting.value == ""
    assert waiting.bounds == (0.0, wilson(3, 1000)[1])
    assert waiting.text == "not yet known: 0% to 0.88%"
    assert Rate(0, 0).text == "not known: nothing was counted"
    assert waiting.columns("x") == {"x_percent": "", "x_percent_low": "0", "x_percent_high": "0.88"}
    assert Rate(0, 0).columns("x") == {"x_percent": "", "x_percent_low": "", "x_percent_high": ""}
    # More can never be false than were counted.
    assert Rate(1, 2, undecided=9).bounds[1] == wilson(2, 2)[1]


def _rows(record: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(record_csv(record))))


def test_a_rate_above_all_is_not_known() -> None:
    """Counts of faces can be lost; no share is above 100%."""
    wrong = Rate(2, 1)
    assert (wrong.value, wrong.text) == ("", "not known: more were false than were counted")
    assert wrong.numbers == {"value": None, "low": None, "high": None}
    assert set(wrong.columns("x").values()) == {""}
    assert Rate(1, 1).value == "100%"


def test_the_record_gives_no_rate_before_every_outcome_is_known(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    cameras.count_frames(cameras_of(deployment)[0], FrameCounts(received=1, processed=1, faces=2000))
    alert = make_alert(deployment)
    columns = [f"false_alerts_of_faces_percent{end}" for end in ("", "_low", "_high")]
    assert [_rows(record_of(deployment))[-1][name] for name in columns] == ["", "0", "0.28"]
    act(alert, "not_same", cast=cast)
    assert [_rows(record_of(deployment))[-1][name] for name in columns] == ["0.050", "0.0088", "0.28"]


def _raise_threshold(deployment: Deployment, cast: Cast) -> str:
    """Change the threshold to 0.85 and return the one before, as the record prints it."""
    point = deployment.operating_point
    assert point is not None
    higher = make_operating_point(0.85)
    change = amendments.propose_change(deployment, higher, evidence="Too many", actor=cast.commander)
    amendments.decide_change(change, accept=True, reason="Fewer strangers", actor=cast.authority)
    deployment.refresh_from_db()
    return f"{point.threshold:.4f}"


def _thresholds(deployment: Deployment) -> list[str]:
    return [row["threshold"] for row in _rows(record_of(deployment))]


def test_the_record_gives_both_thresholds_of_a_period_in_which_it_changed(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    before = _raise_threshold(deployment, cast)
    (period, everything) = _thresholds(deployment)
    assert period.startswith(f"{before}; 0.8500 from 20")
    assert everything == period
    running.end_period(deployment, actor=cast.commander)
    assert _thresholds(deployment) == [period, period]


def test_the_record_gives_each_period_the_threshold_that_was_in_force(cast: Cast) -> None:
    """Not today's: the first day ran with the one before."""
    deployment = two_days(cast)
    running.end_period(deployment, actor=cast.commander)
    before = _raise_threshold(deployment, cast)
    # Nothing has been compared with the new one yet.
    assert _thresholds(deployment) == [before, "", before]


def test_a_threshold_that_changed_between_two_periods_is_in_the_line_of_all(cast: Cast) -> None:
    deployment = two_days(cast)
    running.end_period(deployment, actor=cast.commander)
    before = _raise_threshold(deployment, cast)
    began = timezone.now()
    Period.objects.filter(place="Chelmsford").update(went_live_at=began)
    first, second, everything = _thresholds(deployment)
    assert (first, second) == (before, "0.8500")
    assert everything == f"{before}; 0.8500 from {timezone.localtime(began).isoformat(timespec='seconds')}"
