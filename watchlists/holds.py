"""Rules for placing and releasing evidence holds, the same for entries and alerts."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from core.errors import Refused
from watchlists.models.holds import EvidenceHoldBase
from watchlists.operations import refuse_names_on_file

LONGEST_REASON = 400


def accepted_reason(reason: str, *, review_on: dt.date) -> str:
    """Return the reason for a new hold, as it is stored.

    Raises:
        Refused: it is missing, too long or names a person on a list, or the date of review is not after today.
    """
    accepted = _accepted(reason, "Enter what this is evidence of.")
    if review_on <= timezone.localdate():
        raise Refused("The date of review must be after today.")
    return accepted


def accepted_release(hold: EvidenceHoldBase, reason: str, *, actor: AbstractBaseUser) -> str:
    """Return the reason for releasing a hold, as the audit log keeps it.

    Raises:
        Refused: it is missing, too long or names a person on a list, or the actor may not release this hold yet.
    """
    if not hold.may_be_released_by(actor):
        raise Refused(
            f"{hold.owner} placed this hold. Ask them to release it. Nobody else can release it before its date of "
            f"review, {hold.review_on:%-d %B %Y}."
        )
    return _accepted(reason, "Enter why this is no longer needed as evidence.")


def _accepted(reason: str, prompt: str) -> str:
    reason = reason.strip()
    if not reason:
        raise Refused(prompt)
    if len(reason) > LONGEST_REASON:
        raise Refused(f"The reason must be {LONGEST_REASON} characters or fewer.")
    refuse_names_on_file(reason)
    return reason
