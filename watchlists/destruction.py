"""Destruction of lists: what is destroyed, what is kept as evidence, and the proof.

destroy   deletes rows, in one transaction with the audit log, then the key: no copy of a photograph opens without it
scrub     removes what the database keeps of deleted rows: rewrites the tables and removes the older write-ahead log
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import time
import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core import keys
from core.actors import CLOCK, INSTALLER, Actor
from core.errors import Refused
from core.locks import lock, lock_all
from core.machine import JournalData, move
from core.permissions import require
from watchlists import holds, ledger
from watchlists.models import (
    STEPS,
    Certificate,
    Flag,
    Hold,
    Import,
    ImportPhotograph,
    ImportRow,
    Person,
    Photograph,
    SealedTemplate,
    Template,
    VolunteerAttributes,
    Watchlist,
)
from watchlists.permissions import HOLD_EVIDENCE
from watchlists.seal import canonical

logger = logging.getLogger(__name__)

# How many people are deleted at a time, so that a large list is never in memory as a whole.
CHUNK = 500
# The kind of key of an entry that is held as evidence.
HOLD_KEY = "hold"
# Every table of this app that can hold data about the people on a list.
TABLES = tuple(
    model._meta.db_table
    for model in (
        *(Person, Photograph, Template, SealedTemplate, Flag, Hold, VolunteerAttributes),
        *(Import, ImportRow, ImportPhotograph),
    )
)
# Replaces a text that named a person on the list.
WITHHELD = "(withheld: the text named a person on the list)"
# Rewriting a table locks everyone else out, so give up soon: the scheduler tries again.
LOCK_PATIENCE = "3s"
SNAPSHOT_PATIENCE_S = 5.0
# Whether anything may still need deleted rows: older transactions, prepared transactions, replication slots.
_OLDER = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid() AND age(backend_xmin) > age(%(horizon)s::xid)
    ) OR EXISTS (SELECT FROM pg_prepared_xacts)
    OR EXISTS (SELECT FROM pg_replication_slots WHERE xmin IS NOT NULL AND age(xmin) > age(%(horizon)s::xid))
"""
# Whether the server or an archive may still have write-ahead log up to this file.
_LOG_LEFT = """
    SELECT current_setting('archive_mode') <> 'off'
    OR current_setting('wal_recycle') <> 'off'
    OR EXISTS (SELECT FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' AND name <= %(last)s)
"""


def destroy_due(*, at: dt.datetime | None = None) -> int:
    """Destroy every list that is due for destruction. Returns how many were destroyed."""
    count = 0
    for watchlist in Watchlist.objects.due_for_destruction(at or timezone.now()):
        try:
            destroy(watchlist)
        except Exception:
            # The list is shown as overdue and tried again; the others are not delayed. The message contains no data.
            logger.exception("A list could not be destroyed")
        else:
            count += 1
    return count


@transaction.atomic
def destroy(watchlist: Watchlist) -> Certificate:
    """Delete everything a list holds about people, except evidence holds. Its row, certificate and ledger stay."""
    lock(Watchlist.objects.all(), watchlist.pk)
    held = [hold.person for hold in Hold.objects.filter(person__watchlist=watchlist).select_related("person")]
    for person in held:
        _keep_as_evidence(person)
    for imported in Import.objects.filter(watchlist=watchlist):
        imported.delete()
    sealed, _ = SealedTemplate.objects.filter(watchlist=watchlist).delete()
    going = Person.objects.filter(watchlist=watchlist).exclude(pk__in=[person.pk for person in held])
    ids = list(going.values_list("pk", flat=True))
    # Whoever is flagging a likeness to one of these photographs finishes first, and the flag is found below.
    lock_all(Photograph.objects.filter(person__in=going).only("pk"))
    ledger_hash = ledger.enter(watchlist, going)
    changes = _without_names(watchlist)
    photographs = Photograph.objects.filter(person__in=going).count()
    for start in range(0, len(ids), CHUNK):
        Person.objects.filter(pk__in=ids[start : start + CHUNK]).delete()
    certificate = _certify(
        watchlist, people=len(ids), photographs=photographs, templates=sealed, held=len(held), ledger_hash=ledger_hash
    )
    # The audit log comes last: every operation needs its lock, and deleting takes time.
    data: JournalData = {
        "people": len(ids),
        "photographs": photographs,
        "templates": sealed,
        "held": len(held),
        "sealed_hash": watchlist.sealed_hash,
        "certificate_sha256": certificate.sha256,
    }
    changes["destroyed_at"] = certificate.issued_at
    move(watchlist, STEPS["destroy"], actor=CLOCK, changes=changes, data=data)
    transaction.on_commit(lambda: keys.destroy(watchlist.key_name))
    return certificate


