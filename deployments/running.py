"""Acts that put cameras on and off. Every way off shuts every socket; the clock takes it when nobody does."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.actors import CLOCK, Actor, System
from core.errors import Conflict, Refused
from core.machine import JournalData, move
from core.permissions import require
from deployments import bluetest, documents
from deployments.bluetest import end_tests
from deployments.events import announce
from deployments.locks import lock_deployment, lock_period
from deployments.models import STEPS, Camera, Deployment, Document, Period
from deployments.policy import CHOSEN_HALTS, Halt
from deployments.readiness import BACKWARDS, RUN, next_period, not_who_authorised, obstacles, verdict_of
from watchlists import operations as watchlist_operations
from watchlists.models import Watchlist
from watchlists.operations import refuse_names_on_file

logger = logging.getLogger(__name__)

HALT = "deployments.halt_deployment"
GOVERNOR = System("the governor")
_S = Deployment.State


@transaction.atomic
def go_live(deployment: Deployment, *, actor: AbstractBaseUser) -> None:
    """Put the cameras of the period that covers this moment on, once everything is true again.

    Raises:
        Refused: too early, too late, or with the readiness checks that are not done. Conflict: it is not ready.
    """
    require(actor, RUN)
    period = _current(deployment)
    not_who_authorised(deployment, actor)
    if deployment.state != _S.READY:
        raise Conflict(f"This deployment is {deployment.get_state_display().lower()}, not ready.")
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
    announce(deployment.id, "deployment.live", deployment.id)


@transaction.atomic
def unready(deployment: Deployment, *, actor: Actor) -> None:
    """Note that a readiness check is no longer done."""
    lock_deployment(deployment)
    move(deployment, STEPS["unready"], actor=actor)
    announce(deployment.id, "deployment.changed", deployment.id)


@transaction.atomic
def pause(deployment: Deployment, *, code: str, detail: str = "", actor: Actor) -> None:
    """Shut the cameras for now.

    Raises:
        Refused: no such reason. Conflict: it is not live.
    """
    lock_deployment(deployment)
    _pause(deployment, code, detail, actor)


@transaction.atomic
def resume(deployment: Deployment, *, actor: AbstractBaseUser) -> None:
    """Put the cameras on again: everything is asked for as at the start.

    Raises:
        Refused: with the readiness checks that are not done. Conflict: it is not paused.
    """
    require(actor, RUN)
    period = _current(deployment)
    not_who_authorised(deployment, actor)
    if deployment.state != _S.PAUSED or not period.is_running:
        raise Conflict(f"This deployment is {deployment.get_state_display().lower()}, not paused.")
    missing = obstacles(period)
    if missing:
        raise Refused(" ".join(missing))
    bluetest.end_now(period, actor=actor)
    move(deployment, STEPS["resume"], actor=actor, data={"period": str(period.pk)})
    announce(deployment.id, "deployment.live", deployment.id)


@transaction.atomic
def count_officers(period: Period, *, count: int, actor: AbstractBaseUser) -> None:
    """How many officers are there to respond. With fewer than were authorised, live cameras are paused."""
    require(actor, RUN)
    lock_period(period)
    deployment = period.deployment
    if not deployment.has_authority or period.ended_at is not None:
        raise Conflict("This period is over, or its deployment has no authority.")
    if not 0 <= count <= 1000:
        raise Refused("Count the officers who are there.")
    period.officers_present, period.officers_counted_at = count, timezone.now()
    period.save(update_fields=["officers_present", "officers_counted_at"])
    data: JournalData = {"officers": count, "period": str(period.pk)}
    record(Action.OFFICERS_COUNTED, actor=actor, target=deployment, data=data)
    needed = deployment.officers_planned or 1
    if deployment.state == _S.LIVE and period.is_running and count < needed:
        _pause(deployment, Halt.RESPONSE, f"{count} officers are present; {needed} were authorised.", actor=GOVERNOR)
    announce(deployment.id, "deployment.changed", deployment.id)


@transaction.atomic
def end_period(deployment: Deployment, *, code: str = Halt.DONE, detail: str = "", actor: Actor) -> None:
    """End the period that runs: its lists are closed. With another one ahead the deployment stands down until then;
    otherwise it ends. The end is never later than the period's or the authority's, however late it is noticed.

    Raises:
        Refused: no such reason, or it names somebody on the list. Conflict: nothing runs.
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
    announce(deployment.id, "deployment.shut" if goes_on else "deployment.ended", deployment.id)
    if not goes_on:
        documents.make_or_leave(deployment, Document.Kind.CANCELLATION)


@transaction.atomic
def stop(deployment: Deployment, *, code: str, detail: str = "", actor: AbstractBaseUser) -> None:
    """End everything at once and for good, periods to come included.

    Raises:
        Refused: no such reason, or it names somebody on the list. Conflict: cameras are neither on nor about to be.
    """
    require(actor, HALT)
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
    announce(deployment.id, "deployment.ended", deployment.id)
    documents.make_or_leave(deployment, Document.Kind.CANCELLATION)


def end_run_out(*, at: dt.datetime | None = None) -> list[Deployment]:
    """End whatever runs past its period or its authority; returns it."""
    ended = []
    for deployment in Deployment.objects.run_out(at or timezone.now()):
        try:
            end_period(deployment, code=Halt.AUTHORITY, detail="The time is over.", actor=CLOCK)
        except Exception:
            # Cameras are shut by the time itself; the rest is tried again, and the others end on time.
            logger.exception("A deployment could not be ended")
        else:
            ended.append(deployment)
    return ended


