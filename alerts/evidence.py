"""How long what an alert holds of anybody is kept: holds as evidence, the purge, and the end of keys."""

from __future__ import annotations

import datetime as dt
import logging
import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from alerts import content
from alerts.content import ShotContent
from alerts.models import Alert, EvidenceHold, Shot
from audit.actions import Action
from audit.journal import record
from core import keys
from core.actors import CLOCK
from core.errors import Refused
from core.permissions import require
from deployments.events import announce
from deployments.locks import lock_deployment
from deployments.models import Period
from recognition.imaging import encode_jpeg
from watchlists import holds

logger = logging.getLogger(__name__)

HOLD = "alerts.hold_alert"


@transaction.atomic
def hold(alert: Alert, *, reason: str, review_on: dt.date, actor: AbstractBaseUser) -> EvidenceHold:
    """Keep an alert from the purge as evidence, with the photograph it was compared with, under a key of its own.

    Raises:
        Refused: what `holds.accepted_reason` refuses, a hold already, or nothing is left to hold.
    """
    require(actor, HOLD)
    lock_deployment(alert.camera.period.deployment)
    alert.refresh_from_db()
    reason = holds.accepted_reason(reason, review_on=review_on)
    if alert.kind != Alert.Kind.ALERT:
        raise Refused("Only possible matches are evidence of anything.")
    if alert.purged_at is not None:
        raise Refused("This alert was purged: there is nothing left to hold.")
    if EvidenceHold.objects.filter(alert=alert).exists():
        raise Refused("This alert is held already.")
    _reseal(alert, content.key_of_hold(alert))
    _keep_reference(alert)
    made = EvidenceHold.objects.create(alert=alert, owner_id=actor.pk, reason=reason, review_on=review_on)
    record(Action.ALERT_HELD, actor=actor, target=alert, data={"review_on": review_on.isoformat()})
    announce(alert.deployment_id, "alert.changed", alert.id)
    return made


@transaction.atomic
def release(alert: Alert, *, reason: str, actor: AbstractBaseUser) -> None:
    """End a hold. What is past its time is purged by the next tick of the clock.

    Raises:
        Refused: it is not held, or what `holds.accepted_release` refuses.
    """
    require(actor, HOLD)
    lock_deployment(alert.camera.period.deployment)
    held = EvidenceHold.objects.filter(alert=alert).select_related("owner").first()
    if held is None:
        raise Refused("This alert is not held.")
    reason = holds.accepted_release(held, reason, actor=actor)
    held.delete()
    record(Action.ALERT_HOLD_RELEASED, actor=actor, target=alert, data={"reason": reason})
    announce(alert.deployment_id, "alert.changed", alert.id)


def _reseal(alert: Alert, key_name: str) -> None:
    """Everything that an alert holds, under another key."""
    subject = content.subject_in(alert)
    shots = [(shot, content.shot_content(shot)) for shot in alert.shots.select_related("alert")]
    keys.create(key_name)
    alert.key_name = key_name
    alert.sealed = content.seal_subject(alert, subject)
    alert.save(update_fields=["key_name", "sealed"])
    for shot, shown in shots:
        shot.sealed = content.seal_shot(shot, key_name, shown)
        shot.save(update_fields=["sealed"])


def _keep_reference(alert: Alert) -> None:
    """The watchlist's photograph, cut as it is shown, beside the shots: its list's destruction does not take it."""
    if alert.photograph is None:
        return
    shot = Shot(
        alert=alert, kind=Shot.Kind.REFERENCE, track="", frame_number=0, received_at=alert.received_at, is_best=False
    )
    shown = ShotContent(0.0, [], encode_jpeg(alert.photograph.face()))
    shot.sealed = content.seal_shot(shot, alert.key_name, shown)
    shot.save(force_insert=True)


def purge_due(*, at: dt.datetime | None = None) -> int:
    """Empty every alert whose time has come; returns how many. Keys that nothing needs any more are destroyed."""
    now = at or timezone.now()
    due = Alert.objects.due_for_purge(now, settings.LFR_ALERT_RETENTION).values_list("pk", flat=True)
    count = 0
    for alert_id in list(due):
        try:
            count += _purge(alert_id)
        except Exception:
            # It stays due and is tried again; the others go on time. No data stands in the message.
            logger.exception("An alert could not be purged")
    _destroy_keys()
    return count


@transaction.atomic
def _purge(alert_id: uuid.UUID) -> bool:
    alert = Alert.objects.select_related("camera__period__deployment").get(pk=alert_id)
    lock_deployment(alert.camera.period.deployment)
    alert.refresh_from_db()
    if alert.purged_at is not None or EvidenceHold.objects.filter(alert=alert).exists():
        return False
    key_name = alert.key_name
    shots, _ = Shot.objects.filter(alert=alert).delete()
    Alert.objects.filter(pk=alert_id).update(
        purged_at=timezone.now(), sealed=None, person=None, photograph=None, track="", key_name=""
    )
    record(Action.ALERT_PURGED, actor=CLOCK, target=alert, data={"state": alert.state, "pictures": shots})
    announce(alert.deployment_id, "alert.changed", alert.id)
    if key_name == content.key_of_hold(alert):
        transaction.on_commit(lambda: keys.destroy(key_name))
    return True


def _destroy_keys() -> None:
    """Of periods that are over and have no alert left under their key; of holds that came to nothing."""
    for name in keys.store().names():
        kind, _, owner = name.partition("-")
        if kind == "evidence":
            _destroy_unused(name, owner)
        if kind != "alerts":
            continue
        period = Period.objects.select_related("deployment").filter(pk=owner).first()
        is_over = period is not None and (period.ended_at is not None or period.deployment.is_over)
        if period is not None and is_over and not Alert.objects.filter(key_name=name).exists():
            _destroy_key(period, name)


@transaction.atomic
def _destroy_unused(name: str, owner: str) -> None:
    """The key of a hold that was rolled back, or whose process died between its commit and its key."""
    alert = Alert.objects.select_related("camera__period__deployment").filter(pk=owner).first()
    if alert is None or alert.key_name == name:
        return
    # Whoever holds it now has committed, or has not begun.
    lock_deployment(alert.camera.period.deployment)
    alert.refresh_from_db()
    if alert.key_name != name:
        keys.destroy(name)


@transaction.atomic
def _destroy_key(period: Period, name: str) -> None:
    record(Action.ALERT_KEY_DESTROYED, actor=CLOCK, target=period.deployment, data={"period": str(period.pk)})
    transaction.on_commit(lambda: keys.destroy(name))
