"""Second looks: a sample of decided alerts is compared again by somebody else, before the alerts are purged."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from alerts.choices import SecondFinding
from alerts.models import Act, Alert, SecondLook, Shot
from alerts.permissions import DECIDE_ALERT
from alerts.querysets import AlertQuerySet
from alerts.states import ADJUDICATIONS, ActName
from audit.actions import Action
from audit.journal import record
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


@dataclass(frozen=True)
class SecondLookCounts:
    """Counts of second looks.

    drawn: decided alerts in the sample. missed: those of which the faces were deleted before anybody looked.
    """

    drawn: int
    agreed: int
    disagreed: int
    missed: int

    @property
    def waiting(self) -> int:
        return self.drawn - self.agreed - self.disagreed - self.missed

    @property
    def columns(self) -> dict[str, int]:
        """The counts as columns of the record."""
        names = ("drawn", "agreed", "disagreed", "missed")
        return {f"second_looks_{name}": getattr(self, name) for name in names}

    @property
    def words(self) -> str:
        if not self.drawn:
            return "None of the decided possible matches was drawn."
        looked = self.agreed + self.disagreed
        found = f"{looked} of {self.drawn} compared again by somebody else; {self.agreed} with the same finding"
        rest = [f"{self.missed} deleted before that"] if self.missed else []
        rest += [f"{self.waiting} waiting"] if self.waiting else []
        return "; ".join([found, *rest]) + "."


def is_drawn() -> bool:
    """Return whether the next alert is in the sample. Drawn as it is raised, so that nobody's decision affects it."""
    return secrets.randbelow(100) < settings.LFR_SECOND_LOOK


def waiting_for(user: Any) -> AlertQuerySet:
    """Return the alerts that a user may look at a second time: drawn, decided, and not acted on by them."""
    if not (user.has_perm(DECIDE_ALERT) or user.has_perm(RUN_DEPLOYMENT)):
        return Alert.objects.none()
    acted_on = Act.objects.filter(by=user).values("alert")
    return Alert.objects.visible_to(user).to_look_at(timezone.now()).exclude(pk__in=acted_on)


@transaction.atomic
def record_second_look(alert: Alert, *, finding: str, remark: str = "", actor: AbstractBaseUser) -> SecondLook:
    """Record what somebody found who compared the faces of a decided alert again.

    Raises:
        Refused: the finding is not one of those offered, it differs from the decision and no remark says why, the
            actor acted on the alert or is not trained, or the alert is not in the sample, undecided or purged.
        Conflict: somebody has looked already.
    """
    require_reviewer(actor)
    lock_deployment(alert.camera.period.deployment)
    alert.refresh_from_db()
    now = timezone.now()
    if SecondLook.objects.filter(alert=alert).exists():
        raise Conflict("Somebody has already looked at this possible match a second time.")
    if not Alert.objects.to_look_at(now).filter(pk=alert.pk).exists():
        raise Refused("This possible match is undecided, purged, or was not drawn for a second look.")
    if alert.acts.filter(by_id=actor.pk).exists():
        raise Refused("You acted on this possible match. Somebody else must look at it.")
    if finding not in SecondFinding.values:
        raise Refused("Select what you found.")
    decision = decision_on(alert)
    if finding != decision and not remark.strip():
        raise Refused("Your finding differs from what was decided. Enter what you saw.")
    refuse_names_on_file(remark)
    made = SecondLook.objects.create(
        alert=alert, by_id=actor.pk, at=now, finding=finding, decision=decision, remark=remark.strip()[:400]
    )
    data: JournalData = {"finding": finding, "decision": decision.value, "agrees": made.agrees}
    record(Action.ALERT_SECOND_LOOK, actor=actor, target=alert, data=data)
    announce(alert.deployment_id, Event.DEPLOYMENT_CHANGED, alert.deployment_id)
    return made


def require_reviewer(actor: AbstractBaseUser) -> None:
    """Raise an error unless a user may look at possible matches a second time: an operator or commander, trained.

    Raises:
        PermissionDenied: they are neither. Refused: they are not trained.
    """
    may_decide = actor.has_perm(DECIDE_ALERT)  # type: ignore[attr-defined]
    require(actor, DECIDE_ALERT if may_decide else RUN_DEPLOYMENT)
    require_trained(actor, Task.OPERATOR if may_decide else Task.COMMANDER)


def shots_decided_on(alert: Alert) -> list[Shot]:
    """Return the shots that were there when it was decided, oldest first. Later ones may show somebody else."""
    shots = alert.shots.filter(kind=Shot.Kind.PROBE).order_by("received_at")
    decided_at = alert.decided_at or alert.ended_at
    return list(shots if decided_at is None else shots.filter(received_at__lte=decided_at))


def decision_on(alert: Alert) -> SecondFinding:
    """Return what was decided on an alert by comparing its faces: by the operator, or in the review."""
    if alert.state == Alert.State.LATE_SAME:
        return SecondFinding.SAME
    if alert.state == Alert.State.LATE_NOT_SAME:
        return SecondFinding.NOT_SAME
    act = last_adjudication(list(alert.acts.all()))
    return SecondFinding(act.name) if act is not None else SecondFinding.INCONCLUSIVE


def last_adjudication(acts: Sequence[Act]) -> Act | None:
    """Return the operator's last adjudication; None if it was undone. acts: in the order in which they were done."""
    for act in reversed(acts):
        if act.name == ActName.UNDO:
            return None
        if act.name in ADJUDICATIONS:
            return act
    return None


def second_looks_of(alerts: AlertQuerySet) -> SecondLookCounts:
    """Count the second looks at these alerts."""
    now = timezone.now()
    drawn = alerts.adjudicated(now).filter(is_sampled=True)
    looks = SecondLook.objects.filter(alert__in=drawn)
    agreed, looked, of = looks.filter(finding=F("decision")).count(), looks.count(), drawn.count()
    return SecondLookCounts(
        drawn=of, agreed=agreed, disagreed=looked - agreed, missed=of - looked - alerts.to_look_at(now).count()
    )
