"""Thresholds: only by a proposal and an approval, on evidence that covers them or a risk that somebody answers for."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import Entry
from core.errors import Conflict, Refused
from core.ranks import Rank
from demo import rehearsal
from deployments import documents, executable, fairness
from lfr_site.roles import ROLES
from reports.record_files import record_csv
from reports.records import record_of
from tests.cast import (
    Cast,
    client_of,
    make_calibration,
    make_draft,
    make_live_deployment,
    make_operating_point,
    make_user,
    people_of,
    permit,
    stewards,
)
from watchlists import engines, evidence, thresholds
from watchlists.evidence import GroupFigures
from watchlists.models import BiasEvidence, EvidenceGroup, OperatingPoint, ThresholdProposal

REPORT = b"%PDF-1.7 the laboratory's report"
GROUPS = [
    GroupFigures("ethnicity", "Black", 210, 168, 4000, 6),
    GroupFigures("ethnicity", "White", 260, 221, 5200, 4),
    GroupFigures("sex", "women", 240, 197, 4600, 5),
    GroupFigures("sex", "men", 230, 192, 4600, 5),
    GroupFigures("age", "under 30", 200, 161, 4000, 5),
    GroupFigures("age", "30 and over", 270, 228, 5200, 5),
]


def _given(**changes: Any) -> dict[str, Any]:
    usual = {
        "title": "Test with volunteers, Southend",
        "finding": "Recognition rates differ by at most 5 points between groups; the intervals overlap.",
        "lowest_threshold": 0.6,
        "highest_threshold": 0.8,
        "expires_on": timezone.localdate() + dt.timedelta(days=60),
    }
    return {**usual, **changes}


def _measured(cast: Cast, **changes: Any) -> BiasEvidence:
    make_calibration()
    given = _given(laboratory="A laboratory", independence="independent", **changes)
    return evidence.record_measured(given, GROUPS, file=REPORT, file_name="report.pdf", actor=cast.compliance)


def _in_force(cast: Cast, **changes: Any) -> BiasEvidence:
    found = _measured(cast, **changes)
    evidence.countersign(found, actor=cast.owner)
    found.refresh_from_db()
    return found


def _proposed(cast: Cast, threshold: float = 0.7, **changes: Any) -> ThresholdProposal:
    given = {"list_size": 500, "footfall": 10_000, "reason": "A smaller list", **changes}
    return thresholds.propose(make_calibration(), threshold=threshold, actor=cast.system_admin, **given)


def test_one_proposes_and_another_of_rank_approves(cast: Cast) -> None:
    _in_force(cast)
    proposal = _proposed(cast)
    assert not OperatingPoint.objects.exists()
    with pytest.raises(PermissionDenied):
        thresholds.approve(proposal, reason="Mine", actor=cast.compliance)
    inspector = make_user("inspector", cast.authority, Rank.INSPECTOR)
    with pytest.raises(Refused, match="rank of Superintendent"):
        thresholds.approve(proposal, reason="Urgent", actor=inspector)
    point = thresholds.approve(proposal, reason="Rightly chosen", actor=cast.authority)
    assert (point.threshold, point.proposal, point.calibration) == (0.7, proposal, proposal.calibration)
    with pytest.raises(Conflict):
        thresholds.reject(proposal, reason="No", actor=cast.authority)
    done = list(Entry.objects.in_order().values_list("action", flat=True))
    assert done[-3:] == ["threshold.proposed", "threshold.approved", "engine.operating_point_set"]


def test_no_threshold_is_in_force_without_an_approved_proposal(cast: Cast) -> None:
    """Not by the installer and not by a command: the database refuses a row without a proposal."""
    calibration = make_calibration()
    assert not OperatingPoint.objects.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        OperatingPoint.objects.create(
            engine=calibration.engine, calibration=calibration, threshold=0.69, basis="typed in"
        )
    assert "threshold" not in vars(engines)
    # People who compile lists are warned of likenesses all the same.
    assert engines.likeness_threshold(calibration.engine) == 0.69


def test_nobody_approves_a_threshold_they_proposed_whatever_their_roles(cast: Cast) -> None:
    _in_force(cast)
    proposal = _proposed(cast)
    both = permit(cast.system_admin, *ROLES["Authorising officer"])
    for act in (thresholds.approve, thresholds.reject):
        with pytest.raises(Refused, match="another person must"):
            act(proposal, reason="Mine", actor=both)
    assert not OperatingPoint.objects.exists()


def test_evidence_counts_once_countersigned_and_only_within_its_range(cast: Cast) -> None:
    with pytest.raises(Refused, match="No evidence in force covers"):
        _proposed(cast)
    found = _measured(cast)
    with pytest.raises(Refused, match="No evidence in force covers"):
        _proposed(cast)
    with pytest.raises(PermissionDenied):
        evidence.countersign(found, actor=cast.authority)
    both = permit(cast.compliance, *ROLES["Senior responsible owner"])
    with pytest.raises(Refused, match="You recorded this entry"):
        evidence.countersign(found, actor=both)
    evidence.countersign(found, actor=cast.owner)
    with pytest.raises(Conflict):
        evidence.countersign(found, actor=cast.owner)
    # As fair at 0.7 says nothing about 0.85.
    for outside in (0.59, 0.81, 0.85):
        with pytest.raises(Refused, match="No evidence in force covers"):
            _proposed(cast, outside)
    proposal = _proposed(cast)
    evidence.withdraw(found, actor=cast.compliance)
    with pytest.raises(Refused, match="no longer in force"):
        thresholds.approve(proposal, reason="Fine", actor=cast.authority)
    with pytest.raises(Conflict):
        evidence.withdraw(found, actor=cast.compliance)


def test_a_threshold_outside_the_range_stops_a_deployment(cast: Cast) -> None:
    point = make_operating_point()
    today = timezone.localdate()
    assert thresholds.obstacles_to(point, today) == []
    BiasEvidence.objects.update(highest_threshold=0.65)
    (why,) = thresholds.obstacles_to(point, today)
    assert "covers thresholds of 0.300 to 0.650, and 0.690 is outside" in why


def test_measured_evidence_holds_the_figures_of_each_group_and_the_report(cast: Cast) -> None:
    found = _in_force(cast)
    assert found.file_sha256 == hashlib.sha256(REPORT).hexdigest()
    black = found.groups.get(name="Black")
    assert black.recognition_rate == "80% (74% to 85%)"
    assert black.false_match_rate == "0.15% (0.069% to 0.33%)"
    assert "measured by A laboratory (independent of the force and of the supplier)" in found.words
    page = client_of(cast.owner).get("/thresholds/").content.decode()
    assert "80% (74% to 85%)" in page
    answer = client_of(cast.owner).get(f"/evidence/{found.pk}/report/")
    assert (answer.content, answer["Content-Disposition"]) == (REPORT, 'attachment; filename="report.pdf"')


@pytest.mark.parametrize(
    ("changes", "groups", "says"),
    [
        ({"expires_on": dt.date(2020, 1, 1)}, GROUPS, "has expired"),
        ({"highest_threshold": 1.5}, GROUPS, "between 0 and 1"),
        ({"lowest_threshold": 0.9}, GROUPS, "the lowest first"),
        ({"laboratory": ""}, GROUPS, "who measured it"),
        ({"independence": "very"}, GROUPS, "how independent"),
        # "Nothing was measured" is no evidence.
        ({}, [], "at least 2 groups by ethnicity"),
        ({}, GROUPS[:4], "at least 2 groups by age"),
        ({}, [*GROUPS, GROUPS[0]], "each group once"),
        ({}, [*GROUPS, GroupFigures("age", "over 60", 5, 6, 10, 0)], "do not add up"),
        ({}, [*GROUPS, GroupFigures("age", "over 60", 0, 0, 10, 0)], "do not add up"),
    ],
)
def test_bad_evidence_is_refused(cast: Cast, changes: dict[str, Any], groups: list[GroupFigures], says: str) -> None:
    make_calibration()
    given = {**_given(laboratory="A laboratory", independence="independent"), **changes}
    with pytest.raises(Refused, match=says):
        evidence.record_measured(given, groups, file=REPORT, file_name="r.pdf", actor=cast.compliance)
    assert not BiasEvidence.objects.exists()


def test_measured_evidence_needs_its_report_and_its_recorder(cast: Cast) -> None:
    make_calibration()
    given = _given(laboratory="A laboratory", independence="independent")
    with pytest.raises(Refused, match="Attach the laboratory's report"):
        evidence.record_measured(given, GROUPS, file=b"", file_name="", actor=cast.compliance)
    for user in (cast.authority, cast.system_admin, cast.watchlist_admin, cast.owner):
        with pytest.raises(PermissionDenied):
            evidence.record_measured(given, GROUPS, file=REPORT, file_name="r.pdf", actor=user)
        with pytest.raises(PermissionDenied):
            evidence.record_risk(_given(), actor=user)
    assert not EvidenceGroup.objects.exists()


def test_without_figures_there_is_only_a_risk_acceptance_that_expires(cast: Cast) -> None:
    make_calibration()
    far = timezone.localdate() + dt.timedelta(days=91)
    with pytest.raises(Refused, match="90 days at most"):
        evidence.record_risk(_given(expires_on=far), actor=cast.compliance)
    risk = evidence.record_risk(_given(), actor=cast.compliance)
    assert evidence.covering(engines.current_engine(), 0.7, timezone.localdate()) is None
    evidence.countersign(risk, actor=cast.owner)
    engine, today = engines.current_engine(), timezone.localdate()
    assert evidence.covering(engine, 0.7, today) == risk
    assert evidence.covering(engine, 0.7, risk.expires_on + dt.timedelta(days=1)) is None
    # Measured evidence goes before it.
    measured = _in_force(cast)
    assert evidence.covering(engine, 0.7, today) == measured


def test_a_risk_acceptance_is_printed_wherever_the_deployment_is_described(cast: Cast, tmp_path: Any) -> None:
    deployment = make_live_deployment(cast)
    words = fairness.words_of(deployment)
    assert words.startswith("Risk acceptance until ")
    assert "was not measured" in words
    authority = documents.CONTENT["authority"]
    printed = str([vars(section) for section in authority.sections(deployment, tmp_path)])
    assert words in printed
    assert words in str(documents.CONTENT["post"].facts(deployment))
    record = record_of(deployment)
    assert words in record_csv(record)
    for path in (f"/deployments/{deployment.pk}/", f"/records/{deployment.pk}/"):
        page = " ".join(client_of(cast.commander).get(path).content.decode().split())
        assert "Risk acceptance</span>" in page, path
        assert "was not measured" in page, path
    # What it was authorised on stays on its papers when it expires or is withdrawn.
    evidence.withdraw(BiasEvidence.objects.get(), actor=cast.compliance)
    assert fairness.words_of(deployment) == words


def test_evidence_that_comes_later_changes_nothing_of_what_was_authorised(cast: Cast) -> None:
    """Renewing the evidence made every signed authority differ from its records, so that none could go live."""
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    words = fairness.words_of(deployment)
    first = BiasEvidence.objects.get()
    later = evidence.record_risk(
        _given(lowest_threshold=0.3, highest_threshold=0.95, finding="Another year."), actor=cast.compliance
    )
    evidence.countersign(later, actor=cast.owner)
    assert fairness.evidence_of(deployment) == first
    assert fairness.words_of(deployment) == words
    signed = executable.latest(deployment)
    assert signed is not None
    assert executable.drift(signed) == []
    # The next application rests on the newer one.
    assert fairness.evidence_of(make_draft(cast)) == later


def test_a_threshold_that_expects_more_than_the_ceiling_is_not_proposed_without_a_word(cast: Cast) -> None:
    _in_force(cast)
    low, high = _proposed(cast, 0.65, list_size=873), _proposed(cast, 0.8, list_size=50)
    assert (low.is_above_ceiling, high.is_above_ceiling) == (True, False)
    assert Entry.objects.filter(action="threshold.proposed", data__above_ceiling=True).count() == 1
    page = " ".join(client_of(cast.authority).get("/thresholds/").content.decode().split())
    assert "More than the ceiling allows (10.0)" in page


def test_the_forecast_comes_from_the_calibration(cast: Cast) -> None:
    del cast
    point = make_operating_point()
    small, large = (thresholds.outlook(point, size, 10_000) for size in (100, 5000))
    assert small.false_alerts.value == pytest.approx(
        point.calibration.measured.fpir(point.threshold, 100).value * 10_000
    )
    assert small.false_alerts.value < large.false_alerts.value
    assert (small.is_extrapolated, large.is_extrapolated) == (False, True)


def test_the_pages_from_evidence_to_a_threshold_in_force(cast: Cast) -> None:
    calibration = make_calibration()
    compliance, owner = client_of(cast.compliance), client_of(cast.owner)
    lines = "\n".join("; ".join(str(value) for value in vars(each).values()) for each in GROUPS)
    fields = {**_given(laboratory="A laboratory", independence="independent"), "groups": lines}
    wrong = compliance.post("/evidence/", {**fields, "groups": "sex; women; 12", "report": _report()})
    assert (wrong.status_code, b"Line 1 must have" in wrong.content) == (422, True)
    assert compliance.post("/evidence/", {**fields, "report": _report()}).status_code == 302
    found = BiasEvidence.objects.get()
    assert found.groups.count() == len(GROUPS)
    assert "Countersign" in owner.get("/thresholds/").content.decode()
    assert owner.post(f"/evidence/{found.pk}/countersign/").status_code == 302
    figures: dict[str, str | int] = {
        "calibration": calibration.pk,
        "list_size": 500,
        "footfall": 10_000,
        "wanted_fpir": "0.3",
    }
    client = client_of(cast.system_admin)
    page = " ".join(client.get("/thresholds/", figures).content.decode().split())
    assert "false alerts expected" in page
    assert "This is more than the ceiling allows." in page
    assert "too few to show a rate" in client.get("/thresholds/", {**figures, "wanted_fpir": "0.01"}).content.decode()
    assert client.post("/thresholds/propose/", {**figures, "reason": "A test"}).status_code == 302
    proposal = ThresholdProposal.objects.get()
    authority = client_of(cast.authority)
    authority.post(f"/thresholds/{proposal.pk}/decide/", {"decision": "approve", "reason": "Fine"})
    assert OperatingPoint.objects.get().proposal == proposal
    assert authority.post("/thresholds/propose/", figures).status_code == 403
    risk = {**_given(), "expires_on": timezone.localdate() + dt.timedelta(days=20)}
    assert compliance.post("/evidence/risk/", risk).status_code == 302
    assert BiasEvidence.objects.filter(kind="risk", countersigned_at__isnull=True).count() == 1


def _report() -> SimpleUploadedFile:
    return SimpleUploadedFile("report.pdf", REPORT)


def test_the_demonstration_runs_on_a_risk_acceptance(cast: Cast) -> None:
    del cast
    make_calibration()
    point = rehearsal.threshold_in_force(stewards())
    assert point.proposal.evidence.is_risk
