"""Operations on thresholds and the evidence behind them, and the effect expected of a threshold."""

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
from watchlists.permissions import KEEP_EVIDENCE, PROPOSE_THRESHOLD


@dataclass(frozen=True)
class Outlook:
    """The effect expected of a threshold on a list of this size, by its calibration.

    false_alerts: among `footfall` faces, each compared once. is_extrapolated: the list is larger than the one measured.
    """

    threshold: float
    list_size: int
    footfall: int
    fpir: Rate
    tpir: Rate
    false_alerts: Rate
    is_extrapolated: bool


def outlook(point: OperatingPoint, list_size: int, footfall: int) -> Outlook | None:
    """Return the outlook of a threshold; None if it has no calibration."""
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
    """Return evidence in force that supports this engine at this threshold; None if there is none."""
    return BiasEvidence.objects.in_force(point.engine, on).filter(lowest_threshold__lte=point.threshold).first()


def obstacles_to(point: OperatingPoint, on: dt.date) -> list[str]:
    """Return why nothing can be authorised at this threshold on that day; empty if it can."""
    found = []
    if point.calibration_id is None:
        found.append("The threshold has no calibration.")
    if point.engine != engines.current_engine():
        found.append("The threshold belongs to another recognition engine.")
    evidence = BiasEvidence.objects.in_force(point.engine, on)
    if not evidence.exists():
        found.append("There is no evidence in force on how this engine performs by ethnicity, sex and age.")
    elif support(point, on) is None:
        lowest = min(evidence.values_list("lowest_threshold", flat=True))
        found.append(f"The evidence supports thresholds of {lowest:.3f} or higher, and this threshold is lower.")
    return found


@transaction.atomic
def record_evidence(given: Mapping[str, Any], *, actor: AbstractBaseUser) -> BiasEvidence:
    """Record evidence on the present engine's fairness. given: the fields of BiasEvidence that people fill in.

    Raises:
        Refused: it has already expired, or its threshold is not between 0 and 1.
    """
    require(actor, KEEP_EVIDENCE)
    if given["expires_on"] < timezone.localdate():
        raise Refused("This evidence has expired. Enter a date of today or later.")
    if not 0 < given["lowest_threshold"] < 1:
        raise Refused("The threshold must be between 0 and 1.")
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
    """Withdraw evidence. Deployments that rely only on it can no longer go live.

    Raises:
        Conflict: it is already withdrawn.
    """
    require(actor, KEEP_EVIDENCE)
    rows = BiasEvidence.objects.filter(pk=evidence.pk, withdrawn_at__isnull=True)
    if not rows.update(withdrawn_at=timezone.now(), withdrawn_by_id=actor.pk):
        raise Conflict("This evidence has already been withdrawn.")
    record(Action.EVIDENCE_WITHDRAWN, actor=actor, target=evidence)


def choose(calibration: Calibration, wanted_fpir: float, list_size: int) -> Threshold:
    """Return the threshold that a calibration gives for a wanted rate on a list of this size.

    Raises:
        Refused: the calibration has too few strangers to support such a rate.
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
    """Propose the threshold that a calibration gives.

    Raises:
        Refused: the calibration is of another engine or cannot support the rate, or no evidence supports the threshold.
    """
    require(actor, PROPOSE_THRESHOLD)
    refuse_names_on_file(reason)
    if calibration.engine != engines.current_engine():
        raise Refused("This calibration belongs to another recognition engine.")
    chosen = choose(calibration, wanted_fpir, list_size)
    # Rounded up: the threshold shown is the one in force.
    threshold = math.ceil(chosen.value * 1000) / 1000
    evidence = BiasEvidence.objects.in_force(calibration.engine, timezone.localdate())
    supporting = evidence.filter(lowest_threshold__lte=threshold).first()
    if supporting is None:
        raise Refused(
            f"No evidence in force supports this engine at {threshold:.3f}. Ask a compliance officer to record "
            "evidence, or propose a higher threshold."
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
    """Put a proposed threshold in force for new applications.

    Raises:
        Refused: the actor proposed it, or its evidence is no longer in force. Conflict: it is already decided.
    """
    _not_the_proposer(proposal, actor)
    evidence = BiasEvidence.objects.filter(pk=proposal.evidence_id or 0).first()
    if evidence is None or evidence.withdrawn_at is not None or evidence.expires_on < timezone.localdate():
        raise Refused("The evidence for this proposal is no longer in force.")
    _decide(proposal, "approve", reason, actor)
    chosen = choose(proposal.calibration, proposal.wanted_fpir, proposal.list_size)
    point = engines.set_calibrated_point(proposal.calibration, chosen, actor=actor)
    ThresholdProposal.objects.filter(pk=proposal.pk).update(point=point)
    return point


@transaction.atomic
def reject(proposal: ThresholdProposal, *, reason: str, actor: AbstractBaseUser) -> None:
    """Reject a proposed threshold.

    Raises:
        Refused: the actor proposed it. Conflict: it is already decided.
    """
    _not_the_proposer(proposal, actor)
    _decide(proposal, "reject", reason, actor)


def _not_the_proposer(proposal: ThresholdProposal, actor: AbstractBaseUser) -> None:
    if actor.pk == proposal.proposed_by_id:
        raise Refused("You proposed this threshold, so another person must decide on it.")


def _decide(proposal: ThresholdProposal, step: str, reason: str, actor: AbstractBaseUser) -> None:
    refuse_names_on_file(reason)
    changes = {"decided_by": actor, "decided_at": timezone.now(), "decision_reason": reason}
    data = {"threshold": f"{proposal.threshold:.4f}", "reason": reason}
    move(proposal, PROPOSAL_STEPS[step], actor=actor, changes=changes, data=data)
