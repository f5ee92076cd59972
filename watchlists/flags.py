"""Flags on entries: raised when a photograph is added, and settled by a person before the list is approved."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.locks import lock, lock_all
from core.permissions import require
from recognition.enrolment import Enrolment
from watchlists import engines
from watchlists.contributions import Kind, note_contribution
from watchlists.likeness import Likeness, likenesses
from watchlists.models import Flag, Photograph, Watchlist
from watchlists.permissions import COMPILE_WATCHLIST

# Flags that concern a photograph by itself. Those of a large import may be accepted together.
PICTURE_KINDS = (Flag.Kind.OLD_PHOTOGRAPH, Flag.Kind.POOR_QUALITY)


@transaction.atomic
def accept_flag(flag: Flag, *, reason: str, actor: AbstractBaseUser) -> None:
    """Accept a flag, with the reason why the entry stays on the list.

    Raises:
        Refused: no reason is given. Conflict: the flag is already accepted, or the list has passed its checks.
    """
    require(actor, COMPILE_WATCHLIST)
    watchlist = flag.person.watchlist
    _lock_unsettled(watchlist)
    if not reason.strip():
        raise Refused("Enter the reason for accepting this flag.")
    now = timezone.now()
    accepted = Flag.objects.filter(pk=flag.pk, accepted_at__isnull=True).update(
        reason=reason.strip(), accepted_by=actor, accepted_at=now
    )
    if not accepted:
        raise Conflict("This flag has already been accepted.")
    note_contribution(watchlist, Kind.FLAG_ACCEPTED, actor=actor)
    # The reason may name a relative, so it stays out of the audit log and is destroyed with the list.
    data = {"kind": flag.kind, "watchlist": str(watchlist.pk)}
    record(Action.FLAG_ACCEPTED, actor=actor, target=flag.person, data=data)


@transaction.atomic
def accept_all(watchlist: Watchlist, kind: str, *, reason: str, actor: AbstractBaseUser) -> int:
    """Accept every open flag of one kind on a list, for one reason. Returns how many.

    Flags about two entries that may be the same or look alike cannot be accepted together.

    Raises:
        Refused: no reason is given, or flags of this kind must be reviewed one by one. Conflict: the list has passed
            its checks.
    """
    require(actor, COMPILE_WATCHLIST)
    _lock_unsettled(watchlist)
    if kind not in PICTURE_KINDS:
        raise Refused("Review flags about two entries one by one: they may be the same person, or only look alike.")
    if not reason.strip():
        raise Refused("Enter the reason for accepting these flags.")
    accepted = Flag.objects.filter(person__watchlist=watchlist, kind=kind, accepted_at__isnull=True).update(
        reason=reason.strip(), accepted_by=actor, accepted_at=timezone.now()
    )
    note_contribution(watchlist, Kind.FLAG_ACCEPTED, actor=actor)
    data: dict[str, str | int | bool | None] = {"kind": kind, "flags": accepted}
    record(Action.FLAGS_ACCEPTED, actor=actor, target=watchlist, data=data)
    return accepted


def _lock_unsettled(watchlist: Watchlist) -> None:
    locked = lock(Watchlist.objects.all(), watchlist.pk)
    if not (locked.is_editable or locked.state == Watchlist.State.COMPILED):
        raise Conflict(f"This watchlist is {locked.quoted_state}, so its flags can no longer be changed.")


def flag(photograph: Photograph, enrolment: Enrolment, drafts: Collection[uuid.UUID]) -> None:
    """Raise the flags for a new photograph, in the transaction that stores it.

    drafts: ids of the lists that this transaction has locked, whose entries may be flagged too.
    """
    engine = engines.current_engine()
    threshold = engines.likeness_threshold(engine)
    found = likenesses(enrolment.template, engine, reference=photograph.person.reference, threshold=threshold)
    flags = [
        *photograph_flags(photograph, (vars(measure) for measure in enrolment.report)),
        *alike(photograph, found, drafts),
    ]
    store(flags)


def store(flags: Sequence[Flag]) -> None:
    """Store flags, except those about a photograph that was destroyed since it was found.

    Another list may be destroyed at any moment. The photographs that stay are locked, so that they cannot go before
    this transaction ends.
    """
    others = {each.other_id for each in flags if each.other_id is not None}
    kept = {photograph.pk for photograph in lock_all(Photograph.objects.filter(pk__in=others).only("pk"))}
    standing = [each for each in flags if each.other_id is None or each.other_id in kept]
    Flag.objects.bulk_create(standing, ignore_conflicts=True)


def photograph_flags(photograph: Photograph, report: Iterable[Mapping[str, Any]]) -> list[Flag]:
    """Return the flags that a photograph raises by itself, because of its age or quality."""
    found = []
    oldest = timezone.localdate() - dt.timedelta(days=365 * settings.LFR_OLD_PHOTOGRAPH_YEARS)
    taken_on = photograph.taken_on
    if taken_on is None:
        found.append((Flag.Kind.OLD_PHOTOGRAPH, "The date of this photograph is not known."))
    elif taken_on < oldest:
        found.append(
            (Flag.Kind.OLD_PHOTOGRAPH, f"Taken on {taken_on.day} {taken_on:%B %Y}. The person may look different now.")
        )
    poor = [str(measure["advice"]) for measure in report if measure["level"] == "warn"]
    if poor:
        found.append((Flag.Kind.POOR_QUALITY, " ".join(poor)[:400]))
    return [Flag(person=photograph.person, photograph=photograph, kind=kind, detail=detail) for kind, detail in found]


def alike(photograph: Photograph, found: Iterable[Likeness], drafts: Collection[uuid.UUID]) -> list[Flag]:
    """Return a flag on this entry for each likeness, and on the other entry too if its list is in `drafts`."""
    flags = []
    for each in found:
        other = each.photograph
        for mine, theirs in ((photograph, other), (other, photograph)):
            if mine is other and other.person.watchlist_id not in drafts:
                continue
            person, same_list = theirs.person, theirs.person.watchlist_id == mine.person.watchlist_id
            where = "this list" if same_list else f"“{person.watchlist}”"
            detail = f"Similar to a person on {where}: similarity score {each.score:.3f}."
            flags.append(Flag(person=mine.person, photograph=mine, other=theirs, kind=each.kind, detail=detail))
    return flags
