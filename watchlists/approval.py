"""The authorising officer's acts on a watchlist: approving and sealing it, confirming, returning or rejecting it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from audit.actions import Action
from audit.journal import Event, record, record_all
from core import retention
from core.errors import Conflict, Refused
from core.locks import lock_all
from core.machine import move
from core.permissions import require
from core.ranks import at_least, rank_of
from training.models import Task
from training.register import require_authorising, require_trained
from watchlists import choices, engines
from watchlists.contributions import refuse_contributor
from watchlists.models import STEPS, Engine, Person, SealedTemplate, Template, Watchlist
from watchlists.operations import CURRENT_FOR, lock_list, obstacles_of, refuse_names
from watchlists.permissions import AUTHORISE_WATCHLIST
from watchlists.seal import content_hash


@transaction.atomic
def authorise_watchlist(
    watchlist: Watchlist,
    *,
    actor: AbstractBaseUser,
    reason: str,
    seen: str,
    minors: Mapping[Any, str] | None = None,
) -> None:
    """Approve a checked list and seal it, so that cameras are compared only with what was approved.

    An Inspector may approve an urgent one. It then expires after `LFR_URGENT_REVIEW` unless a Superintendent confirms
    it (`confirm_watchlist`).

    seen: content hash of the list as shown to the officer. minors: the officer's own reason for each person under 18,
    by their id.

    Raises:
        Refused: the officer's rank is too low, they worked on this version, gave no reason for a person under 18, or
            `obstacles_of` returns a reason.
        Conflict: the list is not awaiting approval, or has changed since it was shown.
    """
    require(actor, AUTHORISE_WATCHLIST)
    # Lock this list and the one it replaces in a fixed order, and both before the audit log.
    lock_all(Watchlist.objects.filter(pk__in=[pk for pk in (watchlist.pk, watchlist.replaces_id) if pk]))
    lock_list(watchlist)
    _may_be_approved(watchlist, seen, actor)
    refuse_names(watchlist, reason)
    children = _accept_children(watchlist, minors or {}, actor)
    engine = _copy_templates(watchlist)
    digest = content_hash(watchlist)
    # The slow work is done. From here on the audit log is locked, and other operations wait.
    now, until = timezone.now(), _checks_hold_until(watchlist)
    is_urgent = not at_least(rank_of(actor), choices.APPROVES)
    changes = {
        "authorised_by": actor,
        "authorised_rank": rank_of(actor),
        "decision_reason": reason,
        "under_18": len(children),
        "review_due_at": now + settings.LFR_URGENT_REVIEW if is_urgent else None,
    }
    data: dict[str, str | int | bool | None] = {
        "reason": reason,
        "rank": rank_of(actor),
        "people": watchlist.size,
        "under_18": len(children),
        "urgent": is_urgent,
    }
    move(watchlist, STEPS["authorise"], actor=actor, changes=changes, data=data)
    if children:
        record_all(children, actor=actor)
    expires_at = min(until, now + settings.LFR_URGENT_REVIEW) if is_urgent else until
    changes = {"engine": engine, "sealed_at": now, "sealed_hash": digest, "expires_at": expires_at}
    move(watchlist, STEPS["seal"], actor=actor, changes=changes, data={"sha256": digest, "people": watchlist.size})
    if watchlist.replaces is not None and watchlist.replaces.state == Watchlist.State.SEALED:
        _supersede(watchlist.replaces, actor)


def _supersede(watchlist: Watchlist, actor: AbstractBaseUser) -> None:
    due = timezone.now() + retention.period("discarded")
    move(watchlist, STEPS["supersede"], actor=actor, changes={"destroy_due_at": due})


def _may_be_approved(watchlist: Watchlist, seen: str, actor: AbstractBaseUser) -> None:
    if watchlist.state != Watchlist.State.CHECKED:
        raise Conflict(f"This watchlist is {watchlist.quoted_state}, so it cannot be approved.")
    refuse_contributor(watchlist, actor)
    require_authorising(actor, choices.APPROVES_URGENTLY if watchlist.urgent_reason else choices.APPROVES)
    if seen != content_hash(watchlist):
        raise Conflict("This list has changed since you opened it. Review it again before you decide.")
    obstacles = obstacles_of(watchlist)
    if obstacles:
        raise Refused(" ".join(obstacles) + " Return the list to its compiler.")


def _accept_children(watchlist: Watchlist, reasons: Mapping[Any, str], actor: AbstractBaseUser) -> list[Event]:
    """Store the officer's reason for each person under 18 on a list, and return the entries for the audit log."""
    given = {str(pk): reason.strip() for pk, reason in reasons.items()}
    children = [person for person in watchlist.people.perhaps_minors() if person.is_minor()]
    missing = [person for person in children if not given.get(str(person.pk))]
    if missing:
        raise Refused(f"Enter your reason for each person under 18, or return the list. Missing: {len(missing)}.")
    refuse_names(watchlist, *given.values())
    for person in children:
        person.minor_accepted_by_id, person.minor_accepted_reason = actor.pk, given[str(person.pk)]
    Person.objects.bulk_update(children, ["minor_accepted_by", "minor_accepted_reason"])
    about = {"watchlist": str(watchlist.pk)}
    return [Event(Action.CHILD_ACCEPTED, each, {**about, "reason": each.minor_accepted_reason}) for each in children]


