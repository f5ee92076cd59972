"""Acts that change the terms of an authority: each makes a new version of the signed document."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.machine import JournalData, move
from core.permissions import require
from core.sockets import Event
from deployments import ceiling, executable
from deployments.authority import rank_needed, refuse_writer
from deployments.events import announce
from deployments.governor import Level
from deployments.locks import lock_deployment
from deployments.models import CHANGE_STEPS, Amendment, Camera, Deployment, ThresholdChange
from deployments.permissions import AUTHORISE_DEPLOYMENT, RUN_DEPLOYMENT
from deployments.readiness import verdict_of
from training.register import require_authorising
from watchlists import thresholds
from watchlists.models import OperatingPoint
from watchlists.operations import refuse_names_on_file


@transaction.atomic
def widen_camera(camera: Camera, *, smallest_face: int, reason: str, actor: AbstractBaseUser) -> None:
    """Let a camera look at its whole picture again, from this minimum face width on, by a signed amendment.

    Others may then narrow it without one (`deployments.cameras`).

    Raises:
        Refused: the rank is too low, the actor worked on the application, no reason is given, or the width is not
            possible.
        Conflict: the authority is over, or the deployment is live.
    """
    require(actor, AUTHORISE_DEPLOYMENT)
    deployment = camera.period.deployment
    lock_deployment(deployment)
    refuse_writer(deployment, actor)
    require_authorising(actor, rank_needed(deployment))
    if not deployment.authority_holds() or deployment.state == Deployment.State.LIVE:
        raise Conflict("The authority is over, or the deployment is live. Pause it first.")
    if not reason.strip():
        raise Refused("Enter why the camera must look at more than was authorised.")
    if not 16 <= smallest_face <= 400:
        raise Refused("The minimum face width must be 16 to 400 pixels.")
    refuse_names_on_file(reason)
    camera.refresh_from_db()
    camera.smallest_face, camera.zone, camera.excluded, camera.set_up_at = smallest_face, [], [], timezone.now()
    camera.save(update_fields=["smallest_face", "zone", "excluded", "set_up_at"])
    data: JournalData = {"camera": str(camera.pk), "smallest_face": smallest_face, "reason": reason.strip()}
    record(Action.CAMERA_WIDENED, actor=actor, target=deployment, data=data)
    executable.sign(deployment, Amendment.CAMERA, actor=actor, camera=camera)
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)


@transaction.atomic
def propose_change(
    deployment: Deployment, after: OperatingPoint, *, evidence: str, actor: AbstractBaseUser
) -> ThresholdChange:
    """Propose another threshold under the same authority.

    Raises:
        Refused: it is the present threshold, of another engine, unsupported, or too low to resume after too many false
            alerts; or another change awaits a decision.
        Conflict: no authority is in force.
    """
    require(actor, RUN_DEPLOYMENT)
    lock_deployment(deployment)
    before = deployment.operating_point
    if before is None or not deployment.authority_holds():
        raise Conflict("This deployment has no authority in force.")
    if after == before or after.engine != before.engine:
        raise Refused("Select a different threshold of the authorised engine.")
    if deployment.threshold_changes.filter(state="proposed").exists():
        raise Refused("Another change of threshold is awaiting a decision.")
    refuse_names_on_file(evidence)
    problems = thresholds.obstacles_to(after, timezone.localdate())
    if problems:
        raise Refused(" ".join(problems))
    _not_lower_above_the_ceiling(deployment, before, after)
    change = ThresholdChange.objects.create(
        deployment=deployment, before=before, after=after, evidence=evidence, proposed_by_id=actor.pk
    )
    data = _of_change(change)
    record(Action.THRESHOLD_CHANGE_PROPOSED, actor=actor, target=deployment, data={**data, "evidence": evidence})
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)
    return change


@transaction.atomic
def decide_change(change: ThresholdChange, *, accept: bool, reason: str, actor: AbstractBaseUser) -> None:
    """Approve or reject a proposed threshold. Approval starts the count of false alerts afresh.

    Raises:
        Refused: the actor proposed it or worked on the application, or their rank is too low.
        Conflict: it is already decided, the threshold has changed, or the authority has ended.
    """
    deployment = change.deployment
    require(actor, AUTHORISE_DEPLOYMENT)
    lock_deployment(deployment)
    if actor.pk == change.proposed_by_id:
        raise Refused("You proposed this change. Another authorising officer must decide on it.")
    refuse_writer(deployment, actor)
    require_authorising(actor, rank_needed(deployment))
    if not deployment.authority_holds() or deployment.operating_point_id != change.before_id:
        raise Conflict("The threshold has changed since this was proposed, or the authority has ended.")
    refuse_names_on_file(reason)
    data = {**_of_change(change), "reason": reason}
    if accept:
        problems = thresholds.obstacles_to(change.after, timezone.localdate())
        if problems:
            raise Refused(" ".join(problems))
        _not_lower_above_the_ceiling(deployment, change.before, change.after)
        data["ceiling_question_closed"] = ceiling.settle_by_change(deployment)
        counted = deployment.counters()
        deployment.operating_point = change.after
        deployment.governed_from, deployment.governed_from_faces = timezone.now(), counted.faces
        deployment.false_governed = 0
        deployment.save(update_fields=["operating_point", "governed_from", "governed_from_faces", "false_governed"])
        # The recognition test was made at the old threshold and must be repeated.
        Camera.objects.filter(period__deployment=deployment).update(set_up_at=timezone.now())
    changes = {"decided_by": actor, "decided_at": timezone.now(), "decision_reason": reason}
    step = CHANGE_STEPS["approve" if accept else "reject"]
    move(change, step, actor=actor, changes=changes, data=data)
    if accept:
        executable.sign(deployment, Amendment.THRESHOLD, actor=actor)
        announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)


def _not_lower_above_the_ceiling(deployment: Deployment, before: OperatingPoint, after: OperatingPoint) -> None:
    """Raise Refused if false alerts are above the ceiling and the threshold would not rise."""
    is_above = verdict_of(deployment).level != Level.OK or deployment.ceiling_question is not None
    if is_above and after.threshold <= before.threshold:
        raise Refused("False alerts are above the ceiling. Select a higher threshold.")


def _of_change(change: ThresholdChange) -> dict[str, str | int | bool | None]:
    return {
        "deployment": str(change.deployment_id),
        "before": f"{change.before.threshold:.4f}",
        "after": f"{change.after.threshold:.4f}",
    }
