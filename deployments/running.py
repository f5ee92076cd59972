"""Acts that turn cameras on and off. Turning off closes every stream; it happens on time even if nobody does it."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.actors import CLOCK, SAFEGUARD, Actor, System
from core.errors import Conflict, Refused
from core.machine import JournalData, move
from core.permissions import require
from core.sockets import Event
from deployments import bluetest, ceiling, documents, pauses
from deployments.bluetest import end_tests
from deployments.choices import CHOSEN_HALTS, Halt
from deployments.events import announce
from deployments.governor import Level
from deployments.locks import lock_deployment, lock_period
from deployments.models import STEPS, Camera, Deployment, Document, Period
from deployments.permissions import HALT_DEPLOYMENT, RUN_DEPLOYMENT
from deployments.readiness import BACKWARDS, next_period, obstacles, require_commander, verdict_of
from watchlists import operations as watchlist_operations
from watchlists.models import Watchlist
from watchlists.operations import refuse_names_on_file

logger = logging.getLogger(__name__)

_S = Deployment.State


@transaction.atomic
def go_live(deployment: Deployment, *, actor: AbstractBaseUser) -> None:
    """Turn on the cameras of the present period, after repeating its readiness checks.

    Raises:
        Refused: too early, too late, or a readiness check is not done. Conflict: the deployment is not ready.
    """
    require(actor, RUN_DEPLOYMENT)
    period = _current(deployment)
    require_commander(deployment, actor)
    if deployment.state != _S.READY:
        raise Conflict(f"This deployment is {deployment.quoted_state}, so it cannot go live.")
    missing = obstacles(period)
    if missing:
        raise Refused(" ".join(missing))
    now = timezone.now()
    bluetest.end_now(period, actor=actor)
    period.went_live_at = now
    period.list_size = period.watchlist.size if period.watchlist is not None else 0
    period.save(update_fields=["went_live_at", "list_size"])
    move(deployment, STEPS["go_live"], actor=actor, data={"period": str(period.pk), "people": period.list_size})
    for watchlist in _lists(period):
        watchlist_operations.go_live(watchlist, actor=System(f"deployment {deployment.number}"))
    announce(deployment.id, Event.DEPLOYMENT_LIVE, deployment.id)


@transaction.atomic
def unready(deployment: Deployment, *, actor: Actor) -> None:
    """Record that a deployment is no longer ready."""
    lock_deployment(deployment)
    move(deployment, STEPS["unready"], actor=actor)
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)


@transaction.atomic
def pause(deployment: Deployment, *, code: str, detail: str = "", actor: Actor) -> None:
    """Pause a deployment: its cameras turn off until it is resumed.

    Raises:
        Refused: the reason is not one of those offered. Conflict: the deployment is not live.
    """
    lock_deployment(deployment)
    _pause(deployment, code, detail, actor)


@transaction.atomic
def resume(deployment: Deployment, *, actor: AbstractBaseUser) -> None:
    """Resume a paused deployment, after repeating its readiness checks.

    Raises:
        Refused: a readiness check is not done. Conflict: the deployment is not paused.
    """
    require(actor, RUN_DEPLOYMENT)
    period = _current(deployment)
    require_commander(deployment, actor)
    if deployment.state != _S.PAUSED or not period.is_running:
        raise Conflict(f"This deployment is {deployment.quoted_state}, so it cannot be resumed.")
    missing = obstacles(period)
    if missing:
        raise Refused(" ".join(missing))
    bluetest.end_now(period, actor=actor)
    move(deployment, STEPS["resume"], actor=actor, data={"period": str(period.pk)})
    pauses.end(period, timezone.now())
    announce(deployment.id, Event.DEPLOYMENT_LIVE, deployment.id)


@transaction.atomic
def count_officers(period: Period, *, count: int, actor: AbstractBaseUser) -> None:
    """Record how many officers are present to respond, and pause a live deployment if there are too few."""
    require(actor, RUN_DEPLOYMENT)
    lock_period(period)
    deployment = period.deployment
    if not deployment.has_authority or period.ended_at is not None:
        raise Conflict("This period is over, or its deployment has no authority.")
    if not 0 <= count <= 1000:
        raise Refused("Enter the number of officers present, from 0 to 1,000.")
    period.officers_present, period.officers_counted_at = count, timezone.now()
    period.save(update_fields=["officers_present", "officers_counted_at"])
    data: JournalData = {"officers": count, "period": str(period.pk)}
    record(Action.OFFICERS_COUNTED, actor=actor, target=deployment, data=data)
    needed = deployment.officers_planned or 1
    if deployment.state == _S.LIVE and period.is_running and count < needed:
        _pause(deployment, Halt.RESPONSE, f"Officers present: {count}. At least {needed} are needed.", actor=SAFEGUARD)
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)


@transaction.atomic
def end_period(deployment: Deployment, *, code: str = Halt.DONE, detail: str = "", actor: Actor) -> None:
    """End the running period and close its watchlists.

    If another period is to come, the deployment stands down until then; otherwise it ends. The recorded end is never
    later than the end of the period or the authority, even if the act comes later.

    Raises:
        Refused: the reason is not one of those offered, or names someone on a watchlist.
        Conflict: no period is running.
    """
    period = _running(deployment)
    _of_reason(code, detail, actor)
    now = timezone.now()
    ended_at = _ending(period, now)
    ahead = deployment.periods.filter(went_live_at__isnull=True, ends_at__gt=now).exclude(pk=period.pk)
    goes_on = deployment.authority_holds(now) and ahead.exists()
    data = {"period": str(period.pk), "code": code, "reason": detail}
    _note_ended(period, ended_at)
    if goes_on:
        move(deployment, STEPS["stand_down"], actor=actor, data=data)
    else:
        move(deployment, STEPS["end"], actor=actor, changes=_ended(ended_at, code, detail), data=data)
    _close_lists(period, ended_at)
    announce(deployment.id, Event.DEPLOYMENT_NOT_LIVE if goes_on else Event.DEPLOYMENT_ENDED, deployment.id)
    if not goes_on:
        documents.make_or_leave(deployment, Document.Kind.CANCELLATION)


@transaction.atomic
def stop(deployment: Deployment, *, code: str, detail: str = "", actor: AbstractBaseUser) -> None:
    """Stop a deployment at once and permanently, including any periods to come.

    Raises:
        Refused: the reason is not one of those offered, or names someone on a watchlist.
        Conflict: the deployment is not in a state that can be stopped.
    """
    require(actor, HALT_DEPLOYMENT)
    lock_deployment(deployment)
    period = deployment.periods.filter(went_live_at__isnull=False, ended_at__isnull=True).first()
    if period is not None:
        lock_period(period)
        deployment.refresh_from_db()
    _of_reason(code, detail, actor)
    now = timezone.now()
    ended_at = _ending(period, now) if period is not None else now
    if period is not None:
        _note_ended(period, ended_at)
    end_tests(deployment, actor=actor)
    data = {"code": code, "reason": detail}
    move(deployment, STEPS["stop"], actor=actor, changes=_ended(ended_at, code, detail), data=data)
    if period is not None:
        _close_lists(period, ended_at)
    announce(deployment.id, Event.DEPLOYMENT_ENDED, deployment.id)
    documents.make_or_leave(deployment, Document.Kind.CANCELLATION)


def end_run_out(*, at: dt.datetime | None = None) -> list[Deployment]:
    """End the deployments that run past their period or authority, and return them."""
    ended = []
    for deployment in Deployment.objects.run_out(at or timezone.now()):
        try:
            end_period(deployment, code=_what_ran_out(deployment, at or timezone.now()), actor=CLOCK)
        except Exception:
            # Streams close at this time in any case. The rest is tried again, and the other deployments end on time.
            logger.exception("A deployment could not be ended")
        else:
            ended.append(deployment)
    return ended


def _what_ran_out(deployment: Deployment, now: dt.datetime) -> Halt:
    """Return whether the watchlist expired, the authority ended, or only the period."""
    running = deployment.periods.filter(went_live_at__isnull=False, ended_at__isnull=True)
    period = running.select_related("watchlist").first()
    expires = period.watchlist.expires_at if period is not None and period.watchlist is not None else None
    if expires is not None and expires <= now:
        return Halt.LIST
    until = deployment.ends_at if period is None else period.ends_at
    authority_end = deployment.authority_ends_at
    if authority_end is None or authority_end > now or (until is not None and until <= authority_end):
        return Halt.END_OF_PERIOD
    return Halt.AUTHORITY


def lapse_unstarted(*, at: dt.datetime | None = None) -> int:
    """Close the deployments that did not go live in time, and return how many."""
    now = at or timezone.now()
    return sum(_isolated(lambda each: _expire(each, now), deployment) for deployment in Deployment.objects.lapsed(now))


def watch_running(*, at: dt.datetime | None = None) -> int:
    """Pause deployments with too low a recognition rate or too many false alerts, and return how many."""
    now = at or timezone.now()
    return sum(_isolated(lambda each: _watch(each, now), deployment) for deployment in Deployment.objects.live(now))


def _isolated(act: Callable[[Deployment], bool], deployment: Deployment) -> bool:
    """Act on one deployment. A failure is logged, so that it does not affect the others."""
    try:
        return act(deployment)
    except Exception:
        logger.exception("A scheduled act on a deployment failed")
        return False


def _watch(deployment: Deployment, now: dt.datetime) -> bool:
    period = deployment.periods.get(went_live_at__isnull=False, ended_at__isnull=True)
    low = [rate for rate in bluetest.rates(period, at=now) if rate.is_below_floor]
    if low:
        shares = "; ".join(f"{rate.camera}: {rate.recognised} of {rate.passes} recognised" for rate in low)
        pause(deployment, code=Halt.RECOGNITION, detail=f"{shares}.", actor=SAFEGUARD)
        return True
    verdict, question = verdict_of(deployment), deployment.ceiling_question
    if verdict.level == Level.PAUSE:
        pause(deployment, code=Halt.FALSE_ALERTS, detail=verdict.why, actor=SAFEGUARD)
        return True
    return question is not None and _watch_ceiling(deployment, now)


@transaction.atomic
def _watch_ceiling(deployment: Deployment, now: dt.datetime) -> bool:
    """Withdraw the question to the commander if it no longer arises, and pause when its time is over."""
    lock_deployment(deployment)
    question = ceiling.follow(deployment, at=now)
    if question is None or now < question.due_at or deployment.state != _S.LIVE:
        return False
    detail = f"No decision to continue was recorded in time. {verdict_of(deployment).why}"
    _pause(deployment, Halt.FALSE_ALERTS, detail, SAFEGUARD)
    return True


def distrust_clock(last: dt.datetime, now: dt.datetime) -> int:
    """Pause all live deployments and end all tests if the clock has gone back, so that no authority is prolonged.

    They can resume once the clocks have been compared again. last: the latest time in the audit log. Returns the number
    of deployments paused.
    """
    if last - now <= BACKWARDS:
        return 0
    detail = f"The clock went back by {(last - now).total_seconds():.0f} s."
    for period in Period.objects.filter(test_until__isnull=False, ended_at__isnull=True).select_related("deployment"):
        bluetest.end(period, actor=CLOCK)
    live = list(Deployment.objects.filter(state=_S.LIVE))
    for deployment in live:
        pause(deployment, code=Halt.CLOCK, detail=detail, actor=CLOCK)
    Period.objects.filter(ended_at__isnull=True).update(clock_checked_at=None)
    # These offsets were measured against the clock before it went back.
    Camera.objects.filter(period__ended_at__isnull=True).update(clock_checked_at=None)
    return len(live)


def judge(deployment: Deployment, *, is_further: bool) -> None:
    """Act on a new number of false alerts: ask the commander, or pause. The caller has locked the deployment.

    is_further: whether there is one more, rather than one fewer.
    """
    verdict = verdict_of(deployment)
    ceiling.follow(deployment, is_further=is_further)
    if verdict.level == Level.PAUSE and deployment.state == _S.LIVE:
        _pause(deployment, Halt.FALSE_ALERTS, verdict.why, SAFEGUARD)


@transaction.atomic
def _expire(deployment: Deployment, now: dt.datetime) -> bool:
    lock_deployment(deployment)
    if not Deployment.objects.lapsed(now).filter(pk=deployment.pk).exists():
        # Its authority was confirmed in the meantime.
        return False
    had_authority = deployment.has_authority
    end_tests(deployment, actor=CLOCK)
    code = _what_ran_out(deployment, now)
    changes = _ended(timezone.now(), code, "The deployment did not go live in time.")
    # A deployment that took place in part is reviewed and closed like any other.
    took_place = deployment.periods.filter(went_live_at__isnull=False).exists()
    move(deployment, STEPS["end" if took_place else "expire"], actor=CLOCK, changes=changes)
    announce(deployment.id, Event.DEPLOYMENT_ENDED, deployment.id)
    if had_authority:
        documents.make_or_leave(deployment, Document.Kind.CANCELLATION)
    return True


def _pause(deployment: Deployment, code: str, detail: str, actor: Actor) -> None:
    _of_reason(code, detail, actor)
    move(deployment, STEPS["pause"], actor=actor, data={"code": code, "reason": detail})
    pauses.begin(deployment, timezone.now(), code=code, detail=detail, actor=actor)
    announce(deployment.id, Event.DEPLOYMENT_NOT_LIVE, deployment.id)


def _of_reason(code: str, detail: str, actor: Actor) -> None:
    # Some reasons can only be given by the system.
    choice = tuple(Halt) if isinstance(actor, System) else CHOSEN_HALTS
    if code not in choice:
        raise Refused("Select one of the reasons shown.")
    if detail and not isinstance(actor, System):
        refuse_names_on_file(detail)


def _current(deployment: Deployment) -> Period:
    """Lock and return the period that covers this moment.

    Raises:
        Refused: no period does, or the authority has ended. Conflict: the deployment has no authority.
    """
    lock_deployment(deployment)
    now = timezone.now()
    period = next_period(deployment, now)
    if period is None:
        raise Refused("All periods of this deployment have ended.")
    lock_period(period)
    deployment.refresh_from_db()
    if period.starts_at is not None and now < period.starts_at:
        start = timezone.localtime(period.starts_at)
        raise Refused(f"The period starts at {start:%H:%M on %d %B} and cannot go live before then.")
    if not deployment.has_authority:
        raise Conflict(f"This deployment is {deployment.quoted_state}.")
    if not deployment.authority_holds(now):
        raise Refused("The authority has ended.")
    return period


def _running(deployment: Deployment) -> Period:
    lock_deployment(deployment)
    period = deployment.periods.filter(went_live_at__isnull=False, ended_at__isnull=True).first()
    if period is None:
        raise Conflict(f"This deployment is {deployment.quoted_state}, and no period is running.")
    lock_period(period)
    deployment.refresh_from_db()
    return period


def _ending(period: Period, now: dt.datetime) -> dt.datetime:
    return min(end for end in (now, period.ends_at, period.deployment.authority_ends_at) if end is not None)


def _note_ended(period: Period, ended_at: dt.datetime) -> None:
    period.ended_at = ended_at
    period.save(update_fields=["ended_at"])
    pauses.end(period, ended_at)


def _ended(at: dt.datetime, code: str, detail: str) -> dict[str, object]:
    return {"ended_at": at, "end_code": code, "end_reason": detail[:400]}


def _lists(period: Period) -> list[Watchlist]:
    return [watchlist for watchlist in (period.watchlist, period.blue_list) if watchlist is not None]


def _close_lists(period: Period, ended_at: dt.datetime) -> None:
    for watchlist in _lists(period):
        watchlist_operations.close(watchlist, actor=System(f"deployment {period.deployment.number}"), ended_at=ended_at)
