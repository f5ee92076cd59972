"""The retention table: each line that time ends is taken to the moment before and after, with the clock held."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from alerts import evidence
from alerts.models import Alert
from audit import journal
from audit import retention as audit_retention
from audit.models import Entry
from capture import frame_scripts
from core import retention
from deployments.document_content import AUTHORITY, ENDING
from lfr_site import documents, signin
from tests.cast import (
    Cast,
    client_of,
    end,
    list_of,
    make_alert,
    make_live_deployment,
    make_sealed_watchlist,
    make_watchlist,
)
from watchlists import approval, destruction, operations
from watchlists.models import Watchlist

MINUTE, SECOND = dt.timedelta(minutes=1), dt.timedelta(seconds=1)
# Lines whose end is an expiry in Valkey, and what sets it.
IN_MEMORY: dict[str, Callable[[], float]] = {
    "frame": lambda: frame_scripts.FRAME_LIFE_MS / 1000,
    "tracks": lambda: frame_scripts.TRACKS_LIFE_S,
    "tile": lambda: frame_scripts.TILE_LIFE_MS / 1000,
    "sign_in": lambda: signin.COUNT_LIFE_S,
}
TESTED = {"alert", "watchlist", "unused", "discarded", "audit_log"}
# Lines that tests/test_retention_report.py and tests/test_cases.py take to the minute.
ELSEWHERE = {"draft", "import", "case"}


def test_every_line_that_time_ends_is_tested_here() -> None:
    assert {line.key for line in retention.LINES if line.period is not None} == TESTED | ELSEWHERE | set(IN_MEMORY)
    assert len({line.key for line in retention.LINES}) == len(retention.LINES)
    for line in retention.LINES:
        assert bool(line.otherwise) == (line.period is None), line.key


@pytest.mark.parametrize("key", IN_MEMORY)
def test_what_valkey_forgets_has_the_life_of_its_line(key: str) -> None:
    assert IN_MEMORY[key]() == retention.period(key).total_seconds()


def _destroyed(watchlist: Watchlist, at: dt.datetime) -> bool:
    destruction.destroy_due(at=at)
    watchlist.refresh_from_db()
    return watchlist.destroyed_at is not None


@pytest.mark.parametrize("hours", [24, 3])
def test_a_watchlist_is_destroyed_when_its_period_has_been_over_for_that_long(
    cast: Cast, settings: Any, hours: int
) -> None:
    settings.LFR_WATCHLIST_RETENTION = dt.timedelta(hours=hours)
    deployment = make_live_deployment(cast)
    end(deployment, cast)
    watchlist = list_of(deployment)
    ended = deployment.periods.get().ended_at
    assert ended is not None
    assert not _destroyed(watchlist, ended + dt.timedelta(hours=hours) - MINUTE)
    assert _destroyed(watchlist, ended + dt.timedelta(hours=hours) + MINUTE)


def test_a_rejected_list_is_destroyed_after_that_time(cast: Cast) -> None:
    other = make_watchlist(cast)
    Watchlist.objects.filter(pk=other.pk).update(state="checked")
    other.refresh_from_db()
    before = timezone.now()
    approval.reject_watchlist(other, actor=cast.authority, reason="Not necessary")
    after = timezone.now()
    assert not _destroyed(other, before + retention.period("unused") - SECOND)
    assert _destroyed(other, after + retention.period("unused") + SECOND)


def test_a_discarded_draft_is_destroyed_at_once(cast: Cast) -> None:
    draft = make_watchlist(cast)
    before = timezone.now()
    operations.discard_watchlist(draft, actor=cast.watchlist_admin)
    assert not _destroyed(draft, before - MINUTE)
    assert _destroyed(draft, timezone.now())


@pytest.mark.parametrize("hours", [24, 2])
def test_a_possible_match_is_purged_after_its_period_and_after_a_day_at_most(
    cast: Cast, settings: Any, hours: int
) -> None:
    settings.LFR_ALERT_RETENTION = dt.timedelta(hours=hours)
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    end(deployment, cast)
    alert.refresh_from_db()
    due = alert.purge_by
    ended = deployment.periods.get().ended_at
    assert ended is not None
    assert due == min(alert.raised_at + retention.DAY, ended + dt.timedelta(hours=hours))
    assert evidence.purge_due(at=due - MINUTE) == 0
    assert evidence.purge_due(at=due + MINUTE) == 1
    assert Alert.objects.get(pk=alert.pk).sealed is None


def test_a_possible_match_of_a_deployment_that_is_still_live_is_purged_after_a_day(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    assert evidence.purge_due(at=alert.raised_at + retention.DAY - MINUTE) == 0
    assert evidence.purge_due(at=alert.raised_at + retention.DAY + MINUTE) == 1


def test_entries_of_the_audit_log_are_destroyed_after_that_time(cast: Cast) -> None:
    now = timezone.now()
    written = now - retention.period("audit_log")
    Entry.objects.bulk_create(
        [Entry(at=written, action="user.signed_in", verb="access", actor="x") for _ in range(257)]
    )
    journal.number_waiting()
    assert audit_retention.expire(now - MINUTE) == 0
    assert audit_retention.expire(now + MINUTE) == 256


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (dt.timedelta(0), "0 hours"),
        (dt.timedelta(seconds=2), "2 seconds"),
        (dt.timedelta(minutes=1), "1 minute"),
        (dt.timedelta(minutes=90), "90 minutes"),
        (dt.timedelta(hours=24), "24 hours"),
        (dt.timedelta(days=2557), "2,557 days"),
    ],
)
def test_times_in_words(time: dt.timedelta, said: str) -> None:
    assert retention.words(time) == said


def test_the_same_times_are_on_the_board_and_in_every_document(cast: Cast, settings: Any, tmp_path: Path) -> None:
    settings.LFR_WATCHLIST_RETENTION = dt.timedelta(hours=7)
    settings.LFR_ALERT_RETENTION = dt.timedelta(hours=5)
    deployment = make_live_deployment(cast)
    end(deployment, cast)
    page = client_of(cast.compliance).get("/retention/").content.decode()
    texts = [page, documents.rendered()[documents.REFERENCE / "retention.md"]]
    for content in (AUTHORITY, ENDING):
        sections = {section.heading: section for section in content.sections(deployment, tmp_path)}
        texts.append(str(sections["Retention"].table))
    for text in texts:
        assert "7 hours after its period ended" in text
        assert "5 hours after its period ended, and 24 hours after it was raised at most" in text


def test_the_board_has_what_is_due_overdue_and_held(cast: Cast) -> None:
    held, other = make_live_deployment(cast), make_live_deployment(cast, make_sealed_watchlist(cast))
    tomorrow = timezone.localdate() + retention.DAY
    evidence.hold(make_alert(held), reason="Complaint 7", review_on=tomorrow, actor=cast.authority)
    alert = make_alert(other)
    end(other, cast)
    for user in (cast.compliance, cast.authority, cast.commander):
        page = client_of(user).get("/retention/").content.decode()
        assert f"Possible matches of {other.name}" in page
        assert "Complaint 7" in page
        assert '<span class="badge danger">' not in page
    Watchlist.objects.filter(pk=list_of(other).pk).update(destroy_due_at=timezone.now() - MINUTE)
    Alert.objects.filter(pk=alert.pk).update(raised_at=timezone.now() - retention.DAY - MINUTE)
    page = client_of(cast.compliance).get("/retention/").content.decode()
    assert page.count('<span class="badge danger">Overdue</span>') == 2
    assert "Test Person" not in page
