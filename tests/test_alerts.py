from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from alerts import operations
from alerts.models import Alert, OffenceClass, Outcome
from audit.errors import Conflict, Refused
from audit.models import Entry
from recognition.watch import Candidate
from tests.cast import (
    Cast,
    cameras_of,
    end,
    make_alert,
    make_live_deployment,
    make_sealed_watchlist,
    make_sighting,
    random_embedding,
)
from watchlists import destruction
from watchlists.models import Person

State = Alert.State


def test_once_a_person_and_track_and_never_in_anothers_way(cast: Cast) -> None:
    watchlist = make_sealed_watchlist(cast, people=2, embeddings=[random_embedding(1), random_embedding(2)])
    deployment = make_live_deployment(cast, watchlist)
    camera = cameras_of(deployment)[0]
    one, two = (
        Candidate(person.id, person.photographs.all()[0].id, 0.6) for person in Person.objects.order_by("added_at")
    )
    assert operations.raise_alert(camera, one, make_sighting("a" * 32)) is not None
    assert operations.raise_alert(camera, one, make_sighting("a" * 32)) is None
    assert operations.raise_alert(camera, two, make_sighting("a" * 32)) is not None
    assert operations.raise_alert(camera, one, make_sighting("b" * 32)) is not None
    assert Alert.objects.count() == 3
    assert Entry.objects.filter(action="alert.raised").count() == 3


def test_nothing_is_raised_outside_the_live_window(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    end(deployment, cast)
    with pytest.raises(Refused, match="not live"):
        make_alert(deployment)
    assert not Alert.objects.exists()


@pytest.mark.parametrize(
    ("decision", "state"), [("same", State.REFERRED), ("not_same", State.DISMISSED), ("unsure", State.UNSURE)]
)
def test_an_operator_decides_once(cast: Cast, decision: str, state: str) -> None:
    alert = make_alert(make_live_deployment(cast))
    stale = Alert.objects.get(pk=alert.pk)
    operations.decide(alert, decision, actor=cast.operator)
    assert (alert.state, alert.decided_by) == (state, cast.operator)
    with pytest.raises(Conflict):
        operations.decide(stale, decision, actor=cast.operator)
    assert Entry.objects.filter(action="alert.decided").count() == 1


def test_unsure_may_still_be_decided(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    operations.decide(alert, "unsure", actor=cast.operator)
    operations.decide(alert, "not_same", actor=cast.operator)
    assert alert.state == State.DISMISSED


@pytest.mark.parametrize("role", ["administrator", "intelligence", "authority", "officer", "compliance", "stranger"])
def test_nobody_else_decides(cast: Cast, role: str) -> None:
    alert = make_alert(make_live_deployment(cast))
    with pytest.raises(PermissionDenied):
        operations.decide(alert, "same", actor=cast.by_role[role])
    alert.refresh_from_db()
    assert alert.state == State.RAISED


def test_an_outcome_needs_a_judgement_first_and_comes_once(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    with pytest.raises(Conflict):
        operations.conclude(alert, Outcome.OTHER, actor=cast.officer)
    operations.decide(alert, "same", actor=cast.operator)
    with pytest.raises(PermissionDenied):
        operations.conclude(alert, Outcome.OTHER, actor=cast.operator)
    for outcome, offence in ((Outcome.ARREST, ""), (Outcome.OTHER, OffenceClass.ROBBERY), ("unreviewed", "")):
        with pytest.raises(Refused):
            operations.conclude(alert, outcome, offence_class=offence, actor=cast.officer)
    operations.conclude(alert, Outcome.NOT_SAME, actor=cast.officer)
    with pytest.raises(Conflict):
        operations.conclude(alert, Outcome.ARREST, offence_class=OffenceClass.RAPE, actor=cast.officer)
    assert alert.outcome == Outcome.NOT_SAME


@pytest.mark.parametrize("word", ["", "yes", "SAME"])
def test_other_words_are_no_decision(cast: Cast, word: str) -> None:
    alert = make_alert(make_live_deployment(cast))
    with pytest.raises(Refused):
        operations.decide(alert, word, actor=cast.operator)


def test_the_purge_empties_and_keeps_what_is_counted(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    decided, open_ = make_alert(deployment, "a" * 32), make_alert(deployment, "b" * 32)
    operations.decide(decided, "same", actor=cast.operator)
    assert operations.purge_due(at=timezone.now() + dt.timedelta(hours=23)) == 0
    assert operations.purge_due(at=timezone.now() + dt.timedelta(hours=24, minutes=1)) == 2
    for alert in (decided, open_):
        alert.refresh_from_db()
        assert alert.purged_at is not None
        assert (alert.person, alert.photograph, alert.probe_jpeg, alert.score, alert.box, alert.track) == (
            None,
            None,
            None,
            None,
            None,
            "",
        )
    assert (decided.state, decided.decided_by) == (State.REFERRED, cast.operator)
    with pytest.raises(Refused, match="purged"):
        operations.decide(open_, "same", actor=cast.operator)
    assert operations.purge_due(at=timezone.now() + dt.timedelta(hours=25)) == 0


def test_the_end_of_the_deployment_brings_the_purge_forward(cast: Cast, settings: object) -> None:
    settings.LFR_ALERT_RETENTION = dt.timedelta(minutes=2)  # type: ignore[attr-defined]
    deployment = make_live_deployment(cast)
    make_alert(deployment)
    assert operations.purge_due(at=timezone.now() + dt.timedelta(minutes=3)) == 0
    end(deployment, cast)
    assert operations.purge_due(at=timezone.now() + dt.timedelta(minutes=3)) == 1


def test_an_alert_outlives_its_lists_destruction(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    end(deployment, cast)
    destruction.destroy_due(at=timezone.now() + dt.timedelta(hours=25))
    alert.refresh_from_db()
    assert alert.person is None
    client = Client()
    client.force_login(cast.operator)
    assert client.get(f"/alerts/{alert.id}/").status_code == 200
    assert client.get(f"/alerts/{alert.id}/photograph.jpg").status_code == 404


def test_the_second_of_two_is_told_who_was_first(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    client = Client()
    client.force_login(cast.operator)
    first = client.post(f"/alerts/{alert.id}/decide/", {"decision": "same"})
    assert first.status_code == 200
    assert "Judged the same person" in first.content.decode()
    second = client.post(f"/alerts/{alert.id}/decide/", {"decision": "not_same"})
    assert second.status_code == 409
    assert "judged the same person" in second.content.decode()


def test_the_words_on_screen_never_claim_an_identity(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    client = Client()
    client.force_login(cast.operator)
    page = client.get(f"/alerts/{alert.id}/").content.decode()
    assert "Possible match" in page
    assert "not a probability" in page
    for claim in ("identified", "match confirmed", "%"):
        assert claim not in page.lower()
