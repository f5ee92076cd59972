"""False alerts above the authorised ceiling: the commander decides in time, or the cameras pause."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from alerts import operations
from alerts.models import Alert
from audit.models import Entry
from core.errors import Conflict, Refused
from deployments import amendments, cameras, ceiling, document_content, governor, readiness, running
from deployments.cameras import FrameCounts
from deployments.choices import Halt
from deployments.models import CeilingQuestion, Deployment
from lfr_site.roles import ROLES
from reports.records import record_of
from tests.cast import (
    Cast,
    act,
    cameras_of,
    client_of,
    make_alert,
    make_live_deployment,
    make_operating_point,
    permit,
    sign_again,
)
from tests.test_running import two_days
from watchlists.models import Person

State = Deployment.State
OVERDUE = dt.timedelta(minutes=10, seconds=1)


@pytest.fixture
def deployment(cast: Cast, settings: Any) -> Deployment:
    """A live deployment in which every possible match is an alert of its own, after 1,600 faces."""
    settings.LFR_JOIN_WINDOW = dt.timedelta(0)
    live = make_live_deployment(cast)
    _pass_by(live, 1600)
    return live


def _pass_by(deployment: Deployment, faces: int) -> None:
    cameras.count_frames(cameras_of(deployment)[0], FrameCounts(received=1, processed=1, faces=faces))


def _false_alerts(deployment: Deployment, cast: Cast, number: int) -> None:
    for _ in range(number):
        track = f"{Entry.objects.count():032}"
        act(make_alert(deployment, track), "not_same", cast=cast)
    deployment.refresh_from_db()


def _open_question(deployment: Deployment) -> CeilingQuestion | None:
    return deployment.ceiling_question


def _decide(deployment: Deployment, cast: Cast, seen: int, reason: str = "Both were the same poster") -> None:
    ceiling.decide_to_continue(deployment, false_alerts=seen, reason=reason, actor=cast.commander)


def _actions(*names: str) -> list[str]:
    found = Entry.objects.filter(action__startswith="deployment.ceiling_").in_order()
    return [action.removeprefix("deployment.ceiling_") for action in found.values_list("action", flat=True)]


@pytest.mark.parametrize(
    ("false_alerts", "faces", "level"),
    [
        (3, 1650, "above"),
        (2, 1000, "above"),
        (12, 6000, "above"),
        (2, 2000, "ok"),
        (2, 1999, "above"),
        # A single one says nothing about the rate, however early it comes.
        (1, 1, "ok"),
        (10, 10_000, "ok"),
        (5, 1000, "pause"),
    ],
)
def test_the_levels_of_false_alerts(false_alerts: int, faces: int, level: str) -> None:
    assert governor.judge(false_alerts, faces, 1000).level == level


def test_without_a_decision_in_time_the_cameras_pause(deployment: Deployment, cast: Cast) -> None:
    _false_alerts(deployment, cast, 1)
    assert _open_question(deployment) is None
    _false_alerts(deployment, cast, 1)
    question = _open_question(deployment)
    assert question is not None
    assert (question.false_alerts, question.faces) == (2, 1600)
    assert question.due_at - question.asked_at == configured.LFR_CEILING_DECISION == dt.timedelta(minutes=10)
    # The deployment goes on meanwhile.
    assert running.watch_running(at=question.due_at - dt.timedelta(seconds=1)) == 0
    deployment.refresh_from_db()
    assert deployment.state == State.LIVE
    assert running.watch_running(at=question.due_at) == 1
    deployment.refresh_from_db()
    assert deployment.state == State.PAUSED
    paused = Entry.objects.get(action="deployment.paused")
    assert (paused.actor, paused.data["code"]) == ("the automatic safeguard", Halt.FALSE_ALERTS)
    why = "No decision to continue was recorded in time. 2 false alerts, counted by object, among 1,600 faces"
    assert why in paused.data["reason"]
    # The cameras turn on again only after a decision.
    with pytest.raises(Refused, match="Record a decision to continue"):
        running.resume(deployment, actor=cast.commander)
    _decide(deployment, cast, 2)
    running.resume(deployment, actor=cast.commander)
    assert deployment.state == State.LIVE
    assert _actions() == ["exceeded", "continued"]


def test_the_commander_is_asked_again_at_every_further_false_alert(deployment: Deployment, cast: Cast) -> None:
    _false_alerts(deployment, cast, 2)
    _decide(deployment, cast, 2)
    assert running.watch_running(at=timezone.now() + OVERDUE) == 0
    assert _open_question(deployment) is None
    _false_alerts(deployment, cast, 1)
    question = _open_question(deployment)
    assert question is not None
    assert question.false_alerts == 3
    # Another one meanwhile gives no more time, and the decision must be about the number that stands.
    _false_alerts(deployment, cast, 1)
    assert _open_question(deployment) == question
    with pytest.raises(Conflict, match="number of false alerts has changed"):
        _decide(deployment, cast, 3)
    _decide(deployment, cast, 4)
    assert [(each.false_alerts, each.outcome) for each in deployment.ceiling_questions.all()] == [
        (2, "continued"),
        (4, "continued"),
    ]
    assert _actions() == ["exceeded", "continued", "exceeded", "continued"]


def test_the_question_is_withdrawn_once_the_rate_is_no_longer_above_the_ceiling(
    deployment: Deployment, cast: Cast
) -> None:
    _false_alerts(deployment, cast, 2)
    _pass_by(deployment, 400)
    assert running.watch_running(at=timezone.now() + OVERDUE) == 0
    assert deployment.ceiling_questions.get().outcome == CeilingQuestion.Outcome.MET
    assert _actions() == ["exceeded", "met"]
    deployment.refresh_from_db()
    assert deployment.state == State.LIVE


def test_an_undone_decision_withdraws_the_question_and_a_further_one_asks_again(
    deployment: Deployment, cast: Cast
) -> None:
    _false_alerts(deployment, cast, 1)
    second = act(make_alert(deployment, "f" * 32), "not_same", cast=cast)
    assert _open_question(deployment) is not None
    act(second, "undo", cast=cast)
    assert _open_question(deployment) is None
    act(second, "not_same", cast=cast)
    assert _open_question(deployment) is not None
    assert _actions() == ["exceeded", "met", "exceeded"]


def test_who_may_decide_and_what_a_decision_needs(deployment: Deployment, cast: Cast) -> None:
    with pytest.raises(Conflict, match="No decision is requested"):
        _decide(deployment, cast, 0)
    _false_alerts(deployment, cast, 2)
    name = Person.objects.values_list("name", flat=True)[0]
    for reason, words in ((" ", "Enter why"), (f"It was {name}", "name")):
        with pytest.raises(Refused, match=words):
            _decide(deployment, cast, 2, reason)
    with pytest.raises(PermissionDenied):
        ceiling.decide_to_continue(deployment, false_alerts=2, reason="Go on", actor=cast.operator)
    both = permit(cast.authority, *ROLES["Commander"])
    with pytest.raises(Refused, match="You authorised this deployment"):
        ceiling.decide_to_continue(deployment, false_alerts=2, reason="Go on", actor=both)
    CeilingQuestion.objects.update(due_at=timezone.now())
    with pytest.raises(Conflict, match="about to pause"):
        _decide(deployment, cast, 2)
    assert _actions() == ["exceeded"]


def test_a_decision_does_not_outweigh_the_sequential_test(deployment: Deployment, cast: Cast, settings: Any) -> None:
    _false_alerts(deployment, cast, 2)
    settings.LFR_FACES_A_FALSE_ALERT = 1_000_000
    # The ceiling is the signed one, until another is signed.
    assert readiness.verdict_of(deployment).faces_an_alert == 1000
    sign_again()
    deployment.refresh_from_db()
    with pytest.raises(Refused, match="change of threshold"):
        _decide(deployment, cast, 2)
    assert running.watch_running() == 1


def test_the_page_asks_for_the_decision(deployment: Deployment, cast: Cast) -> None:
    client, base = client_of(cast.commander), f"/deployments/{deployment.pk}"
    assert client.get(f"{base}/command/ceiling/?shown=").status_code == 204
    _false_alerts(deployment, cast, 2)
    page = client.get(f"{base}/command/").content.decode()
    assert "Decide before" in page
    assert "2 false alerts, counted by object, among 1,600 faces" in page
    part = client.get(f"{base}/command/ceiling/?shown=")
    assert part.status_code == 200
    # Unchanged parts are not sent again, so that nobody's typing is replaced.
    assert client.get(f"{base}/command/ceiling/?shown={part.context['shown']}").status_code == 204
    assert client.post(f"{base}/continue/", {"false_alerts": "2"}).status_code == 422
    client.post(f"{base}/continue/", {"false_alerts": "2", "reason": "Both were the same poster"})
    assert "Decide before" not in client.get(f"{base}/command/").content.decode()
    # An operator may pause, and sees why it may be needed, but does not decide.
    _false_alerts(deployment, cast, 1)
    seen = client_of(cast.operator).get(f"{base}/command/").content.decode()
    assert ("Decide before" in seen, "Record decision to continue" in seen) == (True, False)


def test_documents_and_record_say_what_is_enforced(deployment: Deployment, cast: Cast, tmp_path: Path) -> None:
    rule = governor.rule(1000, 10)
    assert "From false alert number 2 on" in rule
    assert "within 10 minutes it pauses" in rule
    assert "at most 1 in 20 deployments" in rule
    sections = {section.heading: section for section in document_content.authority_sections(deployment, tmp_path)}
    assert ("Ceiling of false alerts", rule) in sections["Engine and threshold"].rows
    _false_alerts(deployment, cast, 2)
    _decide(deployment, cast, 2)
    _false_alerts(deployment, cast, 1)
    running.end_period(deployment, actor=cast.commander)
    ending = {section.heading: section for section in document_content.ending_sections(deployment, tmp_path)}
    rows = ending["False alerts above the ceiling"].table[1:]
    assert [row[2:] for row in rows] == [
        ("2", "1,600", "Continued", "commander", "Both were the same poster"),
        ("3", "1,600", "Not decided", "–", ""),
    ]
    assert len(record_of(deployment).questions) == 2
    page = client_of(cast.compliance).get(f"/records/{deployment.pk}/").content.decode()
    assert ("Both were the same poster" in page, "Not decided" in page) == (True, True)
    # Nothing can be decided once it is over.
    with pytest.raises(Conflict, match="the deployment is over"):
        _decide(deployment, cast, 3)
    assert (
        "Record decision"
        not in client_of(cast.commander).get(f"/deployments/{deployment.pk}/command/").content.decode()
    )


def test_neither_a_correction_nor_a_lower_threshold_answers_the_question(deployment: Deployment, cast: Cast) -> None:
    _false_alerts(deployment, cast, 2)
    for alert in Alert.objects.all():
        with pytest.raises(Refused, match="count against the ceiling"):
            operations.correct(alert, "unresolved", reason="The wrong button", actor=cast.commander)
    point = deployment.operating_point
    assert point is not None
    lower, higher = (make_operating_point(value) for value in (0.5, 0.85))
    with pytest.raises(Refused, match="Select a higher threshold"):
        amendments.propose_change(deployment, lower, evidence="x", actor=cast.commander)
    assert _open_question(deployment) is not None
    change = amendments.propose_change(deployment, higher, evidence="Two false alerts", actor=cast.commander)
    amendments.decide_change(change, accept=True, reason="Fewer", actor=cast.authority)
    assert deployment.ceiling_questions.get().outcome == CeilingQuestion.Outcome.CHANGED
    approved = Entry.objects.get(action="deployment.threshold_change_approved")
    assert approved.data["ceiling_question_closed"] is True


def test_no_correction_lowers_the_count_between_two_periods(cast: Cast, settings: Any) -> None:
    """The next period would start without the decision that the question asks for."""
    settings.LFR_JOIN_WINDOW = dt.timedelta(0)
    deployment = two_days(cast)
    _pass_by(deployment, 1600)
    _false_alerts(deployment, cast, 2)
    running.end_period(deployment, actor=cast.commander)
    assert deployment.state == State.NOTIFIED
    with pytest.raises(Refused, match="count against the ceiling"):
        operations.correct(Alert.objects.all()[0], "unresolved", reason="x", actor=cast.commander)
    assert _open_question(deployment) is not None


def test_a_lower_threshold_proposed_before_is_not_approved_above_the_ceiling(
    deployment: Deployment, cast: Cast
) -> None:
    point = deployment.operating_point
    assert point is not None
    lower = make_operating_point(0.5)
    change = amendments.propose_change(deployment, lower, evidence="Too few", actor=cast.commander)
    _false_alerts(deployment, cast, 2)
    with pytest.raises(Refused, match="Select a higher threshold"):
        amendments.decide_change(change, accept=True, reason="x", actor=cast.authority)
