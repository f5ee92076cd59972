"""What has to be looked at before a list is approved: raised with a photograph, put right or accepted by a person."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.locks import lock
from core.permissions import require
from recognition.enrolment import Enrolment
from watchlists import engines
from watchlists.contributions import Kind, note_contribution
from watchlists.likeness import Likeness, likenesses
from watchlists.models import Flag, Photograph, Watchlist

COMPILE = "watchlists.compile_watchlist"
# About a photograph by itself: those of a large import may be accepted together.
PICTURE_KINDS = (Flag.Kind.OLD_PHOTOGRAPH, Flag.Kind.POOR_QUALITY)


@transaction.atomic
def accept_flag(flag: Flag, *, reason: str, actor: AbstractBaseUser) -> None:
    """Say why an entry may stand in spite of what was flagged.

    Raises:
        Refused: no reason. Conflict: accepted already, or the list is past its checks.
    """
    require(actor, COMPILE)
    watchlist = flag.person.watchlist
    _lock_unsettled(watchlist)
    if not reason.strip():
        raise Refused("Say why this entry may stand.")
    now = timezone.now()
    accepted = Flag.objects.filter(pk=flag.pk, accepted_at__isnull=True).update(
        reason=reason.strip(), accepted_by=actor, accepted_at=now
    )
    if not accepted:
        raise Conflict("This was accepted already.")
    note_contribution(watchlist, Kind.FLAG_ACCEPTED, actor=actor)
    # The reason may name a brother: it goes with the list. The journal has that there was one.
    data = {"kind": flag.kind, "watchlist": str(watchlist.pk)}
    record(Action.FLAG_ACCEPTED, actor=actor, target=flag.person, data=data)


@transaction.atomic
def accept_all(watchlist: Watchlist, kind: str, *, reason: str, actor: AbstractBaseUser) -> int:
    """Accept every open flag of one kind on a list, for one reason; returns how many. Never whether two are the same.

    Raises:
        Refused: no reason, or a kind that has to be looked at one by one. Conflict: the list is past its checks.
    """
    require(actor, COMPILE)
    _lock_unsettled(watchlist)
    if kind not in PICTURE_KINDS:
        raise Refused("Whether two entries are the same person, or look alike, has to be looked at one by one.")
    if not reason.strip():
        raise Refused("Say why these entries may stand.")
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
        raise Conflict(f"This list is {locked.get_state_display().lower()}; its flags are settled.")


def flag(photograph: Photograph, enrolment: Enrolment, drafts: Collection[uuid.UUID]) -> None:
    """Raise what a new photograph gives cause for; part of the act that keeps it.

    drafts: the lists that the act holds, whose entries may be flagged.
    """
    point = engines.current_engine().operating_points.first()
    found = []
    if point is not None:
        found = likenesses(
            enrolment.template,
            point.engine,
            reference=photograph.person.reference,
            threshold=point.threshold,
        )
    flags = [
        *photograph_flags(photograph, (vars(measure) for measure in enrolment.report)),
        *alike(photograph, found, drafts),
    ]
    Flag.objects.bulk_create(flags, ignore_conflicts=True)


def photograph_flags(photograph: Photograph, report: Iterable[Mapping[str, Any]]) -> list[Flag]:
    """What a photograph gives cause for by itself."""
    found = []
    oldest = timezone.localdate() - dt.timedelta(days=365 * settings.LFR_OLD_PHOTOGRAPH_YEARS)
    taken_on = photograph.taken_on
    if taken_on is None:
        found.append((Flag.Kind.OLD_PHOTOGRAPH, "It is not known when this photograph was taken."))
    elif taken_on < oldest:
        found.append((Flag.Kind.OLD_PHOTOGRAPH, f"Taken on {taken_on.day} {taken_on:%B %Y}: faces change."))
    poor = [str(measure["advice"]) for measure in report if measure["level"] == "warn"]
    if poor:
        found.append((Flag.Kind.POOR_QUALITY, " ".join(poor)[:400]))
    return [Flag(person=photograph.person, photograph=photograph, kind=kind, detail=detail) for kind, detail in found]


def alike(photograph: Photograph, found: Iterable[Likeness], drafts: Collection[uuid.UUID]) -> list[Flag]:
    """A flag on this entry for each likeness; on the other one too, if its list is of `drafts`."""
    flags = []
    for each in found:
        other = each.photograph
        for mine, theirs in ((photograph, other), (other, photograph)):
            if mine is other and other.person.watchlist_id not in drafts:
                continue
            person, same_list = theirs.person, theirs.person.watchlist_id == mine.person.watchlist_id
            where = "this list" if same_list else f"“{person.watchlist}”"
            detail = f"Somebody on {where}: similarity {each.score:.3f}."
            flags.append(Flag(person=mine.person, photograph=mine, other=theirs, kind=each.kind, detail=detail))
    return flags
