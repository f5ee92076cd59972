"""Write to the audit log, and verify that nobody has altered it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, models, transaction

from audit.actions import Action
from audit.models import GENESIS, Entry
from core.actors import Actor, System
from core.machine import JournalData

# One lock for the whole installation. Entries are chained, so each writer waits until the one before it commits.
CHAIN_LOCK = 0x4C4652_01


@dataclass(frozen=True)
class Break:
    """A place where the chain is broken."""

    number: int
    reason: str


@dataclass(frozen=True)
class Event:
    """An event to be recorded together with others."""

    action: Action
    target: models.Model
    data: JournalData | None = None


def record(action: Action, *, actor: Actor, target: models.Model, data: JournalData | None = None) -> Entry:
    """Write one entry in the caller's transaction, so that the act and its entry are committed together or not at all.

    Raises:
        RuntimeError: there is no transaction.
        TypeError: a value in `data` is not a string, an integer, a Boolean or None.
    """
    (entry,) = record_all([Event(action, target, data)], actor=actor)
    return entry


def record_all(events: Sequence[Event], *, actor: Actor) -> list[Entry]:
    """Write an entry for each event, as `record` does, all at once."""
    if not connection.in_atomic_block:
        raise RuntimeError("an act and its audit entry must be written in the same transaction")
    for event in events:
        for key, value in (event.data or {}).items():
            if not isinstance(value, str | int | bool | None):
                raise TypeError(f"audit data holds ids and text only, but {key} is a {type(value).__name__}")
    with connection.cursor() as cursor:
        # Check references now, not at the commit. Each check waits for whoever has locked the row it refers to, and no
        # writer may wait for that while it holds the lock that all writers need.
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
    """Return the permanent name of a target: its `journal_name` if it has one, because `str` may name a person."""
    return str(getattr(target, "journal_name", target))[:300]


@transaction.atomic
def verify_chain() -> tuple[int, list[Break]]:
    """Return (entries read, breaks) after recomputing every hash, following every link and looking for gaps."""
    breaks: list[Break] = []
    expected_hash, expected_number, rows = GENESIS, 1, 0
    for entry in Entry.objects.in_order().iterator(chunk_size=2000):
        rows += 1
        if entry.number != expected_number:
            breaks.append(Break(entry.number, f"entries {expected_number} to {entry.number - 1} are missing"))
        elif entry.previous_hash != expected_hash:
            breaks.append(Break(entry.number, "it does not follow from the entry before it"))
        if entry.computed_hash() != entry.hash:
            breaks.append(Break(entry.number, "its content has been changed"))
        expected_hash, expected_number = entry.hash, entry.number + 1
    return rows, breaks
