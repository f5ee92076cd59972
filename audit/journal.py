"""Writing to the journal, and proving that nobody wrote over it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, models, transaction

from audit.actions import Action
from audit.models import GENESIS, Entry
from core.actors import Actor, System
from core.machine import JournalData

# One number for the whole installation: rows are chained, so writers queue here until the one before commits.
CHAIN_LOCK = 0x4C4652_01


@dataclass(frozen=True)
class Break:
    """Where the chain does not hold."""

    number: int
    reason: str


@dataclass(frozen=True)
class Event:
    """One thing that happened, to be recorded with others."""

    action: Action
    target: models.Model
    data: JournalData | None = None


def record(action: Action, *, actor: Actor, target: models.Model, data: JournalData | None = None) -> Entry:
    """Write one row, in the caller's transaction: what happened and its row are committed together or not at all.

    Raises:
        RuntimeError: outside a transaction.
        TypeError: `data` holds anything but text, whole numbers, yes/no and nothing.
    """
    (entry,) = record_all([Event(action, target, data)], actor=actor)
    return entry


def record_all(events: Sequence[Event], *, actor: Actor) -> list[Entry]:
    """Write a row for each, as `record` does, in one go."""
    if not connection.in_atomic_block:
        raise RuntimeError("what happened must be recorded in the transaction of the act itself")
    for event in events:
        for key, value in (event.data or {}).items():
            if not isinstance(value, str | int | bool | None):
                raise TypeError(f"journal data is ids and words only, but {key} is a {type(value).__name__}")
    with connection.cursor() as cursor:
        # References are checked now, not at the commit: each waits for who holds its row, and none may do so while
        # it holds everybody's lock.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
    last = Entry.objects.order_by("-number").only("number", "hash").first()
    number, previous = (last.number, last.hash) if last else (0, GENESIS)
    entries = []
    for event in events:
        number += 1
        entry = Entry(
            number=number,
            at=dt.datetime.now(dt.UTC),
            action=event.action,
            verb=event.action.verb,
            actor_id="" if isinstance(actor, System) else str(actor.pk),
            actor=str(actor)[:200],
            target_type=event.target._meta.label_lower,
            target_id=str(event.target.pk),
            target=_name(event.target),
            data=dict(event.data or {}),
            previous_hash=previous,
        )
        entry.hash = previous = entry.computed_hash()
        entries.append(entry)
    Entry.objects.bulk_create(entries)
    return entries


def _name(target: models.Model) -> str:
    """What the journal calls something for ever: `journal_name` where what people call it may name somebody."""
    return str(getattr(target, "journal_name", target))[:300]


@transaction.atomic
def verify_chain() -> tuple[int, list[Break]]:
    """(rows read, breaks): every row's hash recomputed, every link followed, every gap found."""
    breaks: list[Break] = []
    expected_hash, expected_number, rows = GENESIS, 1, 0
    for entry in Entry.objects.in_order().iterator(chunk_size=2000):
        rows += 1
        if entry.number != expected_number:
            breaks.append(Break(entry.number, f"rows {expected_number} to {entry.number - 1} are missing"))
        elif entry.previous_hash != expected_hash:
            breaks.append(Break(entry.number, "it does not follow from the row before it"))
        if entry.computed_hash() != entry.hash:
            breaks.append(Break(entry.number, "its content was changed"))
        expected_hash, expected_number = entry.hash, entry.number + 1
    return rows, breaks