def lapse_unstarted(*, at: dt.datetime | None = None) -> int:
    """Close what did not go live in time; returns how many."""
    now = at or timezone.now()
    return sum(_isolated(lambda each: _expire(each, now), deployment) for deployment in Deployment.objects.lapsed(now))


def watch_running(*, at: dt.datetime | None = None) -> int:
    """Pause what runs with too low a recognition rate, or too many false alerts; returns how many."""
    now = at or timezone.now()
    return sum(_isolated(lambda each: _watch(each, now), deployment) for deployment in Deployment.objects.live(now))


def _isolated(act: Callable[[Deployment], bool], deployment: Deployment) -> bool:
    """What goes wrong with one deployment costs no other its time."""
    try:
        return act(deployment)
    except Exception:
        logger.exception("The clock could not deal with a deployment")
        return False


def _watch(deployment: Deployment, now: dt.datetime) -> bool:
    period = deployment.periods.get(went_live_at__isnull=False, ended_at__isnull=True)
    low = [rate for rate in bluetest.rates(period, at=now) if rate.is_below_floor]
    verdict = verdict_of(deployment)
    if low:
        said = "; ".join(f"{rate.camera}: {rate.recognised} of {rate.passes} recognised" for rate in low)
        pause(deployment, code=Halt.RECOGNITION, detail=f"{said}.", actor=GOVERNOR)
    elif verdict.level == "pause":
        pause(deployment, code=Halt.FALSE_ALERTS, detail=verdict.why, actor=GOVERNOR)
    return bool(low) or verdict.level == "pause"


def distrust_clock(last: dt.datetime, now: dt.datetime) -> int:
    """Shut everything when the clock has gone back: no authority may be longer than it was given for.

    It goes on once clocks were compared anew. last: the latest moment that the journal knows. Returns how many.
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
    # They were measured against the clock as it was.
    Camera.objects.filter(period__ended_at__isnull=True).update(clock_checked_at=None)
    return len(live)


def judge(deployment: Deployment) -> None:
    """Part of an act that tells of a false alert and holds the deployment: pause it when they are too many."""
    verdict = verdict_of(deployment)
    if verdict.level == "pause" and deployment.state == _S.LIVE:
        _pause(deployment, Halt.FALSE_ALERTS, verdict.why, GOVERNOR)


@transaction.atomic
def _expire(deployment: Deployment, now: dt.datetime) -> bool:
    lock_deployment(deployment)
    if not Deployment.objects.lapsed(now).filter(pk=deployment.pk).exists():
        # Its authority was confirmed meanwhile.
        return False
    had_authority = deployment.has_authority
    end_tests(deployment, actor=CLOCK)
    changes = _ended(timezone.now(), Halt.AUTHORITY, "It did not go live in time.")
    # What took place in part is reviewed and closed like what took place.
    took_place = deployment.periods.filter(went_live_at__isnull=False).exists()
    move(deployment, STEPS["end" if took_place else "expire"], actor=CLOCK, changes=changes)
    announce(deployment.id, "deployment.ended", deployment.id)
    if had_authority:
        documents.make_or_leave(deployment, Document.Kind.CANCELLATION)
    return True


def _pause(deployment: Deployment, code: str, detail: str, actor: Actor) -> None:
    _of_reason(code, detail, actor)
    move(deployment, STEPS["pause"], actor=actor, data={"code": code, "reason": detail})
    announce(deployment.id, "deployment.shut", deployment.id)


def _of_reason(code: str, detail: str, actor: Actor) -> None:
    # What the system finds is not for people to choose.
    choice = tuple(Halt) if isinstance(actor, System) else CHOSEN_HALTS
    if code not in choice:
        raise Refused("Choose one of the reasons shown.")
    if detail and not isinstance(actor, System):
        refuse_names_on_file(detail)


def _current(deployment: Deployment) -> Period:
    """The period that covers this moment, held.

    Raises:
        Refused: none does.
    """
    lock_deployment(deployment)
    now = timezone.now()
    period = next_period(deployment, now)
    if period is None:
        raise Refused("The authority has ended.")
    lock_period(period)
    deployment.refresh_from_db()
    if period.starts_at is not None and now < period.starts_at:
        start = timezone.localtime(period.starts_at)
        raise Refused(f"The period starts at {start:%H:%M on %d %B}; it cannot go live before.")
    if not deployment.has_authority:
        raise Conflict(f"This deployment is {deployment.get_state_display().lower()}.")
    if not deployment.authority_holds(now):
        raise Refused("The authority has ended.")
    return period


def _running(deployment: Deployment) -> Period:
    lock_deployment(deployment)
    period = deployment.periods.filter(went_live_at__isnull=False, ended_at__isnull=True).first()
    if period is None:
        raise Conflict(f"This deployment is {deployment.get_state_display().lower()}: nothing runs.")
    lock_period(period)
    deployment.refresh_from_db()
    return period


def _ending(period: Period, now: dt.datetime) -> dt.datetime:
    return min(end for end in (now, period.ends_at, period.deployment.authority_ends_at) if end is not None)


def _note_ended(period: Period, ended_at: dt.datetime) -> None:
    period.ended_at = ended_at
    period.save(update_fields=["ended_at"])


def _ended(at: dt.datetime, code: str, detail: str) -> dict[str, object]:
    return {"ended_at": at, "end_code": code, "end_reason": detail[:400]}


def _lists(period: Period) -> list[Watchlist]:
    return [watchlist for watchlist in (period.watchlist, period.blue_list) if watchlist is not None]


def _close_lists(period: Period, ended_at: dt.datetime) -> None:
    for watchlist in _lists(period):
        watchlist_operations.close(watchlist, actor=System(f"deployment {period.deployment.number}"), ended_at=ended_at)
