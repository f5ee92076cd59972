"""The second look: a sample of decided possible matches, compared by somebody else before the faces are purged."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from alerts import evidence, operations, raising, second_looks
from alerts.models import Alert, SecondLook
from audit.models import Entry
from core.errors import Conflict, Refused
from deployments.frame_terms import frame_terms
from deployments.models import Camera
from lfr_site.models import User
from recognition.frame import Candidate
from reports.record_files import record_csv
from reports.records import record_of
from tests.cast import (
    ACT_INPUTS,
    SCORE,
    Cast,
    act,
    another,
    apart,
    cameras_of,
    client_of,
    end,
    make_alert,
    make_live_deployment,
    make_probe,
    place_of,
    raise_alert,
    stewards,
)
from training import register
from training.models import TrainingRecord


@pytest.fixture(autouse=True)
def everything_is_drawn(settings: Any) -> None:
    apart(settings)
    settings.LFR_SECOND_LOOK, settings.LFR_UNDO = 100, dt.timedelta(0)


def _decided(cast: Cast, *acts: str) -> tuple[Alert, User]:
    """Return an alert that the operator decided, and another operator who is posted."""
    deployment = make_live_deployment(cast)
    alert = act(make_alert(deployment), "open", *(acts or ("same",)), cast=cast)
    return alert, another(cast, deployment, "operator", "second-operator")


def _look(alert: Alert, actor: User, finding: str = "same", remark: str = "") -> SecondLook:
    return second_looks.record_second_look(alert, finding=finding, remark=remark, actor=actor)


def test_somebody_else_looks_and_agrees(cast: Cast) -> None:
    alert, second = _decided(cast)
    assert list(second_looks.waiting_for(second)) == [alert]
    made = _look(alert, second)
    assert (made.decision, made.agrees) == ("same", True)
    assert not second_looks.waiting_for(second).exists()
    entry = Entry.objects.get(action="alert.second_look")
    assert (entry.actor, entry.data["agrees"]) == ("second-operator", True)
    alert.refresh_from_db()
    assert alert.state == Alert.State.REFERRED
    with pytest.raises(Conflict):
        _look(alert, cast.commander)


def test_nobody_looks_at_what_they_acted_on(cast: Cast) -> None:
    alert, second = _decided(cast)
    with pytest.raises(Refused, match="You acted on"):
        _look(alert, cast.operator)
    # The one who only opened it has seen what the operator did with it.
    other = act(make_alert(alert.deployment, "2" * 32), "open", cast=cast)
    operations.act(other, "not_same", ACT_INPUTS["not_same"], actor=second)
    for user in (cast.operator, second):
        assert not second_looks.waiting_for(user).filter(pk=other.pk).exists()
    assert set(second_looks.waiting_for(cast.commander)) == {alert, other}


def test_other_roles_do_not_look(cast: Cast) -> None:
    alert, _ = _decided(cast)
    for user in cast.by_role.values():
        if user not in (cast.operator, cast.commander):
            assert not second_looks.waiting_for(user).exists()
            with pytest.raises(PermissionDenied):
                _look(alert, user)


def test_without_training_nobody_looks(cast: Cast) -> None:
    alert, second = _decided(cast)
    for record in TrainingRecord.objects.filter(user=second):
        register.withdraw_training(record, reason="Left", actor=stewards().keeper)
    with pytest.raises(Refused, match="training as an LFR operator"):
        _look(alert, second)
    assert client_of(second).get(f"/alerts/{alert.pk}/second-look/").status_code == 422


def test_another_finding_needs_what_was_seen_and_changes_nothing(cast: Cast) -> None:
    alert, second = _decided(cast, "not_same")
    for finding in ("same", "inconclusive"):
        with pytest.raises(Refused, match="Enter what you saw"):
            _look(alert, second, finding)
    with pytest.raises(Refused, match="Select what you found"):
        _look(alert, second, "perhaps")
    made = _look(alert, second, "same", "The scar is the same")
    assert not made.agrees
    alert.refresh_from_db()
    assert alert.state == Alert.State.OP_FALSE
    with pytest.raises(IntegrityError), transaction.atomic():
        SecondLook.objects.update(remark="")
    page = client_of(cast.commander).get(f"/deployments/{alert.deployment_id}/alerts/").content.decode()
    assert "Second look by second-operator" in page
    assert "The scar is the same" in page


def test_only_a_final_decision_waits(cast: Cast, settings: Any) -> None:
    settings.LFR_UNDO = dt.timedelta(seconds=30)
    deployment = make_live_deployment(cast)
    alert = act(make_alert(deployment), "open", cast=cast)
    assert not second_looks.waiting_for(cast.commander).exists()
    act(alert, "same", cast=cast)
    with pytest.raises(Refused, match="undecided"):
        _look(alert, cast.commander)
    Alert.objects.update(decided_at=timezone.now() - dt.timedelta(seconds=31))
    assert list(second_looks.waiting_for(cast.commander)) == [alert]


def test_what_was_found_in_the_review_is_looked_at_too(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    second = another(cast, deployment, "operator", "second-operator")
    end(deployment, cast)
    operations.code(alert, Alert.State.LATE_NOT_SAME, actor=cast.commander)
    assert _look(alert, second, "not_same").decision == "not_same"


def test_what_was_not_drawn_does_not_wait(cast: Cast, settings: Any) -> None:
    settings.LFR_SECOND_LOOK = 0
    alert, second = _decided(cast)
    assert (alert.is_sampled, second_looks.waiting_for(second).exists()) == (False, False)
    with pytest.raises(Refused, match="not drawn"):
        _look(alert, second)


def test_the_sample_has_its_size(settings: Any) -> None:
    settings.LFR_SECOND_LOOK = 25
    drawn = sum(second_looks.is_drawn() for _ in range(4000))
    # Seven standard deviations.
    assert abs(drawn - 1000) < 200


def test_the_purge_does_not_wait_and_what_was_missed_is_counted(cast: Cast) -> None:
    alert, second = _decided(cast, "not_same")
    looked = act(make_alert(alert.deployment, "2" * 32), "open", "same", cast=cast)
    _look(looked, second)
    assert evidence.purge_due(at=timezone.now() + dt.timedelta(hours=25)) == 2
    alert.refresh_from_db()
    with pytest.raises(Refused, match="purged"):
        _look(alert, second, "not_same")
    counted = second_looks.second_looks_of(Alert.objects.filter(deployment=alert.deployment))
    assert (counted.drawn, counted.agreed, counted.disagreed, counted.missed, counted.waiting) == (2, 1, 0, 1, 0)
    assert counted.words == ("1 of 2 compared again by somebody else; 1 with the same finding; 1 deleted before that.")
    *_, every_period = csv.DictReader(io.StringIO(record_csv(record_of(alert.deployment))))
    assert every_period["second_looks_missed"] == "1"


def test_the_page_shows_the_faces_and_neither_name_nor_score_nor_decision(cast: Cast) -> None:
    alert, second = _decided(cast)
    client = client_of(second)
    assert "1 decided possible match" in " ".join(client.get("/").content.decode().split())
    assert f"/alerts/{alert.pk}/second-look/" in client.get("/second-looks/").content.decode()
    page = client.get(f"/alerts/{alert.pk}/second-look/").content.decode()
    assert page.count("<img") >= 3
    for hidden in ("Test Person", "Referred", "referred"):
        assert hidden not in page
    assert not SCORE.search(page)
    assert Entry.objects.filter(action="alert.viewed", actor="second-operator").exists()
    assert client.post(f"/alerts/{alert.pk}/second-look/", {}).status_code == 422
    refused = client.post(f"/alerts/{alert.pk}/second-look/", {"finding": "not_same"})
    assert (refused.status_code, "Enter what you saw" in refused.content.decode()) == (422, True)
    assert client.post(f"/alerts/{alert.pk}/second-look/", {"finding": "same"}).status_code == 302
    assert client.get(f"/alerts/{alert.pk}/second-look/").status_code == 422


def test_known_negative_checks_are_not_drawn(cast: Cast) -> None:
    camera = cameras_of(make_live_deployment(cast))[0]
    terms = frame_terms(camera.pk, at=timezone.now())
    assert terms is not None
    admitted = raising.Admitted(camera, terms, timezone.now())
    photograph = raising.photograph_of(_candidate(camera))
    rows = {
        kind: raising.new_row(kind, admitted, photograph, f"{number}" * 32, received_at=timezone.now())
        for number, kind in enumerate((Alert.Kind.CONTROL, Alert.Kind.BLUE, Alert.Kind.ALERT))
    }
    assert {kind: row.is_sampled for kind, row in rows.items()} == {
        Alert.Kind.CONTROL: False,
        Alert.Kind.BLUE: False,
        Alert.Kind.ALERT: True,
    }


def _candidate(camera: Camera) -> Candidate:
    watchlist = camera.period.watchlist
    assert watchlist is not None
    person = watchlist.people.all()[0]
    return Candidate(person.pk, person.photographs.all()[0].pk, 0.7)


def test_shots_that_joined_after_the_decision_are_not_shown(cast: Cast) -> None:
    alert, second = _decided(cast, "not_same")
    assert len(second_looks.shots_decided_on(alert)) == 1
    # The same place again: it joins.
    later = make_probe("9" * 32, received_at=timezone.now() + dt.timedelta(seconds=5), place=place_of("1" * 32))
    assert raise_alert(alert.camera, _candidate(alert.camera), later) is None
    assert alert.shots.filter(kind="probe").count() == 2
    assert len(second_looks.shots_decided_on(alert)) == 1
    page = client_of(second).get(f"/alerts/{alert.pk}/second-look/").content.decode()
    assert page.count('alt="Face from the camera') == 1


def test_without_the_photograph_nobody_is_asked(cast: Cast) -> None:
    alert, _ = _decided(cast)
    Alert.objects.update(photograph=None)
    assert not second_looks.waiting_for(cast.commander).exists()
    counted = second_looks.second_looks_of(Alert.objects.filter(pk=alert.pk))
    assert (counted.missed, counted.waiting) == (1, 0)
