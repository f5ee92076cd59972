"""Acts on cases. Each checks who acts and what is possible, keeps what was said under the case's key, and is recorded.

The audit log has numbers, kinds and dates of a case, never a name, a reference or a person's words.
"""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from cases import content, letters, time_limits
from cases.casework import KEY_GONE, begin, check_day, closing, note_event, required_text
from cases.choices import (
    OF_OWN_DATA,
    STOPS_TIME,
    CaseKind,
    Channel,
    IdentityProof,
    WaitFor,
)
from cases.content import CaseContent, EventContent
from cases.models import STEPS, Case, CaseEvent, Wait
from cases.permissions import KEEP_CASES
from core import keys
from core.errors import Conflict, Refused
from core.locks import Turn, take
from core.machine import move
from core.permissions import require
from deployments.models import Deployment

_K = CaseEvent.Kind

# An older date is a slip.
OLDEST = dt.timedelta(days=366)


@transaction.atomic
def open_case(
    *,
    kind: str,
    channel: str,
    received_at: dt.datetime,
    about: CaseContent,
    deployment: Deployment | None = None,
    actor: AbstractBaseUser,
) -> Case:
    """Open a case and return it. received_at: as `Case.received_at`.

    Raises:
        Refused: something is missing, or the time is in the future or more than a year ago.
    """
    require(actor, KEEP_CASES)
    now = timezone.now()
    if kind not in CaseKind.values or channel not in Channel.values:
        raise Refused("Select what the case is and how it arrived.")
    check_details(kind, about, received_at, until=now)
    take(Turn.CASE_NUMBER)
    number = (Case.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    case = Case(
        number=number,
        kind=kind,
        channel=channel,
        received_at=received_at,
        opened_by_id=actor.pk,
        opened_at=now,
        deployment=deployment,
    )
    case.key_name = content.key_of(case)
    keys.create(case.key_name)
    case.sealed = content.seal_case(case, about)
    case.save(force_insert=True)
    note_event(case, _K.OPENED, actor)
    data = {"kind": kind, "received": timezone.localdate(received_at).isoformat()}
    record(Action.CASE_OPENED, actor=actor, target=case, data=dict(data))
    return case


@transaction.atomic
def add_note(case: Case, *, words: str, actor: AbstractBaseUser) -> None:
    """Keep a note on a case, which is never sent to anybody."""
    begin(case, actor)
    note_event(case, _K.NOTE, actor, EventContent(words=required_text(words, "Enter the note.")))
    record(Action.CASE_NOTED, actor=actor, target=case)


@transaction.atomic
def establish_identity(case: Case, *, proof: str, on: dt.date, actor: AbstractBaseUser) -> None:
    """Record how it was established who asks, and on which day the proof was received. A wait for it ends on that day.

    Raises:
        Refused: the case is not about somebody's own data, or the day is not possible.
        Conflict: it was established already, or the case is closed.
    """
    begin(case, actor)
    if case.kind not in OF_OWN_DATA:
        raise Refused("Only a request about somebody’s own data needs their identity.")
    if case.identity_on is not None:
        raise Conflict("Identity has already been established.")
    if proof not in IdentityProof.values:
        raise Refused("Select how identity was established.")
    check_day(case, on)
    if case.waits.filter(ended_on=None, wanted=WaitFor.IDENTITY).exists():
        _end_wait(case, WaitFor.IDENTITY, on, actor)
    case.identity_on, case.identity_proof = on, proof
    case.save(update_fields=["identity_on", "identity_proof"])
    note_event(case, _K.IDENTITY, actor)
    record(Action.CASE_IDENTIFIED, actor=actor, target=case, data={"proof": proof, "on": on.isoformat()})


@transaction.atomic
def ask(case: Case, *, wanted: str, words: str, actor: AbstractBaseUser) -> None:
    """Ask the person for proof of identity or a clarification, with a letter.

    Where the law lets that stop the time (`STOPS_TIME`), the case waits until the reply.

    Raises:
        Refused: this kind of case does not need it. Conflict: the force waits for it already, or the case is closed.
    """
    begin(case, actor)
    if wanted not in WaitFor.values or case.is_breach:
        raise Refused("Select what you need from the person.")
    if wanted == WaitFor.IDENTITY and (case.kind not in OF_OWN_DATA or case.identity_on is not None):
        raise Refused("Proof of identity is not needed here.")
    said = required_text(words, "Enter what the person must send.")
    if case.waits.filter(ended_on=None, wanted=wanted).exists():
        raise Conflict("The force is already waiting for this.")
    if wanted in STOPS_TIME.get(case.kind, ()):
        move(case, STEPS["ask"], actor=actor, data={"wanted": wanted})
        Wait.objects.create(case=case, wanted=wanted, asked_on=timezone.localdate())
    else:
        record(Action.CASE_ASKED, actor=actor, target=case, data={"wanted": wanted})
    note_event(case, _K.ASKED, actor, EventContent(words=said), letters.QUESTION)


@transaction.atomic
def resume(case: Case, *, on: dt.date, words: str, actor: AbstractBaseUser) -> None:
    """Record the reply to a clarification and the day on which it came. The time runs on.

    Raises:
        Refused: the force does not wait for a clarification, or the day is not possible.
    """
    begin(case, actor)
    if not case.waits.filter(ended_on=None, wanted=WaitFor.CLARIFICATION).exists():
        raise Refused("The force is not waiting for a clarification. Record proof of identity as such.")
    check_day(case, on)
    _end_wait(case, WaitFor.CLARIFICATION, on, actor)
    note_event(case, _K.RESUMED, actor, EventContent(words=required_text(words, "Enter what the person replied.")))


@transaction.atomic
def acknowledge(case: Case, *, words: str, actor: AbstractBaseUser) -> None:
    """Acknowledge a case with a letter.

    Raises:
        Refused: it is a breach. Conflict: it was acknowledged already, or it is closed.
    """
    begin(case, actor)
    if case.is_breach:
        raise Refused("There is nobody to acknowledge a breach to.")
    if case.acknowledged_at is not None:
        raise Conflict("This case has already been acknowledged.")
    said = required_text(words, "Enter the words of the letter.")
    case.acknowledged_at = timezone.now()
    case.save(update_fields=["acknowledged_at"])
    note_event(case, _K.ACKNOWLEDGED, actor, EventContent(words=said), letters.ACKNOWLEDGEMENT)
    record(Action.CASE_ACKNOWLEDGED, actor=actor, target=case)


@transaction.atomic
def extend(case: Case, *, words: str, actor: AbstractBaseUser) -> None:
    """Take two months more for the answer, with a letter that gives the reasons, within the first month.

    Raises:
        Refused: the kind of case allows no extension, or the first month is over. Conflict: it was extended already.
    """
    begin(case, actor)
    if case.kind not in OF_OWN_DATA:
        raise Refused("The time for this kind of case cannot be extended.")
    if case.extended_at is not None:
        raise Conflict("The time has already been extended.")
    (limit,) = time_limits.limits_of(case)
    if limit.due is None:
        raise Refused("The time does not run yet. Establish the person’s identity first.")
    if limit.is_late(timezone.now()):
        raise Refused("The first month is over. Only within it can the time be extended.")
    said = required_text(words, "Enter the reasons: how complex the request is, or how many there are.")
    case.extended_at = timezone.now()
    case.save(update_fields=["extended_at"])
    note_event(case, _K.EXTENDED, actor, EventContent(words=said), letters.EXTENSION)
    record(Action.CASE_EXTENDED, actor=actor, target=case)


@transaction.atomic
def correct(case: Case, *, about: CaseContent, received_at: dt.datetime, words: str, actor: AbstractBaseUser) -> None:
    """Correct who asks, how to reach them, what they ask, or when it was received. words: what was wrong.

    Letters that were made stay as they are.

    Raises:
        Refused: something is missing, or the time is not possible. Conflict: the case is closed.
    """
    begin(case, actor)
    check_details(case.kind, about, received_at, until=case.opened_at)
    said = required_text(words, "Enter what was wrong.")
    before = content.content_of(case)
    if before is None:
        raise Refused(KEY_GONE)
    case.sealed, case.received_at = content.seal_case(case, about), received_at
    case.save(update_fields=["sealed", "received_at"])
    note_event(case, _K.CORRECTED, actor, EventContent(words=said))
    data = {"received": timezone.localdate(received_at).isoformat()}
    record(Action.CASE_CORRECTED, actor=actor, target=case, data=dict(data))


@transaction.atomic
def withdraw(case: Case, *, words: str, actor: AbstractBaseUser) -> None:
    """Close a case that the person withdrew, that was opened by mistake, or whose key is lost."""
    begin(case, actor)
    said = required_text(words, "Enter why the case ends without an answer.")
    changes = closing(case, actor, timezone.now())
    case.waits.filter(ended_on=None).update(ended_on=timezone.localdate())
    move(case, STEPS["withdraw"], actor=actor, changes=changes)
    note_event(case, _K.WITHDRAWN, actor, EventContent(words=said))


def check_details(kind: str, about: CaseContent, received_at: dt.datetime, *, until: dt.datetime) -> None:
    """Raise `Refused` if something that every case needs is missing, or it cannot have been received then."""
    if not until - OLDEST <= received_at <= until:
        raise Refused("Enter when it was received: not in the future, and a year ago at most.")
    if not about.request.strip():
        raise Refused("Enter what happened." if kind == CaseKind.BREACH else "Enter what the person asks.")
    if kind != CaseKind.BREACH and not (about.name.strip() and about.contact.strip()):
        raise Refused("Enter the name of the person and how to reach them.")


def note_search(case: Case, found: EventContent, *, actor: AbstractBaseUser) -> None:
    """Keep what a search of this case found. `cases.search` searches and records it."""
    case.searched_at = timezone.now()
    case.save(update_fields=["searched_at"])
    note_event(case, _K.SEARCHED, actor, found)


def _end_wait(case: Case, wanted: WaitFor, on: dt.date, actor: AbstractBaseUser) -> None:
    """End a wait. The case goes on once it waits for nothing else."""
    wait = case.waits.get(ended_on=None, wanted=wanted)
    if on < wait.asked_on:
        raise Refused("Enter the day of the reply: not before the day on which you asked.")
    case.waits.filter(pk=wait.pk).update(ended_on=on)
    if case.waits.filter(ended_on=None).exists():
        record(Action.CASE_RESUMED, actor=actor, target=case, data={"on": on.isoformat()})
    else:
        move(case, STEPS["resume"], actor=actor, data={"on": on.isoformat()})
