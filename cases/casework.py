"""The steps that acts on a case share: check and lock the case first, record an event last."""

from __future__ import annotations

import datetime as dt
import hashlib

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from cases import content, letters, time_limits
from cases.content import EventContent
from cases.models import Case, CaseEvent
from cases.permissions import KEEP_CASES
from core import keys
from core.errors import Conflict, Refused
from core.locks import lock
from core.permissions import require

_K = CaseEvent.Kind

KEY_GONE = "The key of this case is missing. Restore it to the key store, or close the case without an answer."


def begin(case: Case, actor: AbstractBaseUser, *, may_be_closed: bool = False) -> None:
    """Check the permission and lock the case.

    Raises:
        Conflict: it is closed, or was purged.
    """
    require(actor, KEEP_CASES)
    lock(Case.objects.all(), case.pk)
    case.refresh_from_db()
    if case.purged_at is not None:
        raise Conflict("The names and words of this case were destroyed at the end of their retention.")
    if case.is_closed and not may_be_closed:
        again = "" if case.is_breach else " Open a new one if the person writes again."
        raise Conflict(f"This case is {case.quoted_state}.{again}")


def closing(case: Case, actor: AbstractBaseUser, at: dt.datetime) -> dict[str, object]:
    """Return what changes when a case is closed. Whether it was late is kept: later acts must not change it."""
    return {"closed_at": at, "closed_by": actor, "was_late": time_limits.was_late(case, at)}


def mark_lateness(case: Case) -> None:
    """Compute again whether a closed breach was late, by its outcome and by when the Commissioner was told."""
    case.was_late = time_limits.was_late(case, timezone.now())
    case.save(update_fields=["was_late"])


def check_day(case: Case, on: dt.date) -> None:
    """Raise `Refused` unless a day lies between the receipt of the case and today."""
    if not timezone.localdate(case.received_at) <= on <= timezone.localdate():
        raise Refused("Enter a date between the day of receipt and today.")


def required_text(words: str, otherwise: str) -> str:
    """Return what was typed, without spaces around it. otherwise: the error if it is empty."""
    if not words.strip():
        raise Refused(otherwise)
    return words.strip()


def note_event(
    case: Case,
    kind: CaseEvent.Kind,
    actor: AbstractBaseUser,
    said: EventContent | None = None,
    letter: letters.LetterKind | bytes = b"",
) -> CaseEvent:
    """Keep what was done, with its words, and the letter: a kind that is made from the words, or one that is made."""
    said = said or EventContent()
    event = CaseEvent(case=case, kind=kind, at=timezone.now(), by_id=actor.pk)
    if kind == _K.WITHDRAWN and not keys.fingerprint(case.key_name):
        # The key is lost: the case can be closed all the same.
        event.save(force_insert=True)
        return event
    pdf = letters.short_letter(case, letter, said.words, event.at) if isinstance(letter, letters.LetterKind) else letter
    event.sealed = content.seal_event(case, event, said, pdf)
    event.letter_sha256 = hashlib.sha256(pdf).hexdigest() if pdf else ""
    event.save(force_insert=True)
    return event
