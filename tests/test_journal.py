from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from django.db import DatabaseError, connection, transaction

from audit.actions import OF_VERB, Action, Verb
from audit.journal import record, verify_chain
from audit.models import GENESIS, Entry
from core import machine
from core.actors import CLOCK
from tests.cast import Cast, make_watchlist
from watchlists.models import STEPS, Watchlist


def test_rows_are_chained_and_numbered_without_gaps(cast: Cast) -> None:
    for _ in range(3):
        record(Action.SIGNED_IN, actor=cast.operator, target=cast.operator, data={"n": 1, "why": "é", "ok": True})
    rows = list(Entry.objects.in_order())
    assert [row.number for row in rows] == [1, 2, 3]
    assert rows[0].previous_hash == GENESIS
    assert [row.previous_hash for row in rows[1:]] == [row.hash for row in rows[:-1]]
    assert verify_chain() == (3, [])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'somebody else'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "UPDATE audit_entry SET number = 5 WHERE number = 1",
    ],
)
def test_the_database_refuses_to_change_a_row(cast: Cast, statement: str) -> None:
    record(Action.SIGNED_IN, actor=cast.operator, target=cast.operator)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert verify_chain() == (1, [])


def test_changes_that_bypass_the_triggers_are_found(cast: Cast) -> None:
    for _ in range(4):
        record(Action.SIGNED_IN, actor=cast.operator, target=cast.operator)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_entry SET actor = 'somebody else' WHERE number = 2")
        cursor.execute("DELETE FROM audit_entry WHERE number = 3")
        cursor.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
    rows, breaks = verify_chain()
    assert rows == 3
    assert [(broken.number, broken.reason) for broken in breaks] == [
        (2, "its content has been changed"),
        (4, "entries 3 to 3 are missing"),
    ]


def test_a_row_outlives_its_actor(cast: Cast) -> None:
    record(Action.SIGNED_IN, actor=cast.stranger, target=cast.stranger)
    cast.stranger.delete()
    assert Entry.objects.get(number=1).actor == "stranger"
    assert verify_chain() == (1, [])


@pytest.mark.parametrize("value", [0.5, b"jpeg", [0.1, 0.2], {"a": 1}, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)])
def test_only_ids_and_plain_values_are_written(cast: Cast, value: object) -> None:
    with pytest.raises(TypeError, match="ids and text only"):
        record(Action.SIGNED_IN, actor=CLOCK, target=cast.operator, data={"x": value})  # type: ignore[dict-item]
    assert not Entry.objects.exists()


def test_a_failed_action_leaves_no_row(cast: Cast) -> None:
    with pytest.raises(RuntimeError, match="halfway"), transaction.atomic():
        record(Action.SIGNED_IN, actor=CLOCK, target=cast.operator)
        raise RuntimeError("halfway")
    assert not Entry.objects.exists()


def test_every_action_has_exactly_one_verb_and_none_by_default() -> None:
    assert Counter(action for actions in OF_VERB.values() for action in actions) == Counter(Action)
    assert Action.ALERT_PURGED.verb is Verb.ERASURE
    for action in (Action.JOURNAL_EXPORTED, Action.ALERT_REFERRED, Action.ALERT_HANDED_OVER, Action.ALERT_ESCALATED):
        assert action.verb is Verb.DISCLOSURE
    # Nobody's data is consulted or altered by getting in, or by a decision about a deployment.
    for action in (Action.SIGNED_IN, Action.SIGNED_OUT, Action.SIGN_IN_FAILED, Action.SIGN_IN_REFUSED):
        assert action.verb is Verb.ACCESS
    for action in (Action.RESULTS_PUBLISHED, Action.DEPLOYMENT_AUTHORISED, Action.THRESHOLD_APPROVED):
        assert action.verb is Verb.DECISION


def test_no_state_changes_without_an_audit_log(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    watchlist = make_watchlist(cast)
    monkeypatch.setattr(machine._Log, "record", None)
    with pytest.raises(RuntimeError, match="no audit log"):
        machine.move(watchlist, STEPS["compile"], actor=cast.watchlist_admin)
    watchlist.refresh_from_db()
    assert watchlist.state == Watchlist.State.DRAFT
