"""One person or object that is matched again: looking at it, raising its shots on their own, naming it a repeat.

`alerts.raising` adds a subject who is matched again at the same place to the alert that was decided as not the same.
The rate that is published counts alerts. The governor counts objects (`AlertQuerySet.counts`).
"""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from alerts import content
from alerts.counting import tell_counts
from alerts.models import Alert, Shot
from alerts.permissions import DECIDE_ALERT
from alerts.raising import Admitted, new_row, photograph_of
from alerts.states import FALSE, JOINED_AGAIN
from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.permissions import require
from core.sockets import Event
from deployments.events import announce
from deployments.frame_terms import frame_terms
from deployments.locks import lock_deployment
from deployments.permissions import RUN_DEPLOYMENT
from recognition.frame import Candidate
from training.models import Task
from training.register import require_trained


def shots_again(alert: Alert) -> list[Shot]:
    """Return the shots that joined an alert after it was decided as not the same, newest first."""
    if alert.state not in JOINED_AGAIN or alert.ended_at is None:
        return []
    joined = alert.shots.filter(kind=Shot.Kind.PROBE, received_at__gt=alert.ended_at).exclude(track=alert.track)
    return list(joined.order_by("-received_at", "-frame_number"))


def note_looked(alert: Alert) -> None:
    """Note that an operator looked at what was matched again; it then leaves that part of the queue."""
    if alert.is_seen_again:
        Alert.objects.filter(pk=alert.pk).update(again_viewed_at=timezone.now())
        announce(alert.deployment_id, Event.ALERT_CHANGED, alert.pk)


@transaction.atomic
def separate(alert: Alert, shot_id: uuid.UUID, *, actor: AbstractBaseUser) -> Alert:
    """Raise the shots of one track as a possible match of their own: they show somebody else than the others.

    The alert that they joined stays as it was decided.

    Raises:
        Refused: the deployment is not live, or the shot did not join the alert after its decision.
    """
    require(actor, DECIDE_ALERT)
    require_trained(actor, Task.OPERATOR)
    lock_deployment(alert.camera.period.deployment)
    alert.refresh_from_db()
    camera, now = alert.camera, timezone.now()
    terms = frame_terms(camera.pk, at=now)
    if terms is None or not camera.period.is_running:
        raise Refused("The deployment is not live. Shots can be raised as a possible match only while it is.")
    chosen = next((shot for shot in shots_again(alert) if shot.pk == shot_id), None)
    if chosen is None or alert.person_id is None or alert.photograph_id is None:
        raise Refused("This shot did not join the possible match after its decision. Select another.")
    shots = list(alert.shots.filter(track=chosen.track).select_related("alert"))
    scores = {shot.pk: content.shot_content(shot).score for shot in shots}
    best = max(shots, key=lambda shot: scores[shot.pk])
    photograph = photograph_of(Candidate(alert.person_id, alert.photograph_id, scores[best.pk]))
    raised = new_row(
        Alert.Kind.ALERT,
        Admitted(camera, terms, now),
        photograph,
        chosen.track,
        received_at=min(shot.received_at for shot in shots),
    )
    Shot.objects.filter(pk__in=scores).update(alert=raised)
    Shot.objects.filter(pk=best.pk).update(is_best=True)
    Alert.objects.filter(pk=alert.pk).update(again_count=max(alert.again_count - 1, 0), again_viewed_at=now)
    tell_counts(camera.period)
    data = {"deployment": str(alert.deployment_id), "person": str(alert.person_id), "separated_from": str(alert.pk)}
    record(Action.ALERT_SEPARATED, actor=actor, target=alert, data={"raised": str(raised.pk)})
    record(Action.ALERT_RAISED, actor=actor, target=raised, data=data)
    announce(alert.deployment_id, Event.ALERT_RAISED, raised.pk)
    announce(alert.deployment_id, Event.ALERT_CHANGED, alert.pk)
    return raised


@transaction.atomic
def mark_repeat(alert: Alert, earlier: Alert, *, actor: AbstractBaseUser) -> None:
    """Record that a false alert is on the same person or object as an earlier one, so that the governor counts one.

    Raises:
        Refused: one of them is not a false alert, they are on different entries, or the actor commands deployments,
            whom the ceiling of false alerts restrains.
        Conflict: it is recorded already.
    """
    require(actor, DECIDE_ALERT)
    require_trained(actor, Task.OPERATOR)
    if actor.has_perm(RUN_DEPLOYMENT):  # type: ignore[attr-defined]
        raise Refused("Commanders cannot change what counts against the ceiling of false alerts. Ask an operator.")
    lock_deployment(alert.camera.period.deployment)
    alert.refresh_from_db()
    earlier.refresh_from_db()
    if alert.state not in JOINED_AGAIN or earlier.state not in FALSE:
        raise Refused("Both possible matches must have been decided as not the same.")
    is_same_entry = alert.person_id is not None and alert.person_id == earlier.person_id
    if not is_same_entry or alert.deployment_id != earlier.deployment_id or earlier.raised_at >= alert.raised_at:
        raise Refused("Select an earlier possible match with the same watchlist entry.")
    if alert.repeat_of_id is not None:
        raise Conflict("This possible match is already recorded as the same person or object as an earlier one.")
    first = earlier.repeat_of_id or earlier.pk
    alert.repeats.update(repeat_of=first)
    Alert.objects.filter(pk=alert.pk).update(repeat_of=first)
    record(Action.ALERT_REPEATS, actor=actor, target=alert, data={"first": str(first)})
    tell_counts(alert.camera.period)
    announce(alert.deployment_id, Event.ALERT_CHANGED, alert.pk)
