"""The register of training: nobody is posted, runs a deployment or decides without training that counts today."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from alerts import operations as alert_operations
from alerts import stand_downs
from alerts.models import Alert
from audit.models import Entry
from core.errors import Conflict, Refused
from deployments import authority, readiness, running, staffing
from deployments.choices import CHOSEN_HALTS
from deployments.models import Deployment, last_day
from lfr_site.models import User
from tests.cast import (
    ACT_INPUTS,
    Cast,
    act,
    another,
    apart,
    client_of,
    make_alert,
    make_deployment,
    make_draft,
    make_live_deployment,
    make_user,
    make_watchlist,
    period_of,
    stewards,
)
from training import register
from training.models import Task, TrainingRecord
from watchlists import approval, thresholds
from watchlists.seal import content_hash

DAY = dt.timedelta(days=1)


def _record(user: User, task: Task = Task.OPERATOR, **changes: Any) -> TrainingRecord:
    today = timezone.localdate()
    usual: dict[str, Any] = {
        "course": "LFR operator, three days, force college",
        "completed_on": today - 10 * DAY,
        "valid_until": today + 100 * DAY,
        "actor": stewards().keeper,
    }
    return register.record_training(user, task=task, **{**usual, **changes})


def _end(user: User, task: Task | None = None, *, days_ago: int = 1) -> None:
    """Let time pass: the last day of a user's training is over."""
    on = timezone.localdate() - days_ago * DAY
    found = TrainingRecord.objects.filter(user=user)
    found = found if task is None else found.filter(task=task)
    found.update(completed_on=on - 300 * DAY, valid_until=on)


def test_training_counts_from_its_first_day_to_its_last_and_for_its_task_alone(cast: Cast) -> None:
    user, today = User.objects.create_user("new"), timezone.localdate()
    made = _record(user, completed_on=today - 3 * DAY, valid_until=today + 5 * DAY)
    counts = [register.is_trained(user, Task.OPERATOR, today + days * DAY) for days in (-4, -3, 0, 5, 6)]
    assert counts == [False, True, True, True, False]
    assert not register.is_trained(user, Task.ENGAGEMENT)
    register.withdraw_training(made, reason="Failed the yearly test", actor=cast.compliance)
    assert not register.is_trained(user, Task.OPERATOR)
    with pytest.raises(Conflict):
        register.withdraw_training(made, reason="Again", actor=cast.compliance)
    entries = Entry.objects.filter(action__startswith="training.").order_by("pk")
    assert [entry.action for entry in entries] == ["training.recorded", "training.withdrawn"]
    assert entries[0].data["user"] == "new"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"task": "driver"}, "Select what"),
        ({"course": "  "}, "enter the course"),
        ({"completed_on": dt.date(2999, 1, 1)}, "today or within"),
        ({"completed_on": dt.date(1999, 1, 1)}, "today or within"),
        ({"valid_until": dt.date(2020, 1, 1)}, "today or later"),
        ({"valid_until": dt.date(2126, 1, 1)}, "five years after"),
    ],
)
def test_what_is_incomplete_is_refused(cast: Cast, changes: dict[str, Any], says: str) -> None:
    before = TrainingRecord.objects.count()
    with pytest.raises(Refused, match=says):
        _record(cast.operator, **changes)
    assert TrainingRecord.objects.count() == before


def test_nobody_records_their_own(cast: Cast) -> None:
    for user in cast.by_role.values():
        if user != cast.compliance:
            with pytest.raises(PermissionDenied):
                _record(cast.operator, actor=user)
    with pytest.raises(Refused, match="your own"):
        _record(cast.compliance)
    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingRecord.objects.filter(user=cast.operator).update(recorded_by=cast.operator)


def test_nobody_is_posted_whose_training_ends_before_the_deployment(cast: Cast) -> None:
    deployment = make_deployment(cast)
    user = make_user("second-operator", cast.operator)
    last_day = timezone.localdate(deployment.ends_at)
    TrainingRecord.objects.filter(user=user).update(valid_until=last_day - DAY)
    with pytest.raises(Refused, match="compliance officer"):
        staffing.post(deployment, user, actor=cast.commander)
    # Training for another task does not count.
    TrainingRecord.objects.filter(user=user, task=Task.ENGAGEMENT).update(valid_until=last_day)
    with pytest.raises(Refused, match="compliance officer"):
        staffing.post(deployment, user, actor=cast.commander)
    TrainingRecord.objects.filter(user=user, task=Task.OPERATOR).update(valid_until=last_day)
    staffing.post(deployment, user, actor=cast.commander)
    assert deployment.postings.current().filter(user=user).exists()


