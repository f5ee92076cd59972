"""Acts on the watchlists of a period: attached, confirmed by the authorising officer, or returned."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.locks import lock
from core.machine import JournalData
from core.permissions import require
from core.ranks import rank_of
from core.sockets import Event
from deployments import executable, list_fit
from deployments.authority import rank_needed, refuse_writer
from deployments.events import announce
from deployments.locks import lock_period
from deployments.models import Amendment, Camera, Period
from deployments.permissions import APPLY_DEPLOYMENT, AUTHORISE_DEPLOYMENT, RUN_DEPLOYMENT
from training.models import Task
from training.register import require_authorising, require_trained
from watchlists.contributions import refuse_contributor
from watchlists.models import Watchlist
from watchlists.operations import refuse_names, refuse_names_on_file


@transaction.atomic
def attach_list(period: Period, watchlist: Watchlist, *, actor: AbstractBaseUser) -> None:
    """Attach a sealed watchlist to a period, as its watchlist or its blue watchlist, depending on the list's kind.

    It is not searched until the authorising officer has confirmed it (`confirm_list`).

    Raises:
        Refused: the list is not sealed, too old, used elsewhere, goes beyond what was authorised, or the application
            names someone on it.
        Conflict: there is no authority, or the period has begun or ended.
    """
    if not any(actor.has_perm(name) for name in (APPLY_DEPLOYMENT, RUN_DEPLOYMENT)):  # type: ignore[attr-defined]
        require(actor, APPLY_DEPLOYMENT)
    lock_period(period)
    deployment = period.deployment
    if not deployment.has_authority or period.went_live_at is not None or period.ended_at is not None:
        raise Conflict("Watchlists can only be attached under an authority and before the period goes live.")
    locked = lock(Watchlist.objects.all(), watchlist.pk)
    if locked.state != Watchlist.State.SEALED or (
        locked.expires_at is not None and locked.expires_at <= timezone.now()
    ):
        raise Refused(f"“{locked}” is {locked.quoted_state}. Select a sealed watchlist that has not expired.")
    if Period.objects.of_list(locked.pk).exclude(pk=period.pk).exists():
        raise Refused("Another period already uses this watchlist. Seal a new version of it.")
    if not locked.is_blue:
        problems = list_fit.misfits(locked, deployment)
        if problems:
            raise Refused(" ".join(problems))
        refuse_names(locked, deployment.name, deployment.places, deployment.decision_reason, deployment.conditions)
    name = "blue_list" if locked.is_blue else "watchlist"
    setattr(period, name, locked)
    period.list_size = period.watchlist.size if period.watchlist is not None else 0
    if not locked.is_blue:
        period.list_confirmed_at, period.list_confirmed_by = None, None
    period.save(update_fields=[name, "list_size", "list_confirmed_at", "list_confirmed_by"])
    if locked.is_blue:
        Camera.objects.filter(period=period).update(set_up_at=timezone.now())
        # Approved as a list of consenting staff: it is searched in the recognition test before anything else is.
        executable.sign(deployment, Amendment.BLUE_LIST, actor=actor, period=period)
    data: JournalData = {
        "watchlist": str(locked.pk),
        "sha256": locked.sealed_hash,
        "period": str(period.pk),
        "blue": locked.is_blue,
    }
    record(Action.LIST_ATTACHED, actor=actor, target=deployment, data=data)
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)


@transaction.atomic
def confirm_list(period: Period, *, seen: str, actor: AbstractBaseUser) -> None:
    """Bind the watchlist that is attached to a period to the authority. Only then is it searched.

    seen: the hash of the sealed list, as shown to the officer.

    Raises:
        Refused: the officer's rank is too low, they worked on the list or the application, or the list goes beyond the
            authority.
        Conflict: another list is attached now, it is no longer sealed, or it is confirmed already.
    """
    require(actor, AUTHORISE_DEPLOYMENT)
    lock_period(period)
    deployment, watchlist = period.deployment, period.watchlist
    refuse_writer(deployment, actor)
    require_authorising(actor, rank_needed(deployment))
    if not deployment.authority_holds() or period.went_live_at is not None or period.ended_at is not None:
        raise Conflict("The authority or the period is over, or the period has gone live.")
    if watchlist is None or watchlist.sealed_hash != seen or watchlist.state != Watchlist.State.SEALED:
        raise Conflict("The watchlist has changed since you opened it. Look at it again before you confirm it.")
    if period.list_confirmed_at is not None:
        raise Conflict("This watchlist is already confirmed.")
    refuse_contributor(watchlist, actor)
    problems = list_fit.misfits(watchlist, deployment)
    if problems:
        raise Refused(" ".join(problems) + " Return the watchlist.")
    period.list_confirmed_at, period.list_confirmed_by_id = timezone.now(), actor.pk
    period.save(update_fields=["list_confirmed_at", "list_confirmed_by"])
    data: JournalData = {"period": str(period.pk), "watchlist": str(watchlist.pk), "sha256": seen}
    record(Action.LIST_CONFIRMED, actor=actor, target=deployment, data={**data, "rank": rank_of(actor)})
    executable.sign(deployment, Amendment.LIST_CONFIRMED, actor=actor, period=period)
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)


@transaction.atomic
def return_list(period: Period, *, reason: str, actor: AbstractBaseUser) -> None:
    """Detach the watchlist of a period, because it is not the one that the authority was meant for.

    Raises:
        Refused: no reason is given. Conflict: no list is attached, or the period has gone live.
    """
    require(actor, AUTHORISE_DEPLOYMENT)
    require_trained(actor, Task.AUTHORISING)
    lock_period(period)
    if period.watchlist is None or period.went_live_at is not None:
        raise Conflict("No watchlist is attached, or the period has gone live.")
    if not reason.strip():
        raise Refused("Enter why the watchlist is returned.")
    refuse_names_on_file(reason)
    data: JournalData = {"period": str(period.pk), "watchlist": str(period.watchlist_id), "reason": reason.strip()}
    period.watchlist, period.list_size = None, 0
    period.list_confirmed_at, period.list_confirmed_by = None, None
    period.save(update_fields=["watchlist", "list_size", "list_confirmed_at", "list_confirmed_by"])
    record(Action.LIST_RETURNED, actor=actor, target=period.deployment, data=data)
    executable.sign(period.deployment, Amendment.LIST_RETURNED, actor=actor, period=period)
    announce(period.deployment_id, Event.DEPLOYMENT_CHANGED, period.deployment_id)