@transaction.atomic
def place_hold(person: Person, *, reason: str, review_on: dt.date, actor: AbstractBaseUser) -> Hold:
    """Keep an entry from destruction as evidence. The officer who places the hold becomes its owner.

    Raises:
        Refused: `holds.accepted_reason` refuses, or the entry is already held.
    """
    require(actor, HOLD_EVIDENCE)
    lock(Watchlist.objects.all(), person.watchlist_id)
    reason = holds.accepted_reason(reason, review_on=review_on)
    hold, is_new = Hold.objects.get_or_create(
        person=person, defaults={"reason": reason, "owner_id": actor.pk, "review_on": review_on}
    )
    if not is_new:
        raise Refused("This entry is already held as evidence.")
    data = {"review_on": review_on.isoformat(), "watchlist": str(person.watchlist_id)}
    record(Action.HOLD_PLACED, actor=actor, target=person, data=data)
    return hold


@transaction.atomic
def release_hold(person: Person, *, reason: str, actor: AbstractBaseUser) -> None:
    """End a hold. If the list was destroyed, the entry is destroyed now and the tables are scrubbed again.

    Raises:
        Refused: the entry is not held, or `holds.accepted_release` refuses.
    """
    require(actor, HOLD_EVIDENCE)
    watchlist = lock(Watchlist.objects.all(), person.watchlist_id)
    held = Hold.objects.filter(person=person).select_related("owner").first()
    if held is None:
        raise Refused("This entry is not held as evidence.")
    reason = holds.accepted_release(held, reason, actor=actor)
    held.delete()
    released = Person(pk=person.pk)
    if watchlist.state == Watchlist.State.DESTROYED:
        name = _evidence_key(person.pk)
        ledger.enter(watchlist, Person.objects.filter(pk=person.pk))
        person.delete()
        Certificate.objects.filter(watchlist=watchlist).update(scrubbed_at=None, left_at=timezone.now())
        record(Action.PERSON_DESTROYED, actor=actor, target=released, data={"watchlist": str(watchlist.pk)})
        transaction.on_commit(lambda: keys.destroy(name))
    data = {"watchlist": str(watchlist.pk), "reason": reason}
    record(Action.HOLD_RELEASED, actor=actor, target=released, data=data)


def rotate_keys(*, actor: Actor = INSTALLER) -> tuple[int, int]:
    """Give every photograph key a new value. Returns (keys, photographs encrypted again).

    The old values are deleted once nothing needs them. An interruption loses nothing: until the next rotation both
    values decrypt.
    """
    count = 0
    names = list(Photograph.objects.order_by().values_list("key_name", flat=True).distinct())
    for name in names:
        with transaction.atomic():
            owner = Photograph.objects.select_related("person__watchlist").filter(key_name=name)[:1].first()
            if owner is None:
                continue
            watchlist = owner.person.watchlist
            # Adding a photograph locks this row too, so none is encrypted with the old value after this.
            lock(Watchlist.objects.all(), watchlist.pk)
            if watchlist.imports.filter(state__in=("reading", "ready", "importing")).exists():
                # Photographs waiting to be imported use this key: rotate it next time.
                continue
            keys.renew(name)
            photographs = Photograph.objects.select_for_update(no_key=True).filter(key_name=name)
            for photograph in photographs.iterator(chunk_size=50):
                photograph.encrypted = keys.encrypted(name, photograph.jpeg)
                photograph.save(update_fields=["encrypted"])
                count += 1
            data: JournalData = {"key": name, "fingerprint": keys.fingerprint(name)}
            record(Action.KEYS_ROTATED, actor=actor, target=watchlist, data=data)
        keys.forget_old(name)
    return len(names), count


def scrub(tables: Sequence[str] = TABLES) -> int:
    """Rewrite the tables that held destroyed lists, and remove the older log. Returns how many lists were scrubbed.

    Deleting a row only marks it: its bytes stay until they are overwritten. Do not call this in a transaction.
    """
    waiting = list(Certificate.objects.filter(scrubbed_at__isnull=True).select_related("watchlist"))
    if not waiting:
        return 0
    if _is_seen_by_others():
        logger.warning("Deleted rows could not be scrubbed yet: an older transaction may still see them")
        return 0
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LOCK_PATIENCE}'")
            try:
                for table in tables:
                    cursor.execute(f"VACUUM (FULL, ANALYZE) {connection.ops.quote_name(table)}")
            finally:
                cursor.execute("RESET lock_timeout")
    except DatabaseError as error:
        logger.warning("Deleted rows could not be scrubbed yet: %s", type(error).__name__)
        return 0
    log_removed = _remove_log()
    return sum(_note_scrubbed(certificate, log_removed) for certificate in waiting)


