"""Lending equipment to other forces under an agreement, and recording disclosures."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.permissions import require
from deployments.closure import check_witness
from deployments.models import Deployment, Disclosure, EquipmentLoan, GoverningDocument
from deployments.permissions import MANAGE_CAMERAS, RECORD_DISCLOSURE
from watchlists.operations import refuse_names_on_file


@transaction.atomic
def lend(
    *,
    description: str,
    serial: str,
    borrower: str,
    controller: str,
    purpose: str,
    agreement: GoverningDocument,
    due_back_on: dt.date,
    staff: str = "",
    actor: AbstractBaseUser,
) -> EquipmentLoan:
    """Record that equipment is lent to another force, and who controls the data that are processed with it.

    Raises:
        Refused: something is missing, the agreement is not one of mutual aid in force, or the equipment is lent
            already.
    """
    require(actor, MANAGE_CAMERAS)
    texts = (description, serial, borrower, controller, purpose)
    if not all(text.strip() for text in texts):
        raise Refused("Enter the equipment, its serial number, whom it is lent to, the controller and the purpose.")
    today = timezone.localdate()
    if agreement.kind != GoverningDocument.Kind.MUTUAL_AID or not agreement.is_in_force(today):
        raise Refused("Select an agreement of mutual aid that is in force.")
    if due_back_on < today:
        raise Refused("Enter the day on which it is due back: today or later.")
    refuse_names_on_file(*texts, staff)
    made = EquipmentLoan(
        description=description.strip(),
        serial=serial.strip(),
        borrower=borrower.strip(),
        controller=controller.strip(),
        staff=staff.strip(),
        purpose=purpose.strip(),
        agreement=agreement,
        lent_at=timezone.now(),
        lent_by_id=actor.pk,
        due_back_on=due_back_on,
    )
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise Refused("Equipment with this serial number is lent already. Record its return first.") from error
    data = {
        "borrower": made.borrower,
        "controller": made.controller,
        "agreement": str(agreement),
        "due_back": due_back_on.isoformat(),
    }
    record(Action.LOAN_MADE, actor=actor, target=made, data=dict(data))
    return made


@transaction.atomic
def take_back(loan: EquipmentLoan, *, witness: str, wiping: str, actor: AbstractBaseUser) -> None:
    """Record that lent equipment came back, and was wiped in front of a witness.

    Raises:
        Refused: a field is empty, or the witness is the actor. Conflict: it is recorded as back already.
    """
    require(actor, MANAGE_CAMERAS)
    check_witness(witness, wiping, actor)
    rows = EquipmentLoan.objects.filter(pk=loan.pk, returned_at__isnull=True)
    given = {"returned_at": timezone.now(), "returned_by_id": actor.pk, "witness": witness.strip()}
    if not rows.update(**given, wiping=wiping.strip()):
        raise Conflict("This equipment is recorded as back already.")
    record(Action.LOAN_ENDED, actor=actor, target=loan, data={"borrower": loan.borrower})


@transaction.atomic
def disclose(
    *,
    what: str,
    recipient: str,
    purpose: str,
    basis: str,
    disclosed_at: dt.datetime,
    deployment: Deployment | None = None,
    actor: AbstractBaseUser,
) -> Disclosure:
    """Record what was given to somebody outside the force: what, to whom, for what, and on what basis.

    Raises:
        Refused: something is missing, the time is in the future, or a text names somebody on a watchlist.
    """
    require(actor, RECORD_DISCLOSURE)
    if not (what.strip() and recipient.strip() and purpose.strip()) or basis not in Disclosure.Basis.values:
        raise Refused("Enter what was disclosed, to whom and for what, and select the basis.")
    if disclosed_at > timezone.now():
        raise Refused("Record a disclosure once it was made. This time is in the future.")
    refuse_names_on_file(what, recipient, purpose)
    made = Disclosure.objects.create(
        deployment=deployment,
        what=what.strip(),
        recipient=recipient.strip(),
        purpose=purpose.strip(),
        basis=basis,
        disclosed_at=disclosed_at,
        recorded_by_id=actor.pk,
    )
    # The audit log keeps this for ever. Who received what is disclosed to them is the subject themselves here.
    is_subject = basis == Disclosure.Basis.SUBJECT
    data = {
        "recipient": "the person themselves or their representative" if is_subject else made.recipient,
        "basis": basis,
        "at": disclosed_at.isoformat(),
        "deployment": str(deployment.pk) if deployment is not None else "",
    }
    record(Action.DISCLOSED, actor=actor, target=made, data=dict(data))
    return made
