"""Acts on alerts. Each is atomic, leaves its row in the journal, and is announced once committed."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from alerts.models import STEPS, Alert, OffenceClass, Outcome
from audit.actions import Action
from audit.errors import Refused
from audit.journal import CLOCK, System, record
from audit.machine import move
from deployments import bluetest, tally
from deployments.events import announce
from deployments.models import Camera, Deployment, Period
from recognition.watch import Candidate
from watchlists.models import Person

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
    try:
        with transaction.atomic():
            # Shared with the end of the deployment: it waits for this alert, or this alert finds it ended.
            tally.hold_for(camera.period)
            # Asked once it is held: whoever waited may have waited past the end.
            now = timezone.now()
            camera = Camera.objects.select_related("period__deployment__operating_point").get(pk=camera.pk)
            period, deployment = camera.period, camera.period.deployment
            point = deployment.operating_point
            is_blue = _is_blue(candidate.person, period)
            if point is None or is_blue is None or not period.is_open(now):
                raise Refused("The deployment is not live.")
            alert = Alert.objects.create(
                state=Alert.State.BLUE if is_blue else Alert.State.RAISED,
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
            if is_blue:
                bluetest.note_sighting(camera, candidate.person, sighting.received_at)
            else:
                tally.note_raised(period)
            data = {"deployment": str(deployment.id), "person": str(candidate.person)}
            record(Action.ALERT_RAISED, actor=System(camera.journal_name), target=alert, data=data)
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
    tally.hold_for(alert.camera.period)
    _still_there(alert)
    changes = {"decided_by": actor, "decided_at": timezone.now()}
    move(alert, STEPS[decision], actor=actor, changes=changes, data={"decision": decision})
    if decision == "not_same":
        tally.note_settled(alert.camera.period, alert.operating_point, is_false=True)
    announce(alert.deployment_id, "alert.changed", alert.id)


@transaction.atomic
def conclude(alert: Alert, outcome: str, *, actor: AbstractBaseUser, offence_class: str = "") -> None:
    """What came of it, once. offence_class: of an arrest, what for.

    Raises:
        Refused: no such outcome, or an arrest for nothing. Conflict: not judged the same person, or concluded already.
    """
    if outcome not in Outcome.values or outcome == Outcome.UNREVIEWED:
        raise Refused("Choose one of the outcomes shown.")
    _conclude(alert, "conclude", outcome, offence_class, actor)


@transaction.atomic
def write_off(alert: Alert, outcome: str, *, actor: AbstractBaseUser, offence_class: str = "") -> None:
    """What came of an alert that nobody settled while its cameras were on: coded afterwards, for the review.

    Raises:
        Refused: no such outcome, or cameras are still on. Conflict: it was settled.
    """
    if outcome not in Outcome.values:
        raise Refused("Choose one of the outcomes shown.")
    if alert.state != Alert.State.REFERRED and outcome != Outcome.UNREVIEWED:
        raise Refused("No operator judged this one the same person: it was not looked at in time.")
    if not alert.deployment.is_over and not alert.camera.period.ended_at:
        raise Refused("Cameras are still on: an operator decides, and an officer says what came of it.")
    _conclude(alert, "write_off", outcome, offence_class, actor)


def _conclude(alert: Alert, step: str, outcome: str, offence_class: str, actor: AbstractBaseUser) -> None:
    if (outcome == Outcome.ARREST) != (offence_class in OffenceClass.values):
        raise Refused(
            "Say what the arrest was for." if outcome == Outcome.ARREST else "Only an arrest is for an offence."
        )
    tally.hold_for(alert.camera.period)
    changes = {
        "outcome": outcome,
        "offence_class": offence_class,
        "outcome_by": actor,
        "outcome_at": timezone.now(),
    }
    data = {"outcome": outcome, "offence_class": offence_class}
    move(alert, STEPS[step], actor=actor, changes=changes, data=data)
    tally.note_settled(alert.camera.period, alert.operating_point, is_false=outcome == Outcome.NOT_SAME)
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


def _is_blue(person_id: uuid.UUID, period: Period) -> bool | None:
    """Whether somebody is on the period's blue list; None when they are on neither of its lists."""
    watchlist = Person.objects.filter(pk=person_id).values_list("watchlist_id", flat=True).first()
    if watchlist is not None and watchlist == period.blue_list_id:
        return True
    # Under test nobody of the other list may be found.
    is_live = period.deployment.state == Deployment.State.LIVE
    return False if is_live and watchlist == period.watchlist_id else None


def _still_there(alert: Alert) -> None:
    if alert.purged_at is not None:
        raise Refused("This alert was purged when its time ran out; there is nothing left to decide on.")
