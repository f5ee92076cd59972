"""Acts on alerts. Each is atomic, leaves its row in the journal, and is announced once committed."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from alerts.models import STEPS, Alert, Outcome
from audit.actions import Action
from audit.errors import Refused
from audit.journal import CLOCK, System, record
from audit.machine import move
from deployments.events import announce
from deployments.models import Camera
from recognition.watch import Candidate

DECISIONS = {"same": "Same person", "not_same": "Not the same person", "unsure": "Unsure"}


@dataclass(frozen=True)
class Sighting:
    """Where and when the face was seen.

    box: left, top, width, height in pixels of the frame. probe_jpeg: the face, everybody else made unrecognisable.
    """

    track: str
    frame_number: int
    received_at: dt.datetime
    box: tuple[float, float, float, float]
    probe_jpeg: bytes


def raise_alert(camera: Camera, candidate: Candidate, sighting: Sighting) -> Alert | None:
    """A possible match for people to decide; None when this track has been raised for this person already.

    Raises:
        Refused: the deployment is not, or no longer, live.
    """
    now = timezone.now()
    try:
        with transaction.atomic():
            # Shared with the end of the deployment: it waits for this alert, or this alert finds it ended.
            camera = (
                Camera.objects.select_for_update(of=("deployment",))
                .select_related("deployment__operating_point")
                .get(pk=camera.pk)
            )
            deployment = camera.deployment
            point = deployment.operating_point
            if point is None or not deployment.is_live(now):
                raise Refused("The deployment is not live.")
            alert = Alert.objects.create(
                deployment=deployment,
                camera=camera,
                operating_point=point,
                raised_at=now,
                received_at=sighting.received_at,
                frame_number=sighting.frame_number,
                track=sighting.track,
                person_id=candidate.person,
                photograph_id=candidate.photograph,
                probe_jpeg=sighting.probe_jpeg,
                box=[round(value, 1) for value in sighting.box],
                score=candidate.score,
            )
            data = {"deployment": str(deployment.id), "person": str(candidate.person)}
            record(Action.ALERT_RAISED, actor=System(f"camera {camera.name}"), target=alert, data=data)
            announce(deployment.id, "alert.raised", alert.id)
    except IntegrityError:
        return None
    return alert


@transaction.atomic
def decide(alert: Alert, decision: str, *, actor: AbstractBaseUser) -> None:
    """An operator's judgement: same, not_same or unsure.

    Raises:
        Refused: no such decision, or the alert was purged.
        Conflict: somebody decided first.
    """
    if decision not in DECISIONS:
        raise Refused("Choose: same person, not the same person, or unsure.")
    _still_there(alert)
    changes = {"decided_by": actor, "decided_at": timezone.now()}
    move(alert, STEPS[decision], actor=actor, changes=changes, data={"decision": decision})
    announce(alert.deployment_id, "alert.changed", alert.id)


@transaction.atomic
def conclude(alert: Alert, outcome: str, *, actor: AbstractBaseUser) -> None:
    """What came of it, once.

    Raises:
        Refused: no such outcome. Conflict: not judged the same person, or concluded already.
    """
    if outcome not in Outcome.values:
        raise Refused("Choose one of the outcomes shown.")
    changes = {"outcome": outcome, "outcome_by": actor, "outcome_at": timezone.now()}
    move(alert, STEPS["conclude"], actor=actor, changes=changes, data={"outcome": outcome})
    announce(alert.deployment_id, "alert.changed", alert.id)


@transaction.atomic
def note_viewed(alert: Alert, *, actor: AbstractBaseUser) -> None:
    """Somebody opened an alert with its pictures."""
    record(Action.ALERT_VIEWED, actor=actor, target=alert, data={"deployment": str(alert.deployment_id)})


def purge_due(*, at: dt.datetime | None = None) -> int:
    """Empty every alert whose time has come; returns how many."""
    ids = list(
        Alert.objects.due_for_purge(at or timezone.now(), settings.LFR_ALERT_RETENTION).values_list("pk", flat=True)
    )
    return sum(_purge(alert_id) for alert_id in ids)


@transaction.atomic
def _purge(alert_id: uuid.UUID) -> bool:
    purged = Alert.objects.filter(pk=alert_id, purged_at__isnull=True).update(
        purged_at=timezone.now(), probe_jpeg=None, score=None, box=None, person=None, photograph=None, track=""
    )
    if not purged:
        return False
    alert = Alert.objects.get(pk=alert_id)
    record(Action.ALERT_PURGED, actor=CLOCK, target=alert, data={"state": alert.state})
    announce(alert.deployment_id, "alert.changed", alert.id)
    return True


def _still_there(alert: Alert) -> None:
    if alert.purged_at is not None:
        raise Refused("This alert was purged when its time ran out; there is nothing left to decide on.")
