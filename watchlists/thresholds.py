"""Thresholds: proposed by one person, approved by another, and the effect expected of them."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Refused
from core.machine import JournalData, move
from core.permissions import require
from core.ranks import rank_of
from recognition.calibration import CannotSupport, Rate, Threshold
from training.register import require_authorising
from watchlists import choices, engines, evidence
from watchlists.models import PROPOSAL_STEPS, BiasEvidence, Calibration, OperatingPoint, ThresholdProposal
from watchlists.operations import refuse_names_on_file
from watchlists.permissions import APPROVE_THRESHOLD, PROPOSE_THRESHOLD


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


def outlook(point: OperatingPoint, list_size: int, footfall: int) -> Outlook:
    """Return the outlook of a threshold."""
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
    """Return the entry in force that covers this engine at this threshold, measured evidence first; None if none."""
    return evidence.covering(point.engine, point.threshold, on)


def obstacles_to(point: OperatingPoint, on: dt.date) -> list[str]:
    """Return why nothing can be authorised at this threshold on that day; empty if it can."""
    found = []
    if point.engine != engines.current_engine():
        found.append("The threshold belongs to another recognition engine.")
    in_force = BiasEvidence.objects.in_force(point.engine, on)
    if not in_force.exists():
        found.append(
            "There is no countersigned evidence in force on how this engine performs by ethnicity, sex and age, and no "
            "risk acceptance."
        )
    elif support(point, on) is None:
        ranges = " and ".join(each.range_words for each in in_force.order_by("lowest_threshold"))
        found.append(
            f"The evidence in force covers thresholds of {ranges}, and {point.threshold:.3f} is outside. It says "
            "nothing about other thresholds."
        )
    return found


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
    threshold: float,
    list_size: int,
    footfall: int,
    reason: str,
    actor: AbstractBaseUser,
) -> ThresholdProposal:
    """Propose a threshold, with what its calibration expects of it.

    Raises:
        Refused: the calibration is of another engine, the threshold is not between 0 and 1, or no evidence covers it.
    """
    require(actor, PROPOSE_THRESHOLD)
    refuse_names_on_file(reason)
    if calibration.engine != engines.current_engine():
        raise Refused("This calibration belongs to another recognition engine.")
    # Rounded up: the threshold shown is the one in force, and stops no more strangers than was asked for.
    threshold = math.ceil(round(threshold * 1000, 6)) / 1000
    if not 0 < threshold < 1:
        raise Refused("The threshold must be between 0 and 1.")
    supporting = evidence.covering(calibration.engine, threshold, timezone.localdate())
    if supporting is None:
        raise Refused(
            f"No evidence in force covers this engine at {threshold:.3f}. Ask a compliance officer to record evidence "
            "and the senior responsible owner to countersign it, or propose another threshold."
        )
    proposal = ThresholdProposal.objects.create(
        calibration=calibration,
        threshold=threshold,
        list_size=list_size,
        footfall=footfall,
        expected_false_alerts=calibration.measured.false_alerts(threshold, list_size, footfall).value,
        faces_a_false_alert=settings.LFR_FACES_A_FALSE_ALERT,
        reason=reason,
        evidence=supporting,
        proposed_by_id=actor.pk,
    )
    data: JournalData = {
        "threshold": f"{threshold:.4f}",
        "list_size": list_size,
        "reason": reason,
        "evidence": supporting.pk,
        "above_ceiling": proposal.is_above_ceiling,
    }
    record(Action.THRESHOLD_PROPOSED, actor=actor, target=proposal, data=data)
    return proposal


@transaction.atomic
def approve(proposal: ThresholdProposal, *, reason: str, actor: AbstractBaseUser) -> OperatingPoint:
    """Put a proposed threshold in force for new applications. Nothing else puts one in force.

    Raises:
        Refused: the actor proposed it, their rank is below `APPROVES`, or its evidence is no longer in force.
        Conflict: it is already decided.
    """
    require(actor, APPROVE_THRESHOLD)
    _not_the_proposer(proposal, actor)
    require_authorising(actor, choices.APPROVES)
    engine, threshold = proposal.calibration.engine, proposal.threshold
    if not BiasEvidence.objects.in_force(engine, timezone.localdate()).filter(pk=proposal.evidence_id).exists():
        raise Refused("The evidence for this proposal is no longer in force.")
    _decide(proposal, "approve", reason, actor)
    point = OperatingPoint.objects.create(
        engine=engine,
        calibration=proposal.calibration,
        proposal=proposal,
        threshold=threshold,
        basis=_basis(proposal.calibration, threshold, proposal.list_size),
    )
    data = {"threshold": f"{threshold:.4f}", "basis": point.basis}
    record(Action.OPERATING_POINT_SET, actor=actor, target=point, data=data)
    return point


@transaction.atomic
def reject(proposal: ThresholdProposal, *, reason: str, actor: AbstractBaseUser) -> None:
    """Reject a proposed threshold.

    Raises:
        Refused: the actor proposed it, or their rank is too low. Conflict: it is already decided.
    """
    require(actor, APPROVE_THRESHOLD)
    _not_the_proposer(proposal, actor)
    require_authorising(actor, choices.APPROVES)
    _decide(proposal, "reject", reason, actor)


def _basis(calibration: Calibration, threshold: float, list_size: int) -> str:
    measured = calibration.measured
    fpir, tpir = measured.fpir(threshold, list_size), measured.tpir(threshold)
    return (
        f"{calibration.dataset}: {measured.gallery:,} people enrolled, {len(measured.own):,} other photographs of "
        f"them, {len(measured.strangers):,} strangers, one photograph compared with one. For a list of "
        f"{list_size:,} people at {threshold:.3f}: {fpir.value:.2%} of strangers above the threshold "
        f"({fpir.low:.2%} to {fpir.high:.2%}), {tpir.value:.1%} of people found ({tpir.low:.1%} to {tpir.high:.1%})."
    )


def _not_the_proposer(proposal: ThresholdProposal, actor: AbstractBaseUser) -> None:
    if actor.pk == proposal.proposed_by_id:
        raise Refused("You proposed this threshold, so another person must decide on it.")


def _decide(proposal: ThresholdProposal, step: str, reason: str, actor: AbstractBaseUser) -> None:
    refuse_names_on_file(reason)
    now = timezone.now()
    changes = {"decided_by": actor, "decided_rank": rank_of(actor), "decided_at": now, "decision_reason": reason}
    data = {"threshold": f"{proposal.threshold:.4f}", "reason": reason, "rank": rank_of(actor)}
    move(proposal, PROPOSAL_STEPS[step], actor=actor, changes=changes, data=data)
