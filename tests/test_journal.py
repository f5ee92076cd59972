from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit import checkpoints, journal, retention, tree
from audit.actions import Action, Verb
from audit.journal import record
from audit.models import Checkpoint, Entry
from audit.tree import Tree
from audit.verbs import OF_VERB, verb_of
from audit.verification import verify
from core import machine
from core.actors import CLOCK
from tests.cast import Cast, client_of, make_watchlist
from transparency.verifier import Finding, leaf_hash
from watchlists.models import STEPS, Watchlist


def _signed_in(cast: Cast, count: int) -> None:
    for _ in range(count):
        record(Action.SIGNED_IN, actor=cast.operator, target=cast.operator, data={"n": 1, "why": "é", "ok": True})


def _tampered(*statements: str) -> None:
    """Change the log as the owner of the database can: without its triggers."""
    with connection.cursor() as cursor:
        for table in ("audit_entry", "audit_tile", "audit_checkpoint"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)
        for table in ("audit_entry", "audit_tile", "audit_checkpoint"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_entries_are_numbered_in_the_order_of_arrival_without_gaps(cast: Cast) -> None:
    _signed_in(cast, 3)
    assert list(Entry.objects.values_list("number", flat=True)) == [None] * 3
    assert journal.number_waiting() == 3
    assert [entry.number for entry in Entry.objects.order_by("id")] == [1, 2, 3]
    _signed_in(cast, 1)
    assert journal.number_waiting() == 1
    assert journal.number_waiting() == 0
    assert Entry.objects.in_order().last() == Entry.objects.get(number=4)
    assert Tree().size == 4
    assert verify().is_intact


def test_the_roles_that_the_actor_held_are_kept(cast: Cast) -> None:
    entry = record(Action.SIGNED_IN, actor=cast.operator, target=cast.operator)
    cast.operator.groups.clear()
    assert Entry.objects.get(pk=entry.pk).roles == ["LFR operator"]
    assert record(Action.SIGNED_IN, actor=CLOCK, target=cast.operator).roles == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'somebody else'",
        "UPDATE audit_entry SET actor = 'somebody else', number = 7 WHERE number IS NULL",
        "UPDATE audit_entry SET number = NULL",
        "UPDATE audit_entry SET number = 5 WHERE number = 1",
        "INSERT INTO audit_entry SELECT id + 100, 9, at, action, verb, actor_id, actor, roles, target_type, target_id, "
        "target, data, salt FROM audit_entry",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "UPDATE audit_tile SET hashes = decode(repeat('00', 32), 'hex')",
        "UPDATE audit_tile SET index = 4",
        "DELETE FROM audit_tile",
        "TRUNCATE audit_tile",
        "UPDATE audit_checkpoint SET size = 1",
        "DELETE FROM audit_checkpoint",
        "TRUNCATE audit_checkpoint CASCADE",
    ],
)
def test_the_database_refuses_to_change_the_log(cast: Cast, statement: str) -> None:
    _signed_in(cast, 2)
    checkpoints.make(Checkpoint.Why.DAILY)
    _signed_in(cast, 1)
    with pytest.raises(DatabaseError, match=r"append-only|only grows"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
    assert journal.number_waiting() == 1
    assert verify().is_intact


def test_an_altered_entry_is_named(cast: Cast) -> None:
    _signed_in(cast, 4)
    journal.number_waiting()
    _tampered("UPDATE audit_entry SET actor = 'somebody else' WHERE number = 2")
    assert verify().findings == [Finding(2, "it is not what was recorded: its hash is another")]
    checkpoints.make(Checkpoint.Why.DAILY)
    assert verify().findings == [Finding(2, "it has been changed since it was recorded")]


def test_a_removed_entry_is_named(cast: Cast) -> None:
    _signed_in(cast, 4)
    checkpoints.make(Checkpoint.Why.DAILY)
    _tampered("DELETE FROM audit_entry WHERE number = 3")
    found = verify()
    assert found.findings == [Finding(3, "it is missing")]
    assert found.rows == 3


def test_a_tail_that_was_cut_is_found(cast: Cast) -> None:
    _signed_in(cast, 4)
    checkpoints.make(Checkpoint.Why.DAILY)
    _tampered(
        "DELETE FROM audit_entry WHERE number > 2",
        "UPDATE audit_tile SET hashes = substring(hashes FOR 64)",
    )
    assert verify().findings == [Finding(3, "it and all later ones are missing: the log had 4 entries")]
    # Nothing is built on what is left, and the pages still open.
    _tampered("UPDATE audit_tile SET hashes = substring(hashes FOR 32)")
    _signed_in(cast, 1)
    assert journal.number_waiting() == 0
    assert Finding(2, "the log ends at entry 2 and its tree at 1") in verify().findings
    assert client_of(cast.compliance).post("/journal/verify/").status_code == 200


def test_a_tree_that_was_computed_anew_does_not_fit_the_checkpoint(cast: Cast) -> None:
    _signed_in(cast, 2)
    checkpoints.make(Checkpoint.Why.DAILY)
    _signed_in(cast, 3)
    checkpoints.make(Checkpoint.Why.DAILY)
    _tampered("UPDATE audit_entry SET actor = 'somebody else' WHERE number = 4", "DELETE FROM audit_tile")
    hashes = [leaf_hash(entry.canonical()) for entry in Entry.objects.in_order()]
    tree.extend(hashes, 0)
    assert verify().findings == [Finding(3, "one or more of the entries 3 to 5 are not what was recorded")]


def test_a_checkpoint_that_the_log_did_not_sign_is_found(cast: Cast) -> None:
    _signed_in(cast, 2)
    checkpoints.make(Checkpoint.Why.DAILY)
    _tampered("UPDATE audit_checkpoint SET note = replace(note, E'\n2\n', E'\n1\n'), size = 1")
    assert verify().findings == [Finding(1, "the checkpoint here is not one that the log signed")]


def test_an_entry_outlives_its_actor(cast: Cast) -> None:
    record(Action.SIGNED_IN, actor=cast.stranger, target=cast.stranger)
    cast.stranger.delete()
    assert Entry.objects.get().actor == "stranger"
    journal.number_waiting()
    assert verify().is_intact


def test_entries_are_destroyed_in_whole_tiles_at_the_end_of_their_retention(cast: Cast, settings: Any) -> None:
    now = timezone.now()
    old = now - dt.timedelta(days=settings.LFR_AUDIT_RETENTION.days, hours=1)
    _made_at(cast, [old] * 600)
    checkpoints.make(Checkpoint.Why.DAILY)
    assert retention.expire(now - dt.timedelta(hours=2)) == 0
    assert retention.expire(now) == 512
    assert Entry.objects.exclude(number=None).count() == 88
    assert retention.expire(now) == 0
    _signed_in(cast, 1)
    checkpoints.make(Checkpoint.Why.DAILY)
    assert verify().is_intact
    entries = Entry.objects.filter(action=Action.JOURNAL_EXPIRED).in_order()
    assert [(entry.data["from"], entry.data["through"]) for entry in entries] == [(1, 256), (257, 512)]


def test_a_tile_with_one_younger_entry_stays(cast: Cast, settings: Any) -> None:
    now = timezone.now()
    old = now - settings.LFR_AUDIT_RETENTION - dt.timedelta(minutes=1)
    _made_at(cast, [*[old] * 255, now - settings.LFR_AUDIT_RETENTION + dt.timedelta(minutes=1), old])
    journal.number_waiting()
    assert retention.expire(now) == 0
    assert retention.expire(now + dt.timedelta(minutes=2)) == 256


def test_the_database_refuses_to_delete_an_entry_of_less_than_six_years_whatever_the_settings_say(
    cast: Cast, settings: Any
) -> None:
    settings.LFR_AUDIT_RETENTION = dt.timedelta(days=30)
    _made_at(cast, [timezone.now() - dt.timedelta(days=400)] * 257)
    journal.number_waiting()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        retention.expire(timezone.now())
    assert verify().rows == 257


def _made_at(cast: Cast, times: list[dt.datetime]) -> None:
    entries = [
        Entry(at=at, action=Action.SIGNED_IN, verb=verb_of(Action.SIGNED_IN), actor="x", target_type="x", target_id="x")
        for at in times
    ]
    Entry.objects.bulk_create(entries)


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
    assert verb_of(Action.ALERT_PURGED) is Verb.ERASURE
    for action in (Action.JOURNAL_EXPORTED, Action.ALERT_REFERRED, Action.ALERT_HANDED_OVER, Action.ALERT_ESCALATED):
        assert verb_of(action) is Verb.DISCLOSURE
    # Nobody's data is consulted or altered by getting in, or by a decision about a deployment.
    for action in (Action.SIGNED_IN, Action.SIGNED_OUT, Action.SIGN_IN_FAILED, Action.SIGN_IN_REFUSED):
        assert verb_of(action) is Verb.ACCESS
    for action in (Action.RESULTS_PUBLISHED, Action.DEPLOYMENT_AUTHORISED, Action.THRESHOLD_APPROVED):
        assert verb_of(action) is Verb.DECISION


def test_no_state_changes_without_an_audit_log(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    watchlist = make_watchlist(cast)
    monkeypatch.setattr(machine._Log, "record", None)
    with pytest.raises(RuntimeError, match="no audit log"):
        machine.move(watchlist, STEPS["compile"], actor=cast.watchlist_admin)
    watchlist.refresh_from_db()
    assert watchlist.state == Watchlist.State.DRAFT