def test_cameras_stay_off_while_somebody_posted_is_no_longer_trained(cast: Cast) -> None:
    deployment = make_deployment(cast)
    assert not readiness.obstacles(period_of(deployment))
    _end(cast.officer, Task.ENGAGEMENT)
    with pytest.raises(Refused, match="was withdrawn: officer"):
        readiness.make_ready(deployment, actor=cast.commander)


def test_one_person_trained_as_both_is_not_two(cast: Cast) -> None:
    deployment = make_deployment(cast)
    cast.operator.groups.add(*cast.officer.groups.all())
    posting = deployment.postings.current().get(user=cast.officer)
    staffing.withdraw(posting, actor=cast.commander)
    check = next(each for each in readiness.checks(period_of(deployment)) if each.name == "posted")
    assert (check.holds, "Post at least one" in check.why) == (False, True)


def test_a_commander_without_training_can_only_stop(cast: Cast) -> None:
    deployment = make_deployment(cast)
    _end(cast.commander)
    with pytest.raises(Refused, match="training as a commander"):
        readiness.make_ready(deployment, actor=cast.commander)
    _record(cast.commander, Task.COMMANDER)
    readiness.make_ready(deployment, actor=cast.commander)
    _end(cast.commander)
    with pytest.raises(Refused, match="training as a commander"):
        running.go_live(deployment, actor=cast.commander)
    again = _record(cast.commander, Task.COMMANDER)
    running.go_live(deployment, actor=cast.commander)
    register.withdraw_training(again, reason="Left the unit", actor=cast.compliance)
    running.pause(deployment, code=CHOSEN_HALTS[0], actor=cast.commander)
    with pytest.raises(Refused, match="training as a commander"):
        running.resume(deployment, actor=cast.commander)
    running.end_period(deployment, actor=cast.commander)
    deployment.refresh_from_db()
    assert deployment.state == Deployment.State.ENDED


def test_an_operator_without_training_decides_nothing(cast: Cast, settings: Any) -> None:
    apart(settings)
    settings.LFR_UNDO = dt.timedelta(0)
    deployment = make_live_deployment(cast)
    earlier, alert = make_alert(deployment), make_alert(deployment, "2" * 32)
    act(earlier, "open", "not_same", cast=cast)
    _end(cast.operator)
    for name in ("open", "same", "not_same", "inconclusive"):
        with pytest.raises(Refused, match="training as an LFR operator"):
            act(alert, name, cast=cast)
    with pytest.raises(Refused, match="training as an LFR operator"):
        stand_downs.stand_down(earlier, reason="picture", actor=cast.operator)
    alert.refresh_from_db()
    assert alert.state == Alert.State.RAISED
    page = client_of(cast.operator).post(f"/alerts/{alert.pk}/acts/open/")
    assert page.status_code == 422
    assert "compliance officer" in page.content.decode()


