"""Known-negative checks: they look like any alert, go to no officer, and measure the operator."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alerts import content, controls, deadlines, evidence, figures, operations
from alerts.models import Alert
from audit.models import Entry
from core.errors import Conflict, Refused
from demo import rehearsal
from deployments.models import Camera, Deployment, Period
from recognition.imaging import decode_stored
from reports.records import record_of
from tests.cast import Cast, act, make_draft, make_sealed_watchlist, people_of, period_of, random_embedding
from tests.test_readiness import make_blue_list


@pytest.fixture
def period(cast: Cast) -> Period:
    """Return a live period with a blue watchlist and streaming cameras."""
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    listed = make_sealed_watchlist(cast, people=2, embeddings=[random_embedding(1), random_embedding(2)])
    rehearsal.prepared(period_of(deployment), listed, people_of(cast), blue_list=make_blue_list(cast))
    rehearsal.live(deployment, people_of(cast))
    Camera.objects.update(last_seen_at=timezone.now())
    return period_of(deployment)


def _planted(period: Period) -> Alert:
    alert = controls.plant(period)
    assert alert is not None
    return alert


def test_it_looks_like_any_alert_until_it_is_adjudicated(cast: Cast, period: Period) -> None:
    alert = _planted(period)
    assert controls.plant(period) is None
    listed = alert.person
    assert listed is not None
    assert listed.watchlist_id == period.watchlist_id
    client = Client()
    client.force_login(cast.operator)
    page = client.get(f"/alerts/{alert.pk}/").content.decode()
    for word in ("Possible match", listed.offence, "Alike"):
        assert word in page
    for word in ("test", "control", "staff", listed.name.lower()):
        assert word not in page.lower()
    row = client.get(f"/deployments/{period.deployment_id}/console/rows/?ids={alert.pk}").content.decode()
    assert "control" not in row
    face = decode_stored(content.shot_content(alert.shots.select_related("alert").get()).jpeg)
    assert face.shape == (400, 400, 3)


@pytest.mark.parametrize(("adjudication", "found_same"), [("same", 1), ("not_same", 0), ("inconclusive", 0)])
def test_it_goes_to_no_officer_whatever_the_adjudication(
    cast: Cast, period: Period, adjudication: str, found_same: int
) -> None:
    alert = act(_planted(period), "open", adjudication, cast=cast)
    assert (alert.state, alert.result, alert.referred_at) == (Alert.State.CONTROL, None, None)
    assert not Alert.objects.visible_to(cast.officer).exists()
    deployment = Deployment.objects.get()
    assert (deployment.counters().raised, record_of(deployment).figures.alerts) == (0, 0)
    (own,) = figures.of_operators(cast.operator)
    assert (own.judged, own.controls, own.false_alarms) == (0, 1, found_same)
    with pytest.raises(Conflict):
        operations.act(alert, "acknowledge", actor=cast.officer)
    client = Client()
    client.force_login(cast.operator)
    assert "two different people" in client.get(f"/alerts/{alert.pk}/").content.decode()
    assert Entry.objects.filter(action="control.judged").count() == 1
    with pytest.raises((Refused, Conflict)):
        operations.correct(alert, "arrested", "robbery", reason="x", actor=cast.commander)


def test_it_is_final_once_revealed_expires_and_is_purged_like_any_alert(cast: Cast, period: Period) -> None:
    alert = act(_planted(period), "not_same", cast=cast)
    (own,) = figures.of_operators(cast.operator)
    assert (own.controls, own.false_alarms) == (1, 0)
    with pytest.raises(Conflict):
        operations.act(alert, "undo", actor=cast.operator)
    left = _planted(period)
    deadlines.expire_unreviewed(at=timezone.now() + dt.timedelta(hours=1))
    left.refresh_from_db()
    assert left.state == Alert.State.EXPIRED
    assert not Alert.objects.in_queue().filter(pk=left.pk).exists()
    assert period.deployment.counters().open == 0
    assert evidence.purge_due(at=timezone.now() + dt.timedelta(hours=25)) == 2


def test_no_check_is_planted_unless_the_force_enables_it(cast: Cast, period: Period, settings: Any) -> None:
    tick = dt.timedelta(seconds=2)
    assert controls.plant_due(since_last=tick) == 0
    settings.LFR_CONTROL_EVERY = tick
    assert controls.plant_due(since_last=tick) == 1
    act(Alert.objects.get(), "not_same", cast=cast)
    Camera.objects.update(last_seen_at=None)
    assert controls.plant_due(since_last=tick) == 0