@transaction.atomic
def confirm_watchlist(watchlist: Watchlist, *, reason: str, actor: AbstractBaseUser) -> None:
    """Confirm, as a Superintendent or above, a list that an Inspector approved urgently.

    Raises:
        Refused: the rank is too low, or the actor approved the list or worked on it.
        Conflict: no confirmation is due, or it is too late.
    """
    require(actor, AUTHORISE_WATCHLIST)
    lock_list(watchlist)
    require_authorising(actor, choices.APPROVES)
    if not watchlist.awaits_confirmation:
        raise Conflict(f"This watchlist is {watchlist.quoted_state}. No confirmation is due.")
    if actor.pk == watchlist.authorised_by_id:
        raise Refused("You approved this list, so another officer must confirm it.")
    refuse_contributor(watchlist, actor)
    refuse_names(watchlist, reason)
    now = timezone.now()
    if watchlist.expires_at is not None and watchlist.expires_at <= now:
        raise Conflict("It is too late to confirm this list: it has expired. Create a new version.")
    watchlist.confirmed_by_id, watchlist.confirmed_at = actor.pk, now
    watchlist.expires_at = _checks_hold_until(watchlist)
    watchlist.save(update_fields=["confirmed_by", "confirmed_at", "expires_at"])
    data = {"reason": reason, "rank": rank_of(actor)}
    record(Action.WATCHLIST_CONFIRMED, actor=actor, target=watchlist, data=data)


@transaction.atomic
def return_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser, reason: str) -> None:
    """Send a list back to its compiler."""
    require(actor, AUTHORISE_WATCHLIST)
    require_trained(actor, Task.AUTHORISING)
    refuse_names(watchlist, reason)
    move(watchlist, STEPS["return"], actor=actor, changes={"decision_reason": reason}, data={"reason": reason})


@transaction.atomic
def reject_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser, reason: str) -> None:
    """Reject a list. It is destroyed after the retention period; until then a new version can be made from it."""
    require(actor, AUTHORISE_WATCHLIST)
    require_trained(actor, Task.AUTHORISING)
    refuse_names(watchlist, reason)
    changes = {"decision_reason": reason, "destroy_due_at": timezone.now() + retention.period("unused")}
    move(watchlist, STEPS["reject"], actor=actor, changes=changes, data={"reason": reason})


def _copy_templates(watchlist: Watchlist) -> Engine:
    """Copy the present engine's templates, for cameras to be compared with. Returns that engine."""
    engine = engines.current_engine()
    # Set first: a sealed template refers to a list and its engine together.
    Watchlist.objects.filter(pk=watchlist.pk).update(engine=engine)
    templates = Template.objects.filter(engine=engine, photograph__person__watchlist=watchlist)
    SealedTemplate.objects.bulk_create(
        (
            SealedTemplate(
                watchlist=watchlist,
                engine=engine,
                person_id=template.photograph.person_id,
                photograph=template.photograph,
                embedding=template.embedding,
            )
            for template in templates.select_related("photograph").defer("photograph__encrypted").iterator(2000)
        ),
        batch_size=2000,
    )
    return engine


def _checks_hold_until(watchlist: Watchlist) -> dt.datetime:
    oldest, ends_on = watchlist.people.aggregate(at=Min("current_at"), day=Min("expires_on")).values()
    until: dt.datetime = oldest + CURRENT_FOR
    if ends_on is None:
        return until
    # Cameras must not search for a person after the last day on which they are sought.
    midnight = dt.datetime.combine(ends_on + dt.timedelta(days=1), dt.time(), timezone.get_current_timezone())
    return min(until, midnight)
