"""Thresholds: from a calibration and valid evidence, proposed by one user and approved by another."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from audit.models import Entry
from core.errors import Conflict, Refused
from demo import rehearsal
from lfr_site.roles import ROLES
from tests.cast import Cast, make_operating_point, permit
from watchlists import thresholds
from watchlists.models import BiasEvidence, OperatingPoint, ThresholdProposal


def _proposed(cast: Cast, **changes: Any) -> ThresholdProposal:
    calibration = make_operating_point().calibration
    assert calibration is not None
    given = {"wanted_fpir": 0.01, "list_size": 500, "footfall": 10_000, "reason": "A smaller list", **changes}
    return thresholds.propose(calibration, actor=cast.system_admin, **given)


def test_one_proposes_and_another_approves(cast: Cast) -> None:
    make_operating_point()
    rehearsal.record_evidence(cast.compliance)
    proposal = _proposed(cast)
    assert not OperatingPoint.objects.filter(threshold=proposal.threshold).exists()
    with pytest.raises(PermissionDenied):
        thresholds.approve(proposal, reason="Mine", actor=cast.compliance)
    point = thresholds.approve(proposal, reason="Rightly chosen", actor=cast.authority)
    assert point.threshold == pytest.approx(proposal.threshold)
    assert point.calibration == proposal.calibration
    with pytest.raises(Conflict):
        thresholds.reject(proposal, reason="No", actor=cast.authority)
    done = list(Entry.objects.in_order().values_list("action", flat=True))
    assert done[-3:] == ["threshold.proposed", "threshold.approved", "engine.operating_point_set"]


def test_nobody_approves_a_threshold_they_proposed_whatever_their_roles(cast: Cast) -> None:
    make_operating_point()
    rehearsal.record_evidence(cast.compliance)
    proposal = _proposed(cast)
    both = permit(cast.system_admin, *ROLES["Authorising officer"])
    for act in (thresholds.approve, thresholds.reject):
        with pytest.raises(Refused, match="another person must"):
            act(proposal, reason="Mine", actor=both)
    assert not OperatingPoint.objects.filter(proposal__isnull=False).exists()


def test_without_evidence_in_force_nothing_is_proposed_or_approved(cast: Cast) -> None:
    with pytest.raises(Refused, match="No evidence in force"):
        _proposed(cast)
    rehearsal.record_evidence(cast.compliance, lowest=0.95)
    with pytest.raises(Refused, match="No evidence in force supports"):
        _proposed(cast)
    evidence = rehearsal.record_evidence(cast.compliance, lowest=0.3)
    proposal = _proposed(cast)
    thresholds.withdraw_evidence(evidence, actor=cast.compliance)
    with pytest.raises(Refused, match="no longer in force"):
        thresholds.approve(proposal, reason="Fine", actor=cast.authority)
    with pytest.raises(Conflict):
        thresholds.withdraw_evidence(evidence, actor=cast.compliance)


def test_a_rate_the_calibration_cannot_show_is_refused(cast: Cast) -> None:
    make_operating_point()
    rehearsal.record_evidence(cast.compliance)
    with pytest.raises(Refused, match="too few to show a rate"):
        _proposed(cast, wanted_fpir=0.0001)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"expires_on": dt.date(2020, 1, 1)}, "has expired"),
        ({"lowest_threshold": 1.5}, "between 0 and 1"),
    ],
)
def test_bad_evidence_is_refused(cast: Cast, changes: dict[str, Any], says: str) -> None:
    make_operating_point()
    given = {
        "title": "T",
        "source": "S",
        "reference": "R",
        "finding": "F",
        "lowest_threshold": 0.5,
        "expires_on": timezone.localdate() + dt.timedelta(days=9),
    }
    with pytest.raises(Refused, match=says):
        thresholds.record_evidence({**given, **changes}, actor=cast.compliance)
    for user in (cast.authority, cast.system_admin, cast.watchlist_admin):
        with pytest.raises(PermissionDenied):
            thresholds.record_evidence(given, actor=user)
    assert not BiasEvidence.objects.exists()


def test_the_forecast_comes_from_the_calibration(cast: Cast) -> None:
    del cast
    point = make_operating_point()
    assert point.calibration is not None
    small, large = (thresholds.outlook(point, size, 10_000) for size in (100, 5000))
    assert small is not None
    assert large is not None
    assert small.false_alerts.value == pytest.approx(
        point.calibration.measured.fpir(point.threshold, 100).value * 10_000
    )
    assert small.false_alerts.value < large.false_alerts.value
    assert (small.is_extrapolated, large.is_extrapolated) == (False, True)


def test_the_page_calculates_and_proposes_a_threshold(cast: Cast) -> None:
    calibration = make_operating_point().calibration
    assert calibration is not None
    rehearsal.record_evidence(cast.compliance)
    client = Client()
    client.force_login(cast.system_admin)
    figures: dict[str, str | int] = {
        "calibration": calibration.pk,
        "list_size": 500,
        "footfall": 10_000,
        "wanted_fpir": "1",
    }
    page = " ".join(client.get("/thresholds/", figures).content.decode().split())
    assert "false alerts expected" in page
    assert "too few to show a rate" in client.get("/thresholds/", {**figures, "wanted_fpir": "0.01"}).content.decode()
    answer = client.post("/thresholds/propose/", {**figures, "reason": "A test"})
    assert answer.status_code == 302
    proposal = ThresholdProposal.objects.get()
    client.force_login(cast.authority)
    client.post(f"/thresholds/{proposal.pk}/decide/", {"decision": "approve", "reason": "Fine"})
    proposal.refresh_from_db()
    assert proposal.point is not None
    assert client.post("/thresholds/propose/", figures).status_code == 403
