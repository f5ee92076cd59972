"""The question to the commander: false alerts are above the authorised ceiling; does the deployment continue?

It is asked at the second false alert above the ceiling and at each further one (`deployments.governor`). The deployment
goes on until the question is due, and pauses then if nobody has decided (`deployments.running`). Cameras do not turn on
again before it is decided (`deployments.readiness`).
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.actors import SAFEGUARD
from core.errors import Conflict, Refused
from core.permissions import require
from core.sockets import Event
from deployments.events import announce
from deployments.governor import Level, Verdict
from deployments.locks import lock_deployment
from deployments.models import CeilingQuestion, Deployment
from deployments.permissions import RUN_DEPLOYMENT
from deployments.readiness import require_commander, verdict_of
from watchlists.operations import refuse_names_on_file

_Outcome = CeilingQuestion.Outcome


def follow(
    deployment: Deployment, *, is_further: bool = False, at: dt.datetime | None = None
) -> CeilingQuestion | None:
    """Ask the commander, or withdraw the question, as the numbers require. The caller has locked the deployment.

    is_further: whether a false alert has just been added.

    Returns:
        The question that is open now.
    """
    now, question, verdict = at or timezone.now(), deployment.ceiling_question, verdict_of(deployment)
    if question is None:
        may_continue = is_further and deployment.has_authority
        return _ask(deployment, verdict, now) if may_continue and verdict.level == Level.ABOVE else None
    if verdict.level != Level.OK:
        return question
    _close(question, _Outcome.MET, now)
    record(Action.CEILING_MET, actor=SAFEGUARD, target=deployment, data=_numbers(verdict))
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)
    return None


@transaction.atomic
def decide_to_continue(deployment: Deployment, *, false_alerts: int, reason: str, actor: AbstractBaseUser) -> None:
    """Record the commander's decision that the deployment continues above the ceiling.

    false_alerts: the number that the commander saw.

    Raises:
        Refused: no reason is given, the sequential test shows too many false alerts, or the actor authorised the
            deployment or is not trained to command.
        Conflict: no decision is requested, its time is over, or there has been another false alert since.
    """
    require(actor, RUN_DEPLOYMENT)
    lock_deployment(deployment)
    require_commander(deployment, actor)
    question, verdict, now = deployment.ceiling_question, verdict_of(deployment), timezone.now()
    if question is None or not deployment.has_authority:
        raise Conflict("No decision is requested now. Someone may have decided already, or the deployment is over.")
    if verdict.level == Level.PAUSE:
        raise Refused(f"{verdict.why} The deployment can only continue after a change of threshold is approved.")
    if deployment.state == Deployment.State.LIVE and now >= question.due_at:
        raise Conflict("The time for this decision is over, and the deployment is about to pause. Decide once it has.")
    if false_alerts != verdict.false_alerts:
        raise Conflict("The number of false alerts has changed. Check the present number and decide again.")
    if not reason.strip():
        raise Refused("Enter why the deployment should continue.")
    refuse_names_on_file(reason)
    question.false_alerts, question.faces = verdict.false_alerts, verdict.faces
    question.decided_by_id, question.reason = actor.pk, reason.strip()
    _close(question, _Outcome.CONTINUED, now)
    data = {**_numbers(verdict), "reason": question.reason}
    record(Action.CEILING_CONTINUED, actor=actor, target=deployment, data=data)
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)


def settle_by_change(deployment: Deployment) -> bool:
    """Close an open question because another threshold applies from now on, and return whether there was one.

    The caller has locked the deployment, and records it with the change.
    """
    question = deployment.ceiling_question
    if question is not None:
        _close(question, _Outcome.CHANGED, timezone.now())
    return question is not None


def _ask(deployment: Deployment, verdict: Verdict, now: dt.datetime) -> CeilingQuestion:
    question = CeilingQuestion.objects.create(
        deployment=deployment,
        asked_at=now,
        due_at=now + settings.LFR_CEILING_DECISION,
        false_alerts=verdict.false_alerts,
        faces=verdict.faces,
    )
    data = {**_numbers(verdict), "due_at": question.due_at.isoformat()}
    record(Action.CEILING_EXCEEDED, actor=SAFEGUARD, target=deployment, data=data)
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)
    return question


def _close(question: CeilingQuestion, outcome: str, now: dt.datetime) -> None:
    question.outcome, question.closed_at = outcome, now
    question.save()


def _numbers(verdict: Verdict) -> dict[str, str | int | bool | None]:
    return {
        "false_alerts": verdict.false_alerts,
        "faces": verdict.faces,
        "faces_an_alert": verdict.faces_an_alert,
    }
