"""Corrections, evidence holds, the purge and the keys of alerts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.utils import timezone

from alerts import content, evidence, operations
from alerts.models import Act, Alert, EvidenceHold, Shot
from audit.models import Entry
from core import keys
from core.errors import Conflict, Refused
from deployments.locks import lock_deployment
from deployments.models import Deployment
from tests.cast import Cast, act, client_of, end, make_alert, make_live_deployment, period_of
from watchlists import destruction
from watchlists.models import Certificate, Person

State = Alert.State


def test_a_correction_by_somebody_else_is_a_new_row_and_changes_the_counts(cast: Cast, settings: Any) -> None:
    settings.LFR_JOIN_WINDOW = dt.timedelta(0)
    deployment = make_live_deployment(cast)
    alert = act(make_alert(deployment), "same", "engage", "release", cast=cast)
    # An alert that was never referred belongs to no officer, whatever the correction.
    own, other = make_alert(deployment, "c" * 32), make_alert(deployment, "e" * 32)
    act(own, "not_same", cast=cast)
    assert deployment.counters().false == 2
    # While the deployment runs, false alerts count against the ceiling.
    with pytest.raises(Refused, match="count against the ceiling"):
        operations.correct(alert, "not_located", reason="The wrong button", actor=cast.commander)
    end(deployment, cast)
    for ending, code, reason, words in (
        ("arrested", "", "A mistake", "codes offered"),
        ("arrested", "robbery", " ", "Enter the reason"),
        ("arrested", "robbery", "It was Test Person 0", "name or reference of a person"),
        ("not_same", "", "A mistake", "already"),
        ("nothing", "", "A mistake", "Select an outcome"),
    ):
        with pytest.raises(Refused, match=words):
            identity = {"identity_method": "document"} if ending == "arrested" else {}
            operations.correct(alert, ending, code, reason=reason, actor=cast.commander, **identity)
    before = list(alert.acts.values_list("pk", "name", "after"))
    operations.correct(
        alert, "arrested", "robbery", reason="The wrong button", identity_method="document", actor=cast.commander
    )
    assert list(alert.acts.values_list("pk", "name", "after"))[:-1] == before
    assert (alert.state, alert.code, deployment.counters().false) == (State.ARRESTED, "robbery", 1)
    operations.correct(own, "not_located", reason="Seen again", actor=cast.commander)
    assert own not in Alert.objects.visible_to(cast.officer)
    with pytest.raises(Refused, match="someone else"):
        operations.correct(alert, "no_action", "dealt_with", reason="Again", actor=cast.commander)
    with pytest.raises(Conflict):
        operations.correct(other, "arrested", "rape", reason="x", actor=cast.commander)


def test_the_database_refuses_to_change_an_act(cast: Cast) -> None:
    act(make_alert(make_live_deployment(cast)), "same", cast=cast)
    for change in (lambda: Act.objects.update(name="not_same"), lambda: Act.objects.all().delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    assert Act.objects.get().name == "same"


def test_an_alerts_content_is_encrypted_and_bound_to_its_row(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    shot = alert.shots.select_related("alert").get()
    person = Person.objects.get()
    opened = content.shot_content(shot)
    assert (opened.score, opened.jpeg[:2]) == (0.61, b"\xff\xd8")
    assert content.subject_in(alert).name == person.name
    for row, secrets in (
        (bytes(alert.sealed or b""), [person.name.encode()]),
        (bytes(shot.sealed), [opened.jpeg[:64]]),
    ):
        assert not any(secret in row for secret in secrets)
    shot.sealed = alert.sealed or b""
    with pytest.raises(keys.KeyGone, match="belongs to another row"):
        content.shot_content(shot)


def test_the_purge_deletes_rows_and_then_the_key(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    deployment = make_live_deployment(cast)
    decided = act(make_alert(deployment), "same", cast=cast)
    name = content.key_of(period_of(deployment))
    sealed, key = bytes(decided.sealed or b""), keys.store().values(name)
    assert evidence.purge_due(at=timezone.now() + dt.timedelta(hours=23)) == 0
    with django_capture_on_commit_callbacks(execute=True):
        assert evidence.purge_due(at=timezone.now() + dt.timedelta(hours=24, minutes=1)) == 1
    decided.refresh_from_db()
    assert not Shot.objects.exists()
    assert (decided.sealed, decided.person, decided.photograph, decided.track, decided.key_name) == (
        None,
        None,
        None,
        "",
        "",
    )
    assert (decided.state, decided.decided_by) == (State.REFERRED, cast.operator)
    # Another alert may need the key while the period runs.
    assert keys.store().values(name) == key
    end(deployment, cast)
    with django_capture_on_commit_callbacks(execute=True):
        assert evidence.purge_due() == 0
    assert keys.store().values(name) == []
    with pytest.raises(keys.KeyGone):
        keys.opened(name, sealed)
    assert Entry.objects.filter(action="alert.key_destroyed").count() == 1


def test_the_end_of_the_deployment_brings_the_purge_forward(cast: Cast, settings: Any) -> None:
    settings.LFR_ALERT_RETENTION = dt.timedelta(minutes=2)
    deployment = make_live_deployment(cast)
    make_alert(deployment)
    assert evidence.purge_due(at=timezone.now() + dt.timedelta(minutes=3)) == 0
    end(deployment, cast)
    assert evidence.purge_due(at=timezone.now() + dt.timedelta(minutes=3)) == 1


def test_a_hold_with_owner_reason_and_date_keeps_an_alert(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    deployment = make_live_deployment(cast)
    alert = act(make_alert(deployment), "same", "engage", "check_identity", "confirm", "arrest", cast=cast)
    soon = timezone.localdate() + dt.timedelta(days=28)
    for reason, day, words in (
        ("", soon, "evidence of"),
        ("Test Person 0", soon, "name or reference of a person"),
        ("Arrest", timezone.localdate(), "after today"),
    ):
        with pytest.raises(Refused, match=words):
            evidence.hold(alert, reason=reason, review_on=day, actor=cast.commander)
    with pytest.raises(PermissionDenied):
        evidence.hold(alert, reason="Arrest", review_on=soon, actor=cast.operator)
    hold = evidence.hold(alert, reason="Exhibit of the arrest", review_on=soon, actor=cast.commander)
    # Cleaning up after destroyed lists does not affect it.
    Certificate.objects.update(scrubbed_at=None)
    keys.sweep()
    assert content.subject_in(Alert.objects.get(pk=alert.pk)).name == "Test Person 0"
    assert (hold.owner, hold.review_on) == (cast.commander, soon)
    with pytest.raises(Refused, match="already held"):
        evidence.hold(alert, reason="Again", review_on=soon, actor=cast.commander)
    end(deployment, cast)
    later = timezone.now() + dt.timedelta(hours=30)
    with django_capture_on_commit_callbacks(execute=True):
        destruction.destroy_due(at=later)
        assert evidence.purge_due(at=later) == 0
    # Its list and its period's key are destroyed; it still shows both faces and the subject.
    assert keys.store().values(content.key_of(period_of(deployment))) == []
    alert.refresh_from_db()
    assert content.subject_in(alert).name == "Test Person 0"
    kinds = [(shot.kind, content.shot_content(shot).jpeg[:2]) for shot in alert.shots.select_related("alert")]
    assert sorted(kinds) == [("probe", b"\xff\xd8"), ("reference", b"\xff\xd8")]
    assert "Exhibit of the arrest" in client_of(cast.authority).get("/holds/").content.decode()
    evidence.release(alert, reason="The trial is over", actor=cast.commander)
    assert Entry.objects.get(action="alert.hold_released").data["reason"] == "The trial is over"
    with django_capture_on_commit_callbacks(execute=True):
        assert evidence.purge_due(at=later) == 1
    assert keys.store().values(content.key_of_hold(alert)) == []
    assert not EvidenceHold.objects.exists()


def test_an_alert_outlives_its_lists_destruction(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    photograph = Person.objects.get().photographs.get()
    assert client_of(cast.operator).get(f"/alerts/{alert.pk}/photographs/{photograph.pk}.jpg").status_code == 200
    end(deployment, cast)
    destruction.destroy_due(at=timezone.now() + dt.timedelta(hours=25))
    alert.refresh_from_db()
    assert alert.person is None
    assert client_of(cast.operator).get(f"/alerts/{alert.pk}/").status_code == 200
    assert client_of(cast.operator).get(f"/alerts/{alert.pk}/photographs/{photograph.pk}.jpg").status_code == 404


def test_an_alert_that_cannot_be_purged_does_not_keep_others(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make_live_deployment(cast), make_live_deployment(cast)
    stuck, other = make_alert(one), make_alert(two, "f" * 32)

    def lock_or_fail(deployment: Deployment) -> None:
        if deployment.pk == one.pk:
            raise DatabaseError("it is locked")
        lock_deployment(deployment)

    with monkeypatch.context() as patched:
        patched.setattr("alerts.evidence.lock_deployment", lock_or_fail)
        assert evidence.purge_due(at=timezone.now() + dt.timedelta(hours=25)) == 1
    assert [Alert.objects.get(pk=each.pk).purged_at is None for each in (stuck, other)] == [True, False]