def destroy_list_key(name: str, owner: str) -> None:
    """Destroy the key of a list that was destroyed, if the process died before it did so."""
    if Watchlist.objects.filter(pk=owner, state=Watchlist.State.DESTROYED).exists():
        keys.destroy(name)


def destroy_hold_key(name: str, owner: str) -> None:
    """Destroy the key of a held entry that was destroyed, if the process died before it did so."""
    if not Person.objects.filter(pk=owner).exists():
        keys.destroy(name)


def _is_seen_by_others() -> bool:
    """Return whether an older transaction may still see deleted rows, which rewriting then cannot remove.

    Waits up to SNAPSHOT_PATIENCE_S for such transactions to end.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::xid::text")
        horizon = cursor.fetchone()[0]
        until = time.monotonic() + SNAPSHOT_PATIENCE_S
        while True:
            cursor.execute(_OLDER, {"horizon": horizon})
            if not cursor.fetchone()[0]:
                return False
            if time.monotonic() > until:
                return True
            time.sleep(0.2)


def _remove_log() -> bool:
    """Remove the older write-ahead log, and return whether none of it is left.

    This takes a superuser, and a server that is set to keep no old log.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
            last = cursor.fetchone()[0]
            cursor.execute("CHECKPOINT")
            cursor.execute("SELECT pg_switch_wal()")
            cursor.execute("CHECKPOINT")
            cursor.execute(_LOG_LEFT, {"last": last})
            return not cursor.fetchone()[0]
    except DatabaseError:
        return False


@transaction.atomic
def _note_scrubbed(certificate: Certificate, log_removed: bool) -> bool:
    """Record that a list was scrubbed. Returns False if more of it was deleted meanwhile: it is scrubbed again."""
    rows = Certificate.objects.filter(pk=certificate.pk, scrubbed_at__isnull=True, left_at=certificate.left_at)
    if not rows.update(scrubbed_at=timezone.now(), log_removed=log_removed):
        return False
    record(Action.DATABASE_SCRUBBED, actor=CLOCK, target=certificate.watchlist, data={"log_removed": log_removed})
    return True


def _certify(
    watchlist: Watchlist, *, people: int, photographs: int, templates: int, held: int, ledger_hash: str
) -> Certificate:
    now = timezone.now()
    certificate = Certificate(
        watchlist=watchlist,
        issued_at=now,
        left_at=now,
        due_at=watchlist.destroy_due_at or timezone.now(),
        people=people,
        photographs=photographs,
        templates=templates,
        held=held,
        sealed_hash=watchlist.sealed_hash,
        key_fingerprint=keys.fingerprint(watchlist.key_name),
        ledger_hash=ledger_hash,
    )
    certificate.sha256 = certificate_hash(certificate)
    certificate.save(force_insert=True)
    return certificate


def certificate_hash(certificate: Certificate) -> str:
    """Return the SHA-256 over the content of a certificate."""
    names = ("issued_at", "due_at", "people", "photographs", "templates", "held", "sealed_hash", "key_fingerprint")
    content = {name: getattr(certificate, name) for name in (*names, "ledger_hash")}
    return hashlib.sha256(canonical({"watchlist": certificate.watchlist_id, **content})).hexdigest()


def _keep_as_evidence(person: Person) -> None:
    """Keep the particulars and photographs of a held entry, under a key of its own, and delete its templates."""
    name = _evidence_key(person.pk)
    keys.create(name)
    for photograph in person.photographs.all():
        photograph.encrypted = keys.encrypted(name, photograph.jpeg)
        photograph.key_name = name
        photograph.save(update_fields=["encrypted", "key_name"])
        photograph.templates.all().delete()


def _without_names(watchlist: Watchlist) -> dict[str, Any]:
    """Return the changes that withhold those texts of a list, kept after its destruction, that name a person on it."""
    words = {name: getattr(watchlist, name) for name in ("name", "purpose", "size_reason", "decision_reason")}
    named = {particular.lower() for pair in watchlist.people.values_list("name", "reference") for particular in pair}
    return {name: WITHHELD for name, text in words.items() if any(each in text.lower() for each in named)}


def _evidence_key(person_id: uuid.UUID) -> str:
    return keys.name_of(HOLD_KEY, person_id)
