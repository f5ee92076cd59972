"""Pauses as rows, and the time for which cameras were live without them."""

from __future__ import annotations

import datetime as dt

from django.db.models.functions import Greatest

from core.actors import Actor, System
from deployments.models import Deployment, Pause, Period


def begin(deployment: Deployment, at: dt.datetime, *, code: str, detail: str, actor: Actor) -> None:
    """Note that the running period is paused. The caller has locked the deployment."""
    period = deployment.periods.get(went_live_at__isnull=False, ended_at__isnull=True)
    by = None if isinstance(actor, System) else actor.pk
    Pause.objects.create(period=period, began_at=at, code=code, detail=detail, by_id=by)


def end(period: Period, at: dt.datetime) -> None:
    """Note that a period was resumed or is over. Does nothing if it is not paused."""
    # A period is never recorded as ending later than it was authorised for, and may have been paused after that.
    period.pauses.filter(ended_at__isnull=True).update(ended_at=Greatest("began_at", at))


def live_time(period: Period, now: dt.datetime) -> dt.timedelta:
    """Return for how long the cameras of a period were live by now: from going live to its end, without its pauses."""
    if period.went_live_at is None:
        return dt.timedelta()
    until = period.ended_at or now
    return max(until - period.went_live_at - paused_time(period, until), dt.timedelta())


def paused_time(period: Period, now: dt.datetime) -> dt.timedelta:
    """Return for how long a period was paused, until its end or now."""
    until = period.ended_at or now
    spans = (min(pause.ended_at or until, until) - min(pause.began_at, until) for pause in period.pauses.all())
    return sum(spans, dt.timedelta())