def test_an_officer_without_training_begins_no_engagement_but_ends_the_one_begun(
    cast: Cast, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart(settings)
    settings.LFR_UNDO = dt.timedelta(0)
    deployment = make_live_deployment(cast)
    begun, waiting, third = (make_alert(deployment, str(number) * 32) for number in (1, 2, 3))
    act(begun, "open", "same", "acknowledge", "engage", cast=cast)
    act(third, "open", "same", "acknowledge", cast=cast)
    act(waiting, "open", "same", cast=cast)
    _end(cast.officer)
    for name in ("acknowledge", "engage"):
        with pytest.raises(Refused, match="training as an engagement officer"):
            act(waiting, name, cast=cast)
    # The officer who said that they were on their way, and is with the person, records that they are.
    assert act(third, "engage", cast=cast).state == Alert.State.ENGAGED
    # An act done while it counted, and sent after midnight, is recorded.
    monkeypatch.setattr(alert_operations, "done_at", lambda *_: timezone.now() - DAY)
    assert act(waiting, "acknowledge", cast=cast).state == Alert.State.ACKED
    # The person who was stopped is not kept waiting for a course.
    assert act(begun, "release", cast=cast).state == Alert.State.CONFIRMED_FALSE


def test_an_undo_needs_no_training(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = act(make_alert(deployment), "open", "same", cast=cast)
    _end(cast.operator)
    alert_operations.act(alert, "undo", ACT_INPUTS.get("undo"), actor=cast.operator)
    alert.refresh_from_db()
    assert alert.state == Alert.State.REVIEW


def test_an_authorising_officer_without_training_decides_nothing(cast: Cast) -> None:
    draft, watchlist = make_draft(cast), make_watchlist(cast)
    Deployment.objects.filter(pk=draft.pk).update(state="submitted")
    draft.refresh_from_db()
    _end(cast.authority)
    for decide in (authority.authorise, authority.refuse, authority.give_back):
        with pytest.raises(Refused, match="training as an authorising officer"):
            decide(draft, reason="Decided", revision=draft.revision, actor=cast.authority)
    type(watchlist).objects.filter(pk=watchlist.pk).update(state="checked")
    for dismiss in (approval.return_watchlist, approval.reject_watchlist):
        with pytest.raises(Refused, match="training as an authorising officer"):
            dismiss(watchlist, actor=cast.authority, reason="No")
    with pytest.raises(Refused, match="training as an authorising officer"):
        approval.authorise_watchlist(watchlist, actor=cast.authority, reason="Fine", seen=content_hash(watchlist))
    proposal = draft.operating_point.proposal if draft.operating_point else None
    assert proposal is not None
    type(proposal).objects.filter(pk=proposal.pk).update(state="proposed")
    with pytest.raises(Refused, match="training as an authorising officer"):
        thresholds.approve(proposal, reason="Fine", actor=cast.authority)


def test_a_commander_without_training_compares_no_faces_but_records_what_happened(cast: Cast, settings: Any) -> None:
    apart(settings)
    deployment = make_live_deployment(cast)
    alert, other = make_alert(deployment), make_alert(deployment, "2" * 32)
    running.end_period(deployment, actor=cast.commander)
    _end(cast.commander)
    for ending in ("late_same", "late_not_same"):
        with pytest.raises(Refused, match="training as a commander"):
            alert_operations.code(alert, ending, actor=cast.commander)
    alert_operations.code(other, "unresolved", actor=cast.commander)
    with pytest.raises(Refused, match="training as a commander"):
        alert_operations.correct(other, "late_same", reason="Compared", actor=cast.commander)


def test_a_deployment_that_ends_at_midnight_needs_no_training_for_the_day_after(cast: Cast) -> None:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    assert last_day(midnight) == timezone.localdate()
    assert last_day(midnight + dt.timedelta(microseconds=1)) == timezone.localdate() + DAY


def test_the_register_shows_what_counts_what_ends_soon_and_what_has_ended(cast: Cast) -> None:
    deployment = make_deployment(cast)
    someone = another(cast, deployment, "operator", "ends-soon")
    TrainingRecord.objects.filter(user=someone).update(valid_until=timezone.localdate() + 5 * DAY)
    _end(cast.officer)
    page = client_of(cast.compliance).get("/training/").content.decode()
    for words in ("Ends soon", "Ended", "Counts", "Record training", "Withdraw training"):
        assert words in page
    for user in (cast.commander, cast.authority, cast.owner):
        page = client_of(user).get("/training/").content.decode()
        assert "ends-soon" in page
        assert "Record training" not in page


def test_training_is_recorded_and_withdrawn_on_the_page(cast: Cast) -> None:
    user, today = User.objects.create_user("new"), timezone.localdate()
    client = client_of(cast.compliance)
    form = {"user": user.pk, "task": "operator", "course": "Three days", "completed_on": today, "valid_until": today}
    assert client.post("/training/record/", {**form, "course": ""}).status_code == 422
    assert client.post("/training/record/", form).status_code == 302
    made = TrainingRecord.objects.get(user=user)
    assert client.post(f"/training/{made.pk}/withdraw/", {"reason": ""}).status_code == 422
    assert client.post(f"/training/{made.pk}/withdraw/", {"reason": "Left"}).status_code == 302
    made.refresh_from_db()
    assert (made.withdrawn_by, made.withdrawal_reason) == (cast.compliance, "Left")
