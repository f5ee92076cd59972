"""Red findings of the equality report: raised by the clock, reviewed by an authorising officer."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.actors import CLOCK
from core.errors import Conflict, Refused
from core.permissions import require
from deployments.choices import AUTHORISES
from deployments.models import EqualityFinding
from deployments.permissions import AUTHORISE_DEPLOYMENT
from training.register import require_authorising
from watchlists.operations import refuse_names_on_file

# A finding that was reviewed is raised again after this time, if it still stands.
AGAIN_AFTER = dt.timedelta(days=90)


@transaction.atomic
def note(key: str, words: str, since: dt.date, until: dt.date) -> EqualityFinding | None:
    """Raise a finding, unless it is open or was reviewed lately. Returns it if it is new."""
    now = timezone.now()
    known = EqualityFinding.objects.select_for_update().filter(key=key)
    if known.filter(reviewed_at__isnull=True).exists() or known.filter(reviewed_at__gt=now - AGAIN_AFTER).exists():
        return None
    made = EqualityFinding.objects.create(key=key, words=words, since=since, until=until, found_at=now)
    record(Action.EQUALITY_FOUND, actor=CLOCK, target=made, data={"key": key})
    return made


@transaction.atomic
def review(finding: EqualityFinding, *, words: str, actor: AbstractBaseUser) -> None:
    """Record an authorising officer's review of a finding, after which deployments can be authorised again.

    Raises:
        Refused: the review is empty, names somebody on a watchlist, or the actor's rank is too low.
        Conflict: somebody has reviewed it already.
    """
    require(actor, AUTHORISE_DEPLOYMENT)
    require_authorising(actor, AUTHORISES)
    if not words.strip():
        raise Refused("Enter what causes the difference, what is done about it and why authorities may go on.")
    refuse_names_on_file(words)
    open_one = EqualityFinding.objects.filter(pk=finding.pk, reviewed_at__isnull=True)
    if not open_one.update(reviewed_at=timezone.now(), reviewed_by_id=actor.pk, review=words.strip()):
        raise Conflict("Somebody has already reviewed this finding.")
    finding.refresh_from_db()
    record(Action.EQUALITY_REVIEWED, actor=actor, target=finding, data={"key": finding.key, "review": finding.review})


def refuse_unreviewed() -> None:
    """Raise `Refused` while a finding waits for its review."""
    waiting = EqualityFinding.objects.filter(reviewed_at__isnull=True).count()
    if waiting:
        raise Refused(
            f"Differences between groups that wait for a review: {waiting}. Review them on the page “Equality” first."
        )
