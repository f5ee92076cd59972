"""Retention of the content of alerts: evidence holds, the purge, and the destruction of keys."""

from __future__ import annotations

import datetime as dt
import logging
import uuid

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from alerts import content
from alerts.content import ShotContent
from alerts.models import Alert, EvidenceHold, Shot
from alerts.permissions import HOLD_ALERT
from alerts.querysets import AlertQuerySet
from audit.actions import Action
from audit.journal import record
from core import keys, retention
from core.actors import CLOCK
from core.errors import Refused
from core.permissions import require
from core.sockets import Event
from deployments.events import announce
from deployments.locks import lock_deployment
from deployments.models import Deployment, Period
from recognition.imaging import encode_jpeg
from watchlists import holds

logger = logging.getLogger(__name__)


@transaction.atomic
def hold(alert: Alert, *, reason: str, review_on: dt.date, actor: AbstractBaseUser) -> EvidenceHold:
    """Hold an alert and its reference photograph as evidence, under a key of its own, so that it is not purged.

    Raises:
        Refused: `holds.accepted_reason` refuses the reason or the date, or the alert is not a possible match, is
            already held or has been purged.
    """
    require(actor, HOLD_ALERT)
    lock_deployment(alert.camera.period.deployment)
    alert.refresh_from_db()
    reason = holds.accepted_reason(reason, review_on=review_on)
    if alert.kind != Alert.Kind.ALERT:
        raise Refused("Only possible matches can be held as evidence.")
    if alert.purged_at is not None:
        raise Refused("This possible match has been purged. There is nothing left to hold.")
    if EvidenceHold.objects.filter(alert=alert).exists():
        raise Refused("This possible match is already held as evidence.")
    _reseal(alert, content.key_of_hold(alert))
    _keep_reference(alert)
    made = EvidenceHold.objects.create(alert=alert, owner_id=actor.pk, reason=reason, review_on=review_on)
    record(Action.ALERT_HELD, actor=actor, target=alert, data={"review_on": review_on.isoformat()})
    announce(alert.deployment_id, Event.ALERT_CHANGED, alert.id)
    return made


@transaction.atomic
def release(alert: Alert, *, reason: str, actor: AbstractBaseUser) -> None:
    """Release an evidence hold. If its retention has ended, the alert is purged by the next run of the purge.

    Raises:
        Refused: the alert is not held, or `holds.accepted_release` refuses the release.
    """
    require(actor, HOLD_ALERT)
    lock_deployment(alert.camera.period.deployment)
    held = EvidenceHold.objects.filter(alert=alert).select_related("owner").first()
    if held is None:
        raise Refused("This possible match is not held as evidence.")
    reason = holds.accepted_release(held, reason, actor=actor)
    held.delete()
    Alert.objects.filter(pk=alert.pk).update(hold_released_at=timezone.now())
    record(Action.ALERT_HOLD_RELEASED, actor=actor, target=alert, data={"reason": reason})
    announce(alert.deployment_id, Event.ALERT_CHANGED, alert.id)


def _reseal(alert: Alert, key_name: str) -> None:
    """Encrypt the subject and the shots of an alert under another key."""
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
    """Keep the watchlist photograph among the shots, as it is shown, so that it outlives its list."""
    if alert.photograph is None:
        return
    shot = Shot(
        alert=alert, kind=Shot.Kind.REFERENCE, track="", frame_number=0, received_at=alert.received_at, is_best=False
    )
    shown = ShotContent(0.0, [], encode_jpeg(alert.photograph.face()))
    shot.sealed = content.seal_shot(shot, alert.key_name, shown)
    shot.save(force_insert=True)


def waiting(deployment: Deployment) -> AlertQuerySet:
    """Return the alerts of a deployment whose content waits to be purged."""
    alerts = Alert.objects.filter(deployment=deployment, purged_at=None, hold=None)
    return alerts.select_related("camera__period", "deployment")


def purge_due(*, at: dt.datetime | None = None) -> int:
    """Purge every alert that is due, then destroy the keys that nothing needs. Return how many were purged."""
    now = at or timezone.now()
    due = Alert.objects.due_for_purge(now, retention.period("alert")).values_list("pk", flat=True)
    count = 0
    for alert_id in list(due):
        try:
            count += _purge(alert_id)
        except Exception:
            # It stays due and is tried again. The others are purged on time. The message holds no personal data.
            logger.exception("An alert could not be purged")
    keys.sweep()
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
        purged_at=timezone.now(),
        purge_due_at=alert.purge_by,
        pictures_purged=shots,
        sealed=None,
        person=None,
        photograph=None,
        track="",
        key_name="",
    )
    record(Action.ALERT_PURGED, actor=CLOCK, target=alert, data={"state": alert.state, "pictures": shots})
    announce(alert.deployment_id, Event.ALERT_CHANGED, alert.id)
    if key_name == content.key_of_hold(alert):
        transaction.on_commit(lambda: keys.destroy(key_name))
    return True


def destroy_period_key(name: str, owner: str) -> None:
    """Destroy the key of a period that has ended and has no alert left under the key."""
    period = Period.objects.select_related("deployment").filter(pk=owner).first()
    if period is None or Alert.objects.filter(key_name=name).exists():
        return
    if period.ended_at is not None or period.deployment.is_over:
        with transaction.atomic():
            data = {"period": str(period.pk)}
            record(Action.ALERT_KEY_DESTROYED, actor=CLOCK, target=period.deployment, data=data)
            transaction.on_commit(lambda: keys.destroy(name))


@transaction.atomic
def destroy_hold_key(name: str, owner: str) -> None:
    """Destroy the key of a hold that was rolled back, or of a purged alert if the process died before it did so."""
    alert = Alert.objects.select_related("camera__period__deployment").filter(pk=owner).first()
    if alert is None or alert.key_name == name:
        return
    # Under the lock, any hold has been committed or has not begun.
    lock_deployment(alert.camera.period.deployment)
    alert.refresh_from_db()
    if alert.key_name != name:
        keys.destroy(name)
