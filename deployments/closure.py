"""Acts after the cameras are off: wiping equipment and media, writing the review and closing the deployment."""

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
from deployments.models import STEPS, Deployment, Document, Kit, Sign
from deployments.permissions import AUTHORISE_DEPLOYMENT, MANAGE_CAMERAS, RUN_DEPLOYMENT
from watchlists.models import Watchlist
from watchlists.operations import refuse_names_on_file


@transaction.atomic
def receive_kit(
    deployment: Deployment, *, kind: str, description: str, serial: str, lender: str = "", actor: AbstractBaseUser
) -> Kit:
    """Register loaned equipment, equipment of the force or a removable medium, which may hold data.

    lender: of loaned equipment only.

    Raises:
        Refused: a field is empty, or the serial number is already on the register. Conflict: the deployment is closed.
    """
    require(actor, MANAGE_CAMERAS)
    lock_deployment(deployment)
    if deployment.state in (Deployment.State.CLOSED, Deployment.State.RESULTS_PUBLISHED):
        raise Conflict("This deployment is closed.")
    if kind not in Kit.Kind.values or not (description.strip() and serial.strip()):
        raise Refused("Select what it is, and enter its description and its serial number.")
    if bool(lender.strip()) != (kind == Kit.Kind.LOANED):
        raise Refused("Enter the lender for equipment lent by another force, and leave it empty otherwise.")
    kit, is_new = Kit.objects.get_or_create(
        deployment=deployment,
        serial=serial.strip(),
        defaults={
            "kind": kind,
            "description": description.strip(),
            "lender": lender.strip(),
            "received_at": timezone.now(),
            "received_by_id": actor.pk,
        },
    )
    if not is_new:
        raise Refused("Equipment with this serial number is already on the register.")
    record(
        Action.KIT_RECEIVED,
        actor=actor,
        target=kit,
        data={"deployment": str(deployment.pk), "kind": kind, "lender": kit.lender},
    )
    return kit


@transaction.atomic
def wipe_kit(kit: Kit, *, witness: str, wiping: str, actor: AbstractBaseUser) -> None:
    """Record that equipment or a medium was wiped in front of a witness, and loaned equipment returned.

    Raises:
        Refused: a field is empty, or the witness is the actor. Conflict: it was wiped already, or the deployment is
            not over.
    """
    require(actor, MANAGE_CAMERAS)
    lock_deployment(kit.deployment)
    check_witness(witness, wiping, actor)
    if not kit.deployment.is_over:
        raise Conflict("This deployment is not over, and the equipment may be used again. Wipe it afterwards.")
    rows = Kit.objects.filter(pk=kit.pk, wiped_at__isnull=True)
    given = {
        "wiped_at": timezone.now(),
        "wiped_by_id": actor.pk,
        "witness": witness.strip(),
        "wiping": wiping.strip(),
    }
    if not rows.update(**given):
        raise Conflict("This is recorded as wiped already.")
    data = {"deployment": str(kit.deployment_id), "kind": kit.kind}
    record(Action.KIT_WIPED, actor=actor, target=kit, data=dict(data))


def check_witness(witness: str, wiping: str, actor: AbstractBaseUser) -> None:
    """Raise Refused unless it is said what was wiped, and somebody else than the actor saw it."""
    if not witness.strip() or not wiping.strip():
        raise Refused("Enter what was wiped, how this was checked and the witness.")
    names = (str(actor), actor.get_username(), getattr(actor, "get_full_name", str)())
    if _plain(witness) in {_plain(name) for name in names}:
        raise Refused("You cannot be the witness yourself. Enter someone else's name.")


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


@transaction.atomic
def begin_review(deployment: Deployment, *, review: str, media_used: bool, actor: AbstractBaseUser) -> None:
    """Begin the review of a deployment that has ended or was stopped.

    review: whether the objective and conditions were met, and what went wrong. media_used: whether removable media
    were; they must then be on the register.
    """
    lock_deployment(deployment)
    _of_review(review)
    changes = {"review": review.strip(), "media_used": media_used}
    move(deployment, STEPS["begin_review"], actor=actor, changes=changes, data={"media_used": media_used})
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)


@transaction.atomic
def change_review(deployment: Deployment, *, review: str, media_used: bool, actor: AbstractBaseUser) -> None:
    """Change the review, until the deployment is closed."""
    require(actor, RUN_DEPLOYMENT)
    lock_deployment(deployment)
    _of_review(review)
    if deployment.state != Deployment.State.REVIEW:
        raise Conflict(f"This deployment is {deployment.quoted_state}.")
    deployment.review, deployment.media_used = review.strip(), media_used
    deployment.save(update_fields=["review", "media_used"])
    record(Action.DEPLOYMENT_REVIEWED, actor=actor, target=deployment, data={"media_used": media_used})


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
    return found + _kit_left(deployment) + _media_left(deployment) + _street_left(deployment)


def left_behind(deployment: Deployment) -> list[str]:
    """Return what is still to be wiped and taken down after a deployment that never went live."""
    return _kit_left(deployment) + _street_left(deployment)


def _kit_left(deployment: Deployment) -> list[str]:
    found = []
    unwiped = deployment.kit.filter(wiped_at__isnull=True).count()
    if unwiped:
        found.append(f"Equipment and media not wiped: {unwiped}.")
    took_place = deployment.periods.filter(went_live_at__isnull=False).exists()
    if deployment.lender and took_place and not deployment.kit.filter(kind=Kit.Kind.LOANED).exists():
        found.append(f"{deployment.lender} lent equipment, but none of it is on the register.")
    return found


def _media_left(deployment: Deployment) -> list[str]:
    found = []
    if deployment.media_used is None:
        found.append("The review does not say whether removable media were used.")
    if deployment.media_used and not deployment.kit.filter(kind=Kit.Kind.MEDIUM).exists():
        found.append("Removable media were used, but none is on the register.")
    return found


def _street_left(deployment: Deployment) -> list[str]:
    found = []
    still_up = Sign.objects.filter(period__deployment=deployment, taken_down_at__isnull=True).count()
    if still_up:
        found.append(f"Signs not taken down: {still_up}.")
    uncounted = deployment.periods.filter(went_live_at__isnull=False, cards_handed_out__isnull=True).count()
    if uncounted:
        found.append(f"Periods without the number of cards handed out: {uncounted}.")
    return found


def _of_review(review: str) -> None:
    if not review.strip():
        raise Refused("Enter the review: were the objective and conditions met, what went well and what did not?")
    refuse_names_on_file(review)
