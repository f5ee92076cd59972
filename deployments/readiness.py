"""Readiness checks: each is recorded by the officer who did it, and all are repeated at every start."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from audit.models import Entry
from core.errors import Conflict, Refused
from core.machine import JournalData, move
from core.permissions import require
from core.sockets import Event
from deployments import (
    bluetest,
    clock_comparison,
    executable,
    governing,
    governor,
    lead_time,
    list_fit,
    signs,
    staffing,
)
from deployments.events import announce
from deployments.governor import Level
from deployments.locks import lock_deployment, lock_period
from deployments.models import STEPS, Deployment, Period, last_day
from deployments.offsets import ClockMoved, Offset
from deployments.permissions import RUN_DEPLOYMENT
from deployments.signs import lock_for_preparation
from training.models import Task
from training.register import require_trained
from watchlists import engines, thresholds
from watchlists.models import Watchlist

# After the clock goes back by more than this, it cannot be relied on to end an authority on time.
BACKWARDS = dt.timedelta(seconds=5)
BRIEFING_HOLDS = dt.timedelta(hours=12)


@dataclass(frozen=True)
class Check:
    """The result of one readiness check. why: what is wrong, or what was found."""

    name: str
    label: str
    holds: bool
    why: str


def next_period(deployment: Deployment, at: dt.datetime | None = None) -> Period | None:
    """Return the running period or, if there is none, the next one."""
    moment = at or timezone.now()
    ahead = deployment.periods.filter(ended_at__isnull=True, ends_at__gt=moment).select_related(
        "watchlist", "blue_list"
    )
    return ahead.order_by("starts_at").first()


def checks(period: Period, *, at: dt.datetime | None = None) -> list[Check]:
    """Make every readiness check of this period and return the results."""
    now = at or timezone.now()
    return [
        _authority(period, now),
        _terms(period),
        _governing(period, now),
        _notice(period, now),
        _list(period, now),
        _engine(period, now),
        _signs(period),
        _posted(period),
        _briefing(period, now),
        _officers(period, now),
        _clock(period, now),
        _recognition(period, now),
        _false_alerts(period),
    ]


def obstacles(period: Period, *, at: dt.datetime | None = None) -> list[str]:
    """Return the reasons why cameras cannot be turned on; empty if there are none."""
    return [check.why for check in checks(period, at=at) if not check.holds]


@transaction.atomic
def record_briefing(period: Period, *, briefing: str, actor: AbstractBaseUser) -> None:
    """Record that everyone was briefed. briefing: the subjects, and who gave it."""
    lock_for_preparation(period, actor)
    if not briefing.strip():
        raise Refused("Enter what was briefed and by whom.")
    period.briefed_at, period.briefed_by_id, period.briefing = timezone.now(), actor.pk, briefing.strip()[:400]
    period.save(update_fields=["briefed_at", "briefed_by", "briefing"])
    record(Action.BRIEFING_RECORDED, actor=actor, target=period.deployment, data={"period": str(period.pk)})
    announce(period.deployment_id, Event.DEPLOYMENT_CHANGED, period.deployment_id)


@transaction.atomic
def check_clock(period: Period, *, device: Offset, actor: AbstractBaseUser) -> Check:
    """Store how far the clocks of the commander's device and the database are from this server's.

    device: as the device estimated it from round trips. Returns the readiness check of the clocks.

    Raises:
        Refused: the connection to the device is too slow to tell, or this server's clock was set during the comparison.
    """
    lock_for_preparation(period, actor)
    if device.uncertainty_ms > clock_comparison.MOST_UNCERTAIN_MS:
        raise Refused("Your connection is too slow to compare clocks. Try again on a better connection.")
    try:
        database = clock_comparison.database_offset()
    except ClockMoved as error:
        raise Refused("This server's clock was set during the comparison. Compare the clocks again.") from error
    period.device_offset_ms, period.device_uncertainty_ms = device.ms, device.uncertainty_ms
    period.database_offset_ms, period.database_uncertainty_ms = database.ms, database.uncertainty_ms
    period.clock_checked_at = timezone.now()
    period.save(update_fields=clock_comparison.FIELDS)
    data: JournalData = {
        "device_offset_ms": round(device.ms),
        "device_uncertainty_ms": math.ceil(device.uncertainty_ms),
        "database_offset_ms": round(database.ms),
        "database_uncertainty_ms": math.ceil(database.uncertainty_ms),
        "period": str(period.pk),
    }
    record(Action.CLOCK_CHECKED, actor=actor, target=period.deployment, data=data)
    announce(period.deployment_id, Event.DEPLOYMENT_CHANGED, period.deployment_id)
    return _clock(period, timezone.now())


@transaction.atomic
def make_ready(deployment: Deployment, *, actor: AbstractBaseUser) -> None:
    """Mark a deployment as ready.

    Raises:
        Refused: a readiness check is not done; the message lists them. Conflict: the state is not NOTIFIED.
    """
    require(actor, RUN_DEPLOYMENT)
    lock_deployment(deployment)
    if deployment.state != Deployment.State.NOTIFIED:
        raise Conflict(f"This deployment is {deployment.quoted_state}.")
    period = next_period(deployment)
    if period is None:
        raise Refused("All periods of this deployment have ended.")
    lock_period(period)
    require_commander(deployment, actor)
    missing = obstacles(period)
    if missing:
        raise Refused(" ".join(missing))
    move(deployment, STEPS["make_ready"], actor=actor, data={"period": str(period.pk)})
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)


def require_commander(deployment: Deployment, actor: AbstractBaseUser) -> None:
    """Raise `Refused` if the actor authorised the deployment, or is not trained to command one.

    Pausing and ending need neither.
    """
    if actor.pk == deployment.authorised_by_id:
        raise Refused("You authorised this deployment, so you cannot run it. Another officer must do so.")
    require_trained(actor, Task.COMMANDER)


def latest_moment() -> dt.datetime | None:
    """Return the latest time among recent audit log entries, even if the clock has since gone back."""
    recent = Entry.objects.order_by("-id").values_list("at", flat=True)[:1000]
    return max(recent, default=None)


def _authority(period: Period, now: dt.datetime) -> Check:
    deployment = period.deployment
    holds = deployment.authority_holds(now)
    end = deployment.authority_ends_at
    why = f"Until {timezone.localtime(end):%H:%M on %d %B}." if holds and end else "The authority is not in force."
    return Check("authority", "Authority", holds, why)


def _terms(period: Period) -> Check:
    """Whether the signed authority can be verified, and the records still say what it says."""
    label = "Signed authority"
    signed = period.deployment.authorities.filter(sha256=period.deployment.authority_sha256).first()
    try:
        executable.verify(signed)
    except executable.NotVerified as problem:
        return Check("terms", label, False, str(problem))
    differing = executable.drift(signed) if signed is not None else []
    if differing:
        where = "; ".join(path for path, _, _ in differing[:3])
        return Check("terms", label, False, f"The records differ from the signed authority: {where}.")
    return Check("terms", label, True, f"Verified, SHA-256 {period.deployment.authority_sha256[:12]}…")


def _governing(period: Period, now: dt.datetime) -> Check:
    problems = governing.problems_of(period.deployment, timezone.localdate(now))
    return Check("governing", "Governing documents", not problems, " ".join(problems) or "All in force.")


def _notice(period: Period, now: dt.datetime) -> Check:
    holds, why = lead_time.of_notice(period, now)
    return Check("notice", "Public notice", holds, why)


def _list(period: Period, now: dt.datetime) -> Check:
    watchlist = period.watchlist
    label = "Watchlist"
    if watchlist is None:
        return Check("list", label, False, "No watchlist is attached.")
    usable = watchlist.state == (Watchlist.State.LIVE if period.is_running else Watchlist.State.SEALED)
    if not usable:
        return Check("list", label, False, f"The watchlist is {watchlist.quoted_state}.")
    if watchlist.expires_at is not None and watchlist.expires_at <= now:
        return Check("list", label, False, "The watchlist has expired.")
    problems = list_fit.misfits(watchlist, period.deployment)
    if problems:
        return Check("list", label, False, " ".join(problems))
    if period.list_confirmed_at is None:
        return Check("list", label, False, "The authorising officer has not confirmed the watchlist yet.")
    people = "1 person" if watchlist.size == 1 else f"{watchlist.size:,} people"
    return Check("list", label, True, f"{people}, sealed at {timezone.localtime(watchlist.sealed_at):%H:%M on %d %B}.")


def _engine(period: Period, now: dt.datetime) -> Check:
    point = period.deployment.operating_point
    label = "Engine and threshold"
    if point is None:
        return Check("engine", label, False, "No threshold was authorised.")
    problems = thresholds.obstacles_to(point, timezone.localdate(now))
    for watchlist in (period.watchlist, period.blue_list):
        if watchlist is not None and watchlist.engine_id != point.engine_id:
            problems.append("A watchlist was sealed for a different recognition engine from the one authorised.")
    if engines.current_engine() != point.engine:
        problems.append("The recognition engine is not the one that was authorised.")
    return Check("engine", label, not problems, " ".join(problems) or f"{point.engine.model}, {point.threshold:.3f}.")


def _signs(period: Period) -> Check:
    label, missing = "Signs", signs.missing(period)
    if missing:
        return Check("signs", label, False, f"No sign is recorded as up on: {'; '.join(missing)}.")
    count = signs.up(period).count()
    return Check(
        "signs", label, count > 0, f"{count} up, on every approach." if count else "No sign has been recorded."
    )


def _briefing(period: Period, now: dt.datetime) -> Check:
    at = period.briefed_at
    holds = at is not None and now - at < BRIEFING_HOLDS
    return Check(
        "briefing",
        "Briefing",
        holds,
        f"At {timezone.localtime(at):%H:%M}." if holds and at else "No briefing was recorded in the last 12 hours.",
    )


def _posted(period: Period) -> Check:
    users = [posting.user for posting in period.deployment.postings.current().select_related("user")]
    trained = staffing.trained_until(users, last_day(period.ends_at))
    untrained = [str(user) for user in users if not trained[user.pk]]
    if untrained:
        why = f"Their training ends before the period, or was withdrawn: {', '.join(untrained)}. End these postings."
        return Check("posted", "Staff posted", False, why)
    operators = sum(Task.OPERATOR in tasks for tasks in trained.values())
    officers = sum(Task.ENGAGEMENT in tasks for tasks in trained.values())
    # Somebody trained as both does one of the two.
    holds = bool(operators and officers and len(users) > 1)
    why = f"{operators} at consoles, {officers} in the street, all trained."
    if not holds:
        why = "Post at least one LFR operator and one engagement officer to this deployment."
    return Check("posted", "Staff posted", holds, why)


def _officers(period: Period, now: dt.datetime) -> Check:
    present, needed = period.officers_present, period.deployment.officers_planned or 1
    counted = period.officers_counted_at
    is_fresh = counted is not None and now - counted < BRIEFING_HOLDS
    holds = present is not None and present >= needed and is_fresh
    why = f"{present or 0} present; at least {needed} are needed."
    if present is not None and not is_fresh:
        why = "The officers present were not counted in the last 12 hours."
    return Check("officers", "Officers", holds, why)


def _clock(period: Period, now: dt.datetime) -> Check:
    last = latest_moment()
    if last is not None and last - now > BACKWARDS:
        return Check("clock", "Clocks", False, "This server's clock went back. Correct it.")
    return Check("clock", "Clocks", *clock_comparison.finding(period, now))


def _recognition(period: Period, now: dt.datetime) -> Check:
    rates = bluetest.rates(period, at=now)
    label = "Recognition test"
    if settings.LFR_BLUE_PASSES == 0:
        return Check("recognition", label, True, "This installation does not require a recognition test.")
    short = [
        f"{rate.camera}: {rate.passes} of {settings.LFR_BLUE_PASSES} passes"
        if rate.passes < settings.LFR_BLUE_PASSES
        else f"{rate.camera}: {rate.share} recognised, below {settings.LFR_RECOGNITION_FLOOR:.0%}"
        for rate in rates
        if not rate.is_enough
    ]
    if short:
        return Check("recognition", label, False, f"Recognition test: {'; '.join(short)}.")
    shares = "; ".join(f"{rate.camera} {rate.recognised} of {rate.passes}" for rate in rates)
    return Check("recognition", label, True, f"{shares}.")


def verdict_of(deployment: Deployment) -> governor.Verdict:
    """Test the false alerts since the present threshold applied against the ceiling."""
    counted = deployment.counters()
    return governor.judge(
        deployment.false_governed,
        counted.faces - deployment.governed_from_faces,
        ceiling_of(deployment),
    )


def ceiling_of(deployment: Deployment) -> int:
    """Return the ceiling of false alerts, as faces per false alert: the signed one, or before that the setting."""
    try:
        return executable.verified(deployment.authority_sha256).faces_a_false_alert
    except executable.NotVerified:
        return settings.LFR_FACES_A_FALSE_ALERT


def _false_alerts(period: Period) -> Check:
    verdict = verdict_of(period.deployment)
    why, is_met = verdict.why, True
    if verdict.level == Level.PAUSE:
        is_met = False
        why += " The deployment can only continue after a change of threshold is proposed and approved."
    elif period.deployment.ceiling_question is not None:
        is_met = False
        why += " Record a decision to continue on the page of live operations first."
    return Check("false_alerts", "False alerts", is_met, why)
