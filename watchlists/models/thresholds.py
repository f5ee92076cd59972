"""Thresholds that one person proposes and another approves, and which are then in force."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from audit.actions import Action
from core.machine import Stateful, Step
from core.ranks import Rank
from watchlists.models.engines import Calibration, Engine
from watchlists.models.evidence import BiasEvidence
from watchlists.permissions import APPROVE_THRESHOLD


class ThresholdProposal(Stateful, models.Model):
    """A threshold that one person proposes from a calibration and another approves. Steps: PROPOSAL_STEPS."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    calibration = models.ForeignKey(Calibration, on_delete=models.PROTECT, related_name="proposals")
    threshold = models.FloatField()
    list_size = models.PositiveIntegerField()
    footfall = models.PositiveIntegerField()
    expected_false_alerts = models.FloatField()
    reason = models.TextField()
    # The ceiling when it was proposed: one false alert in this many faces.
    faces_a_false_alert = models.PositiveIntegerField()
    evidence = models.ForeignKey(BiasEvidence, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=State.choices, default=State.PROPOSED)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    decided_at = models.DateTimeField(null=True)
    decided_rank = models.CharField(max_length=16, choices=Rank.choices, blank=True)
    decision_reason = models.TextField(blank=True)

    class Meta:
        ordering = ("-proposed_at",)
        permissions = (
            ("propose_threshold", "Can propose thresholds"),
            ("approve_threshold", "Can approve thresholds that others propose"),
        )

    def __str__(self) -> str:
        return f"threshold {self.threshold:.3f}"

    @property
    def allowed_false_alerts(self) -> float:
        """The false alerts that the ceiling allows among the faces expected."""
        return self.footfall / self.faces_a_false_alert

    @property
    def is_above_ceiling(self) -> bool:
        """Whether more false alerts are expected than the ceiling allows."""
        return self.expected_false_alerts > self.allowed_false_alerts


class OperatingPoint(models.Model):
    """A threshold on one engine's scores that is in force, by an approved proposal. Never changed."""

    engine = models.ForeignKey(Engine, on_delete=models.PROTECT, related_name="operating_points")
    calibration = models.ForeignKey(Calibration, on_delete=models.PROTECT, related_name="+")
    proposal = models.OneToOneField(ThresholdProposal, on_delete=models.PROTECT, related_name="point")
    threshold = models.FloatField(
        help_text="Similarity score from which a face is a possible match: 0 to 1, not a percentage."
    )
    basis = models.TextField(help_text="The measurement and data that this threshold was chosen from.")
    set_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-set_at", "-pk")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(threshold__gt=0, threshold__lt=1), name="threshold_between_0_and_1"
            ),
        )

    def __str__(self) -> str:
        return f"{self.engine} at {self.threshold:.2f}"


_S = ThresholdProposal.State

PROPOSAL_STEPS: dict[str, Step] = {
    "approve": Step((_S.PROPOSED,), _S.APPROVED, APPROVE_THRESHOLD, Action.THRESHOLD_APPROVED),
    "reject": Step((_S.PROPOSED,), _S.REJECTED, APPROVE_THRESHOLD, Action.THRESHOLD_REJECTED),
}
ThresholdProposal.steps = PROPOSAL_STEPS
