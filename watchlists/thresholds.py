"""Acts on thresholds and on the evidence they rest on, and what a threshold may be expected to do."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.machine import JournalData, move
from core.permissions import require
from recognition.calibration import CannotSupport, Rate, Threshold
from watchlists import engines
from watchlists.models import PROPOSAL_STEPS, BiasEvidence, Calibration, OperatingPoint, ThresholdProposal
from watchlists.operations import refuse_names_on_file

KEEP_EVIDENCE, PROPOSE = "watchlists.keep_evidence", "watchlists.propose_threshold"


@dataclass(frozen=True)
class Outlook:
    """What a threshold may be expected to do on a list of this size, by its calibration.

    false_alerts: among so many faces, each looked at once. is_extrapolated: the list is larger than the one measured.
    """

    threshold: float
    list_size: int
    footfall: int
    fpir: Rate
    tpir: Rate
    false_alerts: Rate
    is_extrapolated: bool


def outlook(point: OperatingPoint, list_size: int, footfall: int) -> Outlook | None:
    """None for a threshold that rests on no calibration."""
    if point.calibration is None:
        return None
    measured, size = point.calibration.measured, max(list_size, 1)
    return Outlook(
        point.threshold,
        size,
        footfall,
        measured.fpir(point.threshold, size),
        measured.tpir(point.threshold),
        measured.false_alerts(point.threshold, size, footfall),
        size > measured.gallery,
    )


def support(point: OperatingPoint, on: dt.date) -> BiasEvidence | None:
    """The evidence in force that supports this engine at this threshold."""
    return BiasEvidence.objects.in_force(point.engine, on).filter(lowest_threshold__lte=point.threshold).first()


def obstacles_to(point: OperatingPoint, on: dt.date) -> list[str]:
    """Why nothing may be authorised at this threshold on that day; empty when it may."""
    found = []
    if point.calibration_id is None:
        found.append("The threshold rests on no calibration of this engine.")
    if point.engine != engines.current_engine():
        found.append("The threshold is of another recognition engine than the present one.")
    evidence = BiasEvidence.objects.in_force(point.engine, on)
    if not evidence.exists():
        found.append("There is no evidence in force on how this engine does by ethnicity, sex and age.")
    elif support(point, on) is None:
        lowest = min(evidence.values_list("lowest_threshold", flat=True))
        found.append(f"The evidence supports this engine from {lowest:.3f} on, and the threshold is lower.")
    return found


@transaction.atomic
def record_evidence(given: Mapping[str, Any], *, actor: AbstractBaseUser) -> BiasEvidence:
    """Keep an entry on the present engine's fairness. given: the fields of BiasEvidence that people fill in.

    Raises:
        Refused: it has expired already, or its threshold is none.
    """
    require(actor, KEEP_EVIDENCE)
    if given["expires_on"] < timezone.localdate():
        raise Refused("This evidence has expired already.")
    if not 0 < given["lowest_threshold"] < 1:
        raise Refused("A threshold lies between 0 and 1.")
    evidence = BiasEvidence.objects.create(engine=engines.current_engine(), recorded_by_id=actor.pk, **given)
    data = {
        "lowest_threshold": f"{evidence.lowest_threshold:.4f}",
        "expires_on": evidence.expires_on.isoformat(),
        "engine": evidence.engine.digest,
    }
    record(Action.EVIDENCE_RECORDED, actor=actor, target=evidence, data=data)
    return evidence


@transaction.atomic
def withdraw_evidence(evidence: BiasEvidence, *, actor: AbstractBaseUser) -> None:
    """Say that an entry no longer holds: what rests on it alone cannot go live any more.

    Raises:
        Conflict: it is withdrawn already.
    """
    require(actor, KEEP_EVIDENCE)
    rows = BiasEvidence.objects.filter(pk=evidence.pk, withdrawn_at__isnull=True)
    if not rows.update(withdrawn_at=timezone.now(), withdrawn_by_id=actor.pk):
        raise Conflict("This entry was withdrawn already.")
    record(Action.EVIDENCE_WITHDRAWN, actor=actor, target=evidence)


def choose(calibration: Calibration, wanted_fpir: float, list_size: int) -> Threshold:
    """The threshold that a calibration gives for a wanted rate on a list of this size.

    Raises:
        Refused: the calibration has too few strangers to show such a rate.
    """
    try:
        return calibration.measured.threshold(wanted_fpir, list_size)
    except CannotSupport as error:
        raise Refused(str(error)) from error


@transaction.atomic
def propose(
    calibration: Calibration,
    *,
    wanted_fpir: float,
    list_size: int,
    footfall: int,
    reason: str,
    actor: AbstractBaseUser,
) -> ThresholdProposal:
    """Ask for the threshold that a calibration gives.

    Raises:
        Refused: of another engine, not to be shown, or below what the evidence supports.
    """
    require(actor, PROPOSE)
    refuse_names_on_file(reason)
    if calibration.engine != engines.current_engine():
        raise Refused("This calibration is of another recognition engine than the present one.")
    chosen = choose(calibration, wanted_fpir, list_size)
    # Rounded up: what is shown is what holds.
    threshold = math.ceil(chosen.value * 1000) / 1000
    evidence = BiasEvidence.objects.in_force(calibration.engine, timezone.localdate())
    supporting = evidence.filter(lowest_threshold__lte=threshold).first()
    if supporting is None:
        raise Refused(
            f"No evidence in force supports this engine at {threshold:.3f}. Compliance must record it first, or the "
            "threshold be higher."
        )
    proposal = ThresholdProposal.objects.create(
        calibration=calibration,
        threshold=threshold,
        wanted_fpir=wanted_fpir,
        list_size=list_size,
        footfall=footfall,
        expected_false_alerts=calibration.measured.false_alerts(threshold, list_size, footfall).value,
        reason=reason,
        evidence=supporting,
        proposed_by_id=actor.pk,
    )
    data: JournalData = {"threshold": f"{threshold:.4f}", "list_size": list_size, "reason": reason}
    record(Action.THRESHOLD_PROPOSED, actor=actor, target=proposal, data=data)
    return proposal


@transaction.atomic
def approve(proposal: ThresholdProposal, *, reason: str, actor: AbstractBaseUser) -> OperatingPoint:
    """Put a proposed threshold in force for applications to come.

    Raises:
        Refused: the approver proposed it, or its evidence no longer holds. Conflict: decided already.
    """
    _not_the_proposer(proposal, actor)
    evidence = BiasEvidence.objects.filter(pk=proposal.evidence_id or 0).first()
    if evidence is None or evidence.withdrawn_at is not None or evidence.expires_on < timezone.localdate():
        raise Refused("The evidence that this proposal rests on no longer holds.")
    _decide(proposal, "approve", reason, actor)
    chosen = choose(proposal.calibration, proposal.wanted_fpir, proposal.list_size)
    point = engines.set_calibrated_point(proposal.calibration, chosen, actor=actor)
    ThresholdProposal.objects.filter(pk=proposal.pk).update(point=point)
    return point


@transaction.atomic
def reject(proposal: ThresholdProposal, *, reason: str, actor: AbstractBaseUser) -> None:
    """Raises Refused for its proposer, Conflict when it was decided already."""
    _not_the_proposer(proposal, actor)
    _decide(proposal, "reject", reason, actor)


def _not_the_proposer(proposal: ThresholdProposal, actor: AbstractBaseUser) -> None:
    if actor.pk == proposal.proposed_by_id:
        raise Refused("Who proposed a threshold may not decide on it: somebody else must.")


def _decide(proposal: ThresholdProposal, step: str, reason: str, actor: AbstractBaseUser) -> None:
    refuse_names_on_file(reason)
    changes = {"decided_by": actor, "decided_at": timezone.now(), "decision_reason": reason}
    data = {"threshold": f"{proposal.threshold:.4f}", "reason": reason}
    move(proposal, PROPOSAL_STEPS[step], actor=actor, changes=changes, data=data)
