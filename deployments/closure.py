"""Acts after the cameras are off: returning equipment, writing the review and closing the deployment."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.machine import move
from core.permissions import require
from core.sockets import Event
from deployments import documents
from deployments.events import announce
from deployments.locks import lock_deployment
from deployments.models import STEPS, Deployment, Document, Kit
from deployments.permissions import AUTHORISE_DEPLOYMENT, MANAGE_CAMERAS, RUN_DEPLOYMENT
from watchlists.models import Watchlist
from watchlists.operations import refuse_names_on_file


@transaction.atomic
def receive_kit(deployment: Deployment, *, description: str, serial: str, lender: str, actor: AbstractBaseUser) -> Kit:
    """Record that equipment lent by another force was received.

    Raises:
        Refused: a field is empty, or the serial number is already on the register. Conflict: the deployment is closed.
    """
    require(actor, MANAGE_CAMERAS)
    lock_deployment(deployment)
    if deployment.state in (Deployment.State.CLOSED, Deployment.State.RESULTS_PUBLISHED):
        raise Conflict("This deployment is closed.")
    if not (description.strip() and serial.strip() and lender.strip()):
        raise Refused("Enter the equipment, its serial number and the lender.")
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
        raise Refused("Equipment with this serial number is already on the register.")
    record(Action.KIT_RECEIVED, actor=actor, target=kit, data={"deployment": str(deployment.pk), "lender": kit.lender})
    return kit


@transaction.atomic
def return_kit(kit: Kit, *, witness: str, wiping: str, actor: AbstractBaseUser) -> None:
    """Record that equipment was wiped in front of a witness and returned.

    Raises:
        Refused: a field is empty, or the witness is the actor. Conflict: it was already returned, or the deployment is
            live or paused.
    """
    require(actor, MANAGE_CAMERAS)
    lock_deployment(kit.deployment)
    if not witness.strip() or not wiping.strip():
        raise Refused("Enter what was wiped, how this was checked and the witness.")
    if witness.strip().lower() in (str(actor).lower(), str(getattr(actor, "username", "")).lower()):
        raise Refused("You cannot be the witness yourself. Enter someone else's name.")
    if kit.deployment.state in (Deployment.State.LIVE, Deployment.State.PAUSED):
        raise Conflict("The cameras are still in use. End the period first.")
    rows = Kit.objects.filter(pk=kit.pk, returned_at__isnull=True)
    given = {
        "returned_at": timezone.now(),
        "returned_by_id": actor.pk,
        "witness": witness.strip(),
        "wiping": wiping.strip(),
    }
    if not rows.update(**given):
        raise Conflict("This equipment has already been returned.")
    record(Action.KIT_RETURNED, actor=actor, target=kit, data={"deployment": str(kit.deployment_id)})


@transaction.atomic
def begin_review(deployment: Deployment, *, review: str, actor: AbstractBaseUser) -> None:
    """Begin the review of a deployment that has ended or was stopped.

    review: whether the objective and conditions were met, and what went wrong.
    """
    lock_deployment(deployment)
    _of_review(review)
    move(deployment, STEPS["begin_review"], actor=actor, changes={"review": review.strip()})
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)


@transaction.atomic
def change_review(deployment: Deployment, *, review: str, actor: AbstractBaseUser) -> None:
    """Change the review, until the deployment is closed."""
    require(actor, RUN_DEPLOYMENT)
    lock_deployment(deployment)
    _of_review(review)
    if deployment.state != Deployment.State.REVIEW:
        raise Conflict(f"This deployment is {deployment.quoted_state}.")
    deployment.review = review.strip()
    deployment.save(update_fields=["review"])
    record(Action.DEPLOYMENT_REVIEWED, actor=actor, target=deployment)


@transaction.atomic
def close(deployment: Deployment, *, actor: AbstractBaseUser) -> None:
    """Close a deployment.

    Raises:
        Refused: something is still open; the message lists it. Conflict: the deployment is not in review.
    """
    require(actor, AUTHORISE_DEPLOYMENT)
    lock_deployment(deployment)
    open_ends = open_ends_of(deployment)
    if open_ends and deployment.state == Deployment.State.REVIEW:
        raise Refused(" ".join(open_ends))
    move(deployment, STEPS["close"], actor=actor, changes={"closed_at": timezone.now()})
    documents.make_or_leave(deployment, Document.Kind.POST_DEPLOYMENT)
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)


def open_ends_of(deployment: Deployment) -> list[str]:
    """Return what must be settled before a deployment can be closed; empty if nothing is open."""
    found = []
    unsettled = deployment.counters().open
    if unsettled:
        found.append(f"Possible matches without an outcome: {unsettled}.")
    lists = Watchlist.objects.filter(periods__deployment=deployment) | Watchlist.objects.filter(
        blue_periods__deployment=deployment
    )
    left = lists.filter(certificate__isnull=True).distinct().count()
    if left:
        found.append(f"Watchlists without a certificate of destruction: {left}.")
    kit = deployment.kit.filter(returned_at__isnull=True).count()
    if kit:
        found.append(f"Loaned equipment not wiped and returned: {kit}.")
    if deployment.lender and not deployment.kit.exists():
        found.append(f"{deployment.lender} lent equipment, but none of it is on the register.")
    return found


def _of_review(review: str) -> None:
    if not review.strip():
        raise Refused("Enter the review: were the objective and conditions met, what went well and what did not?")
    refuse_names_on_file(review)
