"""Acts on personal data breaches."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from cases import time_limits
from cases.casework import begin, mark_lateness, note_event, required_text
from cases.content import EventContent
from cases.models import Case, CaseEvent
from core.errors import Conflict, Refused

_K = CaseEvent.Kind


@transaction.atomic
def report_breach(case: Case, *, at: dt.datetime, words: str, late_reason: str = "", actor: AbstractBaseUser) -> None:
    """Record that the Commissioner was told of a breach, also after it was closed. words: their reference.

    Raises:
        Refused: it is not a breach, the time is not possible, or it is late and there is no reason why.
        Conflict: it was reported already.
    """
    begin(case, actor, may_be_closed=case.is_breach)
    if not case.is_breach:
        raise Refused("Only a breach is reported to the Commissioner.")
    if case.reported_at is not None:
        raise Conflict("The Commissioner has already been told.")
    if not case.received_at <= at <= timezone.now():
        raise Refused("Enter when the Commissioner was told: after the force became aware, and not in the future.")
    said = required_text(words, "Enter the Commissioner’s reference.")
    if at > case.received_at + dt.timedelta(hours=time_limits.BREACH_HOURS):
        said += "\nLate because: " + required_text(late_reason, "Enter why it is later than 72 hours.")
    case.reported_at = at
    case.save(update_fields=["reported_at"])
    note_event(case, _K.REPORTED, actor, EventContent(words=said))
    if case.is_closed:
        mark_lateness(case)
    record(Action.CASE_REPORTED, actor=actor, target=case, data={"at": at.isoformat()})


@transaction.atomic
def tell_people(case: Case, *, words: str, actor: AbstractBaseUser) -> None:
    """Record that the people affected by a breach were told, and how.

    Raises:
        Refused: it is not a breach. Conflict: it was recorded already.
    """
    begin(case, actor, may_be_closed=case.is_breach)
    if not case.is_breach:
        raise Refused("Only a breach has people who are affected.")
    if case.told_at is not None:
        raise Conflict("The people affected have already been told.")
    said = required_text(words, "Enter how many people were told, and how.")
    case.told_at = timezone.now()
    case.save(update_fields=["told_at"])
    note_event(case, _K.TOLD, actor, EventContent(words=said))
    record(Action.CASE_TOLD, actor=actor, target=case)
