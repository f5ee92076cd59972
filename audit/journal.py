"""Write to the audit log, and give each entry its place in the tree.

Writers do not wait for each other: an entry is committed with its act, and has no number yet. Numbers are given
afterwards, in the order of arrival, by one process at a time. Until a checkpoint covers an entry and a witness has
countersigned it, the owner of the database could change it unseen; the page of the log says from which entry on.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, models, transaction

from audit.actions import Action, Verb
from audit.models import Entry
from audit.tree import Tree, extend
from audit.verbs import verb_of
from core.actors import Actor, System
from core.locks import Turn, take
from core.machine import JournalData
from transparency.verifier import leaf_hash

logger = logging.getLogger(__name__)

BATCH = 2000
# Looking at the same thing again within this time has no entry of its own (`note_consulted`).
CONSULTED_FOR = dt.timedelta(minutes=15)

_NUMBER = """
UPDATE audit_entry AS entry SET number = waiting.number FROM (
    SELECT id, %s + row_number() OVER (ORDER BY id) AS number FROM audit_entry
    WHERE number IS NULL ORDER BY id LIMIT %s
) AS waiting WHERE entry.id = waiting.id
"""


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
    roles = _roles(actor)
    entries = [
        Entry(
            at=dt.datetime.now(dt.UTC),
            action=event.action,
            verb=verb_of(event.action),
            actor_id="" if isinstance(actor, System) else str(actor.pk),
            actor=str(actor)[:200],
            roles=roles,
            target_type=event.target._meta.label_lower,
            target_id=str(event.target.pk),
            target=_name(event.target),
            data=dict(event.data or {}),
        )
        for event in events
    ]
    return Entry.objects.bulk_create(entries)


def note_consulted(
    action: Action,
    *,
    actor: AbstractBaseUser,
    target: models.Model,
    within: Sequence[models.Model] = (),
    data: JournalData | None = None,
) -> None:
    """Record that somebody looked at something, unless an entry of the last quarter of an hour says so already.

    For what is shown in many parts, such as pictures. within: what else shows it, such as the list of a person.
    """
    about = models.Q()
    for each in (target, *within):
        about |= models.Q(target_type=each._meta.label_lower, target_id=str(each.pk))
    since = dt.datetime.now(dt.UTC) - CONSULTED_FOR
    recent = Entry.objects.filter(about, actor_id=str(actor.pk), verb=Verb.CONSULTATION, at__gte=since)
    if not recent.exists():
        with transaction.atomic():
            record(action, actor=actor, target=target, data=data)


def number_waiting() -> int:
    """Give every committed entry its number and add it to the tree. Return how many there were.

    Call it outside a transaction: the lock is held until the end of the batch.
    """
    count = 0
    while Entry.objects.filter(number=None).exists() and (numbered := _number_batch()):
        count += numbered
    return count


@transaction.atomic
def _number_batch() -> int:
    take(Turn.NUMBERING)
    with connection.cursor() as cursor:
        size, last = Tree().size, last_number()
        if size != last:
            # Somebody removed entries or a part of the tree. Verification says so; nothing is built upon it.
            logger.error("The audit log has %d entries and its tree %d; no numbers are given", last, size)
            return 0
        cursor.execute(_NUMBER, [size, BATCH])
    entries = Entry.objects.filter(number__gt=size).order_by("number")
    hashes = [leaf_hash(entry.canonical()) for entry in entries]
    extend(hashes, size)
    return len(hashes)


def last_number() -> int:
    """Return the number of the last entry that has one, or 0."""
    return Entry.objects.aggregate(last=models.Max("number"))["last"] or 0


def _roles(actor: Actor) -> list[str]:
    """Return the names of the actor's roles. A person's are read once for each object, thus for each request."""
    if isinstance(actor, System):
        return []
    found: list[str] | None = getattr(actor, "_roles_in_journal", None)
    if found is None:
        found = sorted(str(name) for name in actor.groups.values_list("name", flat=True))  # type: ignore[attr-defined]
        actor._roles_in_journal = found  # type: ignore[attr-defined]
    return found


def _name(target: models.Model) -> str:
    """Return the permanent name of a target: its `journal_name` if it has one, because `str` may name a person."""
    return str(getattr(target, "journal_name", target))[:300]
