"""The audit log's page: who, what, on what and when, combined; names for ids; and exports that carry the filters."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from audit import journal
from audit.actions import Action
from audit.journal import record
from audit.models import Entry
from deployments import cameras as camera_acts
from reports.audit_log import set_back
from tests.cast import (
    Cast,
    act,
    cameras_of,
    client_of,
    end,
    list_of,
    make_alert,
    make_live_deployment,
    make_sealed_watchlist,
    make_watchlist,
)
from watchlists import destruction


def _numbers(client: Any, query: str = "") -> set[int]:
    page = client.get(f"/journal/?{query}").content.decode()
    return {int(number) for number in re.findall(r'<td class="number">\s*<a [^>]*>(\d+)</a>', page)}


def _entries(**wanted: Any) -> set[int]:
    journal.number_waiting()
    return {entry.number or 0 for entry in Entry.objects.filter(**wanted)}


@pytest.fixture
def client(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("reports.journal_views.PAGE", 10_000)
    return client_of(cast.compliance)


def test_by_user_and_by_role(cast: Cast, client: Any) -> None:
    make_live_deployment(cast)
    own = _entries(actor_id=str(cast.commander.pk))
    assert own
    assert _numbers(client, f"actor={cast.commander.pk}") == own
    role = cast.commander.groups.get()
    assert _numbers(client, f"role={role.pk}") == own
    assert _numbers(client, f"role={role.pk}&actor={cast.operator.pk}") == set()


def test_by_deployment_with_its_cameras_alerts_and_list_and_nothing_of_another(cast: Cast, client: Any) -> None:
    mine, other = make_live_deployment(cast), make_live_deployment(cast, make_sealed_watchlist(cast))
    alert = act(make_alert(mine), "open", "same", cast=cast)
    elsewhere = make_alert(other)
    shown = _numbers(client, f"deployment={mine.pk}")
    about = {str(mine.pk), str(alert.pk), str(list_of(mine).pk)}
    assert _entries(target_id__in=about) - _entries(action__in=("alert.shot_added",)) <= shown
    assert _entries(action="person.added", data__watchlist=str(list_of(mine).pk)) <= shown
    assert not shown & _entries(target_id__in=(str(other.pk), str(elsewhere.pk), str(list_of(other).pk)))


def test_by_list_long_after_it_was_destroyed(cast: Cast, client: Any) -> None:
    mine, other = make_watchlist(cast, people=2), make_watchlist(cast)
    viewed = mine.people.order_by("reference")[0]
    client_of(cast.watchlist_admin).get(f"/people/{viewed.pk}/")
    type(mine).objects.filter(pk=mine.pk).update(state="closed", destroy_due_at=timezone.now())
    assert destruction.destroy_due() == 1
    shown = _numbers(client, f"watchlist={mine.pk}")
    assert _entries(target_id__in=(str(mine.pk), str(viewed.pk))) <= shown
    assert not shown & _entries(target_id=str(other.pk))


def test_one_record_by_its_pseudonym_or_id(cast: Cast, client: Any) -> None:
    alert = act(make_alert(make_live_deployment(cast)), "open", cast=cast)
    own = _entries(target_id=str(alert.pk))
    assert len(own) > 1
    assert _numbers(client, f"record={alert.pk}") == own
    assert _numbers(client, f"record=alert {str(alert.pk)[:8]}") == own


def test_machines_rows_are_folded_away_unless_asked_for(cast: Cast, client: Any) -> None:
    camera = cameras_of(make_live_deployment(cast))[0]
    camera_acts.note_connected(camera, actor=cast.commander)
    machines = _entries(action="camera.connected")
    assert machines
    assert not machines & _numbers(client)
    assert machines <= _numbers(client, "machines=on")
    assert _numbers(client, "action=camera.connected") == machines


def test_days_that_are_reversed_are_refused(cast: Cast, client: Any) -> None:
    make_watchlist(cast)
    page = client.get("/journal/?since=2026-11-02&until=2026-11-01").content.decode()
    assert "Enter a day that is not before" in page
    assert "invalid name" not in page
    assert client.get("/journal.csv?since=2026-11-02&until=2026-11-01").status_code == 422
    assert client.get("/journal.csv?since=yesterday").status_code == 422
    assert not Entry.objects.filter(action=Action.JOURNAL_EXPORTED).exists()


def test_an_export_carries_the_filters_and_the_log_says_which(cast: Cast, client: Any) -> None:
    make_live_deployment(cast)
    query = f"actor={cast.commander.pk}&verb=decision"
    page = client.get(f"/journal/?{query}").content.decode()
    assert f"/journal.csv?{query.replace('&', '&amp;')}" in page
    text = client.get(f"/journal.csv?{query}").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["number"]) for row in rows] == sorted(_entries(actor_id=str(cast.commander.pk), verb="decision"))
    assert Entry.objects.get(action=Action.JOURNAL_EXPORTED).data["filters"] == query
    everything = client.get("/journal.csv").content.decode("utf-8-sig")
    assert len(list(csv.DictReader(io.StringIO(everything)))) == Entry.objects.count()


def test_deployments_and_cameras_have_names_and_people_do_not(cast: Cast, client: Any) -> None:
    deployment = make_live_deployment(cast)
    camera = cameras_of(deployment)[0]
    camera_acts.issue_token(camera, actor=cast.commander)
    end(deployment, cast)
    page = client.get(f"/journal/?deployment={deployment.pk}").content.decode()
    assert f"{camera.name}, {camera.period}" in page
    assert deployment.name in page
    assert "Test Person" not in page


def test_the_page_asks_the_database_as_often_for_many_entries_as_for_few(
    cast: Cast, client: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        make_live_deployment(cast, make_sealed_watchlist(cast))
    journal.number_waiting()
    with django_assert_max_num_queries(30):
        client.get("/journal/")


def test_a_clock_that_was_set_back_is_flagged(cast: Cast, client: Any) -> None:
    deployment = make_live_deployment(cast)
    assert "Clock was set back" not in client.get("/journal/").content.decode()
    now = timezone.now()
    with time_machine.travel(now - dt.timedelta(minutes=5), tick=False):
        record(Action.DEPLOYMENT_CHANGED, actor=cast.commander, target=deployment)
    with time_machine.travel(now + dt.timedelta(minutes=1), tick=False):
        record(Action.DEPLOYMENT_CHANGED, actor=cast.commander, target=deployment)
    last, back, before = Entry.objects.order_by("-pk")[:3]
    assert set_back([last, back, before]) == {back.pk: before.at}
    assert client.get("/journal/").content.decode().count("Clock was set back") == 1
