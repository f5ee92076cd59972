"""Acts by which an entry is stood down in a part of one camera's picture, confirmed, lifted, or lapses.

This narrows what is looked at, so it may be done while the deployment is live, with a record.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from alerts.choices import StandDownReason
from alerts.models import Alert, StandDown
from alerts.permissions import DECIDE_ALERT
from alerts.places import region_around
from alerts.raising import places_of
from alerts.states import JOINED_AGAIN
from audit.actions import Action
from audit.journal import record
from core.actors import CLOCK, Actor
from core.errors import Conflict, Refused
from core.machine import JournalData
from core.permissions import require
from core.sockets import Event
from deployments.events import announce
from deployments.locks import lock_deployment
from deployments.permissions import RUN_DEPLOYMENT
from training.models import Task
from training.register import require_trained
from watchlists.operations import refuse_names_on_file

logger = logging.getLogger(__name__)


@transaction.atomic
def stand_down(alert: Alert, *, reason: str, detail: str = "", actor: AbstractBaseUser) -> StandDown:
    """Raise no more alerts on an alert's entry where it was matched, for `LFR_STAND_DOWN` at most.

    Raises:
        Refused: the alert was not decided as not the same, its period is not running, or the reason is not offered.
        Conflict: the entry is stood down there already.
    """
    require(actor, DECIDE_ALERT)
    require_trained(actor, Task.OPERATOR)
    lock_deployment(alert.camera.period.deployment)
    alert.refresh_from_db()
    now, period = timezone.now(), alert.camera.period
    until = alert.undo_until()
    if alert.kind != Alert.Kind.ALERT or alert.state not in JOINED_AGAIN:
        raise Refused("Only an entry whose possible match was decided as not the same can be stood down there.")
    if until is not None and now < until:
        raise Refused("Wait until the decision can no longer be undone, then stand the entry down.")
    if not period.is_running or period.ends_at is None:
        raise Refused("The period is over. There is nothing to stand down.")
    if reason not in StandDownReason.values:
        raise Refused("Select what is matched there.")
    refuse_names_on_file(detail)
    places = places_of(alert)
    if not places:
        raise Refused("This possible match has been purged. Stand the entry down from a later one.")
    if StandDown.objects.active(now).filter(alert=alert).exists():
        raise Conflict("This entry is already stood down there.")
    region = region_around(places[0], places[1:])
    found = StandDown.objects.create(
        alert=alert,
        camera=alert.camera,
        person_id=alert.person_id,
        **vars(region),
        reason=reason,
        detail=detail.strip(),
        by_id=actor.pk,
        at=now,
        until=min(now + settings.LFR_STAND_DOWN, period.ends_at),
    )
    data: JournalData = {"reason": reason, "detail": found.detail, "region": str(region.as_list())}
    _note(Action.STOOD_DOWN, found, actor, {**data, "until": found.until.isoformat()})
    return found


@transaction.atomic
def confirm(stood_down: StandDown, *, actor: AbstractBaseUser) -> None:
    """Keep an entry stood down until the period ends.

    Raises:
        Conflict: it has lapsed or been lifted, or is confirmed already.
    """
    require(actor, RUN_DEPLOYMENT)
    require_trained(actor, Task.COMMANDER)
    now = _lock(stood_down)
    if stood_down.is_confirmed:
        raise Conflict("This stand-down is already confirmed.")
    stood_down.confirmed_by_id, stood_down.confirmed_at = actor.pk, now
    stood_down.until = stood_down.camera.period.ends_at or stood_down.until
    stood_down.save(update_fields=["confirmed_by", "confirmed_at", "until"])
    _note(Action.STAND_DOWN_CONFIRMED, stood_down, actor, {"until": stood_down.until.isoformat()})


@transaction.atomic
def lift(stood_down: StandDown, *, actor: AbstractBaseUser) -> None:
    """Look for the entry there again, as was authorised.

    Raises:
        Conflict: it has lapsed or been lifted already.
    """
    may_decide = actor.has_perm(DECIDE_ALERT)  # type: ignore[attr-defined]
    require(actor, DECIDE_ALERT if may_decide else RUN_DEPLOYMENT)
    now = _lock(stood_down)
    _end(stood_down, now, Action.STAND_DOWN_LIFTED, actor)


def close_lapsed(*, at: dt.datetime | None = None) -> int:
    """Record the end of the stand-downs whose time is over. They have no effect from that time on. Return how many."""
    now, count = at or timezone.now(), 0
    for row in StandDown.objects.lapsed(now).select_related("camera__period__deployment"):
        with transaction.atomic():
            lock_deployment(row.camera.period.deployment)
            # Checked under the lock: somebody may have confirmed or lifted it in the meantime.
            if StandDown.objects.lapsed(now).filter(pk=row.pk).exists():
                row.refresh_from_db()
                _end(row, now, Action.STAND_DOWN_LAPSED, CLOCK)
                count += 1
    return count


def _lock(stood_down: StandDown) -> dt.datetime:
    lock_deployment(stood_down.camera.period.deployment)
    stood_down.refresh_from_db()
    now = timezone.now()
    if not stood_down.is_active(now):
        raise Conflict("This stand-down is over.")
    return now


def _end(row: StandDown, now: dt.datetime, action: Action, actor: Actor) -> None:
    row.ended_at, row.last_track = now, ""
    if isinstance(actor, AbstractBaseUser):
        row.ended_by_id = actor.pk
    row.save(update_fields=["ended_at", "ended_by", "last_track"])
    _note(action, row, actor, {"withheld": row.withheld})


def _note(action: Action, row: StandDown, actor: Actor, data: JournalData) -> None:
    deployment = row.camera.period.deployment
    about: JournalData = {"camera": str(row.camera), "alert": str(row.alert_id), "stand_down": str(row.pk)}
    record(action, actor=actor, target=deployment, data={**about, **data})
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)
    announce(deployment.id, Event.ALERT_CHANGED, row.alert_id)
