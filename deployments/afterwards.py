"""Acts after the cameras are off: equipment goes back, the review is written, the deployment is closed."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.machine import move
from core.permissions import require
from deployments.events import announce
from deployments.locks import lock_deployment
from deployments.models import STEPS, Deployment, Kit
from watchlists.models import Watchlist
from watchlists.operations import refuse_names_on_file

MANAGE, RUN, AUTHORISE = (
    f"deployments.{name}" for name in ("manage_cameras", "run_deployment", "authorise_deployment")
)


@transaction.atomic
def receive_kit(deployment: Deployment, *, description: str, serial: str, lender: str, actor: AbstractBaseUser) -> Kit:
    """Another force's equipment has come.

    Raises:
        Refused: not said what, whose, or which; or it stands here already. Conflict: the deployment is closed.
    """
    require(actor, MANAGE)
    lock_deployment(deployment)
    if deployment.state in (Deployment.State.CLOSED, Deployment.State.RESULTS_PUBLISHED):
        raise Conflict("This deployment is closed.")
    if not (description.strip() and serial.strip() and lender.strip()):
        raise Refused("Say what it is, its number, and who lends it.")
    kit, is_new = Kit.objects.get_or_create(
        deployment=deployment,
        serial=serial.strip(),
        defaults={
            "description": description.strip(),
            "lender": lender.strip(),
            "received_at": timezone.now(),
            "received_by_id": actor.pk,
        },
    )
    if not is_new:
        raise Refused("Equipment of this number was received already.")
    record(Action.KIT_RECEIVED, actor=actor, target=kit, data={"deployment": str(deployment.pk), "lender": kit.lender})
    return kit


@transaction.atomic
def return_kit(kit: Kit, *, witness: str, wiping: str, actor: AbstractBaseUser) -> None:
    """Equipment goes back, wiped before somebody else's eyes.

    Raises:
        Refused: no witness, or not said what was wiped. Conflict: it went back already, or cameras are still on.
    """
    require(actor, MANAGE)
    lock_deployment(kit.deployment)
    if not witness.strip() or not wiping.strip():
        raise Refused("Say what was wiped and how it was checked, and who stood by.")
    if witness.strip().lower() in (str(actor).lower(), str(getattr(actor, "username", "")).lower()):
        raise Refused("The witness must be somebody else.")
    if kit.deployment.state in (Deployment.State.LIVE, Deployment.State.PAUSED):
        raise Conflict("Cameras are still in use.")
    rows = Kit.objects.filter(pk=kit.pk, returned_at__isnull=True)
    given = {
        "returned_at": timezone.now(),
        "returned_by_id": actor.pk,
        "witness": witness.strip(),
        "wiping": wiping.strip(),
    }
    if not rows.update(**given):
        raise Conflict("This went back already.")
    record(Action.KIT_RETURNED, actor=actor, target=kit, data={"deployment": str(kit.deployment_id)})


@transaction.atomic
def begin_review(deployment: Deployment, *, review: str, actor: AbstractBaseUser) -> None:
    """Write what was learned: whether it met its objective, its conditions, what went wrong."""
    lock_deployment(deployment)
    _of_review(review)
    move(deployment, STEPS["begin_review"], actor=actor, changes={"review": review.strip()})
    announce(deployment.id, "deployment.changed", deployment.id)


@transaction.atomic
def change_review(deployment: Deployment, *, review: str, actor: AbstractBaseUser) -> None:
    """Write the review anew, until the deployment is closed."""
    require(actor, RUN)
    lock_deployment(deployment)
    _of_review(review)
    if deployment.state != Deployment.State.REVIEW:
        raise Conflict(f"This deployment is {deployment.get_state_display().lower()}.")
    deployment.review = review.strip()
    deployment.save(update_fields=["review"])
    record(Action.DEPLOYMENT_REVIEWED, actor=actor, target=deployment)


@transaction.atomic
def close(deployment: Deployment, *, actor: AbstractBaseUser) -> None:
    """Close the record.

    Raises:
        Refused: with everything that is still open. Conflict: it is not in review.
    """
    require(actor, AUTHORISE)
    lock_deployment(deployment)
    open_ends = open_ends_of(deployment)
    if open_ends and deployment.state == Deployment.State.REVIEW:
        raise Refused(" ".join(open_ends))
    move(deployment, STEPS["close"], actor=actor, changes={"closed_at": timezone.now()})
    announce(deployment.id, "deployment.changed", deployment.id)


def open_ends_of(deployment: Deployment) -> list[str]:
    """What must be settled before a deployment is closed; empty when nothing must."""
    found = []
    unsettled = deployment.counters().open
    if unsettled:
        found.append(f"Possible matches without an outcome: {unsettled}.")
    lists = Watchlist.objects.filter(periods__deployment=deployment) | Watchlist.objects.filter(
        blue_periods__deployment=deployment
    )
    left = lists.filter(certificate__isnull=True).distinct().count()
    if left:
        found.append(f"Lists without a certificate of destruction: {left}.")
    kit = deployment.kit.filter(returned_at__isnull=True).count()
    if kit:
        found.append(f"Loaned equipment not wiped and returned: {kit}.")
    if deployment.lender and not deployment.kit.exists():
        found.append(f"Equipment was lent by {deployment.lender}, and none of it is on the register.")
    return found


def _of_review(review: str) -> None:
    if not review.strip():
        raise Refused("Write the review: objective, conditions, what went well and what did not.")
    refuse_names_on_file(review)
