"""Records of a deployment: decisions, documents, changes of threshold and loaned equipment."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from audit.actions import Action
from core.machine import Stateful, Step
from core.ranks import Rank
from deployments.models.deployments import Deployment
from deployments.permissions import AUTHORISE_DEPLOYMENT
from watchlists.models import OperatingPoint


class Decision(models.Model):
    """One decision on an application. It is kept even if a later decision differs."""

    class Kind(models.TextChoices):
        AUTHORISED = "authorised", "Authorised"
        RETURNED = "returned", "Returned"
        REFUSED = "refused", "Refused"
        REVIEWED = "reviewed", "Urgent authority confirmed"
        ENDED = "ended", "Authority ended"

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="decisions")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    rank = models.CharField(max_length=16, choices=Rank.choices, blank=True)
    at = models.DateTimeField()
    reason = models.TextField()
    conditions = models.TextField(blank=True)

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.deployment}"


class Document(models.Model):
    """A document, stored as it was made from the record. Its hash is in the audit log."""

    class Kind(models.TextChoices):
        AUTHORITY = "authority", "Written Authority Document"
        AMENDMENT = "amendment", "Written Authority Document, amended"
        CANCELLATION = "cancellation", "Cancellation Report"
        POST_DEPLOYMENT = "post", "Post-Deployment Report"

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="documents")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    pdf = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ("made_at", "pk")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.deployment}"


class ThresholdChange(Stateful, models.Model):
    """A change of threshold under authority, proposed by one person and decided by another. Steps: CHANGE_STEPS."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="threshold_changes")
    before = models.ForeignKey(OperatingPoint, on_delete=models.PROTECT, related_name="+")
    after = models.ForeignKey(OperatingPoint, on_delete=models.PROTECT, related_name="+")
    evidence = models.TextField(help_text="Evidence that the present threshold is wrong for this place.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.PROPOSED)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True)

    class Meta:
        ordering = ("proposed_at", "pk")

    def __str__(self) -> str:
        return f"{self.before.threshold:.3f} to {self.after.threshold:.3f}"


_C = ThresholdChange.State
CHANGE_STEPS: dict[str, Step] = {
    "approve": Step((_C.PROPOSED,), _C.APPROVED, AUTHORISE_DEPLOYMENT, Action.THRESHOLD_CHANGE_APPROVED),
    "reject": Step((_C.PROPOSED,), _C.REJECTED, AUTHORISE_DEPLOYMENT, Action.THRESHOLD_CHANGE_REJECTED),
}


class CeilingQuestion(models.Model):
    """The question to the commander whether to continue while false alerts are above the ceiling.

    false_alerts, faces: when it was asked, and when it was decided if it was.
    """

    class Outcome(models.TextChoices):
        CONTINUED = "continued", "Continued"
        MET = "met", "No longer above the ceiling"
        CHANGED = "changed", "Threshold changed"

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="ceiling_questions")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    false_alerts = models.PositiveIntegerField()
    faces = models.PositiveBigIntegerField()
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)
    closed_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ("asked_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["deployment"], condition=models.Q(outcome=""), name="one_open_ceiling_question"
            ),
            models.CheckConstraint(
                condition=~models.Q(outcome="continued") | models.Q(decided_by__isnull=False) & ~models.Q(reason=""),
                name="continued_by_somebody_for_a_reason",
            ),
        )

    def __str__(self) -> str:
        return f"{self.false_alerts} false alerts among {self.faces:,} faces"

    @property
    def outcome_label(self) -> str:
        return self.get_outcome_display() or "Not decided"


class Kit(models.Model):
    """Equipment or a medium that may hold data of a deployment, from its receipt until it was wiped before a witness.

    lender: of loaned equipment, which is returned once it is wiped.
    """

    class Kind(models.TextChoices):
        LOANED = "loaned", "Equipment lent by another force"
        OWN = "own", "The force's own equipment"
        MEDIUM = "medium", "Removable medium"

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="kit")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    description = models.CharField(max_length=200)
    serial = models.CharField("serial or asset number", max_length=80)
    lender = models.CharField(max_length=120, blank=True)
    received_at = models.DateTimeField()
    received_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    wiped_at = models.DateTimeField(null=True)
    wiped_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    witness = models.CharField(max_length=120, blank=True)
    wiping = models.CharField(max_length=300, blank=True, help_text="What was wiped and how this was checked.")

    class Meta:
        ordering = ("received_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=["deployment", "serial"], name="kit_once_a_deployment"),
            models.CheckConstraint(
                condition=models.Q(kind="loaned") ^ models.Q(lender=""), name="loaned_kit_has_a_lender"
            ),
            models.CheckConstraint(
                condition=models.Q(wiped_at__isnull=True) | ~models.Q(witness=""), name="wiped_before_a_witness"
            ),
        )

    def __str__(self) -> str:
        return f"{self.description} ({self.serial})"

    @property
    def journal_name(self) -> str:
        return f"equipment {self.pk}"


ThresholdChange.steps = CHANGE_STEPS
