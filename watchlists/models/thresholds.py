"""Evidence on an engine's fairness, and thresholds that one person proposes and another approves."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import models

from audit.actions import Action
from core.machine import Stateful, Step
from watchlists.models.engines import Calibration, Engine, OperatingPoint
from watchlists.permissions import APPROVE_THRESHOLD


class BiasEvidenceQuerySet(models.QuerySet["BiasEvidence"]):
    def in_force(self, engine: Engine, on: dt.date) -> BiasEvidenceQuerySet:
        """Return the evidence on this engine that is neither withdrawn nor expired on that day."""
        return self.filter(engine=engine, withdrawn_at__isnull=True, expires_on__gte=on)


class BiasEvidence(models.Model):
    """Evidence on how an engine performs by ethnicity, sex and age, from a threshold upwards.

    The public sector equality duty is the force's own (Bridges [2020] EWCA Civ 1058, paragraphs 199 to 201).
    Without evidence in force for the engine at a threshold, nothing is authorised at it. Rows change only when
    withdrawn.
    """

    engine = models.ForeignKey(Engine, on_delete=models.PROTECT, related_name="evidence")
    title = models.CharField(max_length=200)
    source = models.CharField(
        "measured by", max_length=200, help_text="Who measured it, and whether they are independent."
    )
    reference = models.CharField(max_length=200, help_text="Where the document is kept.")
    finding = models.TextField(help_text="What it found, in one or two sentences, with figures and their limits.")
    lowest_threshold = models.FloatField(help_text="The lowest threshold at which it supports use of this engine.")
    expires_on = models.DateField("to be renewed by")
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    recorded_at = models.DateTimeField(auto_now_add=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    withdrawn_at = models.DateTimeField(null=True, editable=False)

    objects = BiasEvidenceQuerySet.as_manager()

    class Meta:
        ordering = ("-recorded_at",)
        verbose_name_plural = "bias evidence"
        permissions = (("keep_evidence", "Can record and withdraw evidence on the engine's fairness"),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(lowest_threshold__gt=0, lowest_threshold__lt=1),
                name="evidence_threshold_between_0_and_1",
                violation_error_message="The threshold must be between 0 and 1.",
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def journal_name(self) -> str:
        return f"evidence {self.pk}"


class ThresholdProposal(Stateful, models.Model):
    """A threshold that one person proposes from a calibration and another approves. Steps: PROPOSAL_STEPS."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    calibration = models.ForeignKey(Calibration, on_delete=models.PROTECT, related_name="proposals")
    threshold = models.FloatField()
    wanted_fpir = models.FloatField()
    list_size = models.PositiveIntegerField()
    footfall = models.PositiveIntegerField()
    expected_false_alerts = models.FloatField()
    reason = models.TextField()
    evidence = models.ForeignKey(BiasEvidence, on_delete=models.PROTECT, related_name="+", null=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.PROPOSED)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True)
    point = models.OneToOneField(OperatingPoint, on_delete=models.PROTECT, related_name="proposal", null=True)

    class Meta:
        ordering = ("-proposed_at",)
        permissions = (
            ("propose_threshold", "Can propose thresholds"),
            ("approve_threshold", "Can approve thresholds that others propose"),
        )

    def __str__(self) -> str:
        return f"threshold {self.threshold:.3f}"


_S = ThresholdProposal.State

PROPOSAL_STEPS: dict[str, Step] = {
    "approve": Step((_S.PROPOSED,), _S.APPROVED, APPROVE_THRESHOLD, Action.THRESHOLD_APPROVED),
    "reject": Step((_S.PROPOSED,), _S.REJECTED, APPROVE_THRESHOLD, Action.THRESHOLD_REJECTED),
}
ThresholdProposal.steps = PROPOSAL_STEPS
