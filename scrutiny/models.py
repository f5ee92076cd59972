"""Draws, the dossiers that were drawn, the findings of the panel and the answers to them."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from alerts.models import Alert
from deployments.models import Deployment


class Draw(models.Model):
    """The draw of a closed deployment: how many possible matches could be drawn, and how many were.

    percent: the share drawn of each kind, as the setting stood then; at least one of each kind that there is.
    """

    deployment = models.OneToOneField(Deployment, on_delete=models.PROTECT, related_name="draw")
    drawn_at = models.DateTimeField()
    percent = models.PositiveSmallIntegerField()
    false_alerts = models.PositiveIntegerField()
    long_engagements = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"draw of {self.deployment}"


class Dossier(models.Model):
    """A possible match that was drawn. The panel sees it without names, places and dates (`scrutiny.dossiers`)."""

    class Why(models.TextChoices):
        FALSE = "false", "False alert"
        LONG = "long", "Long engagement"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(unique=True)
    draw = models.ForeignKey(Draw, on_delete=models.PROTECT, related_name="dossiers")
    alert = models.OneToOneField(Alert, on_delete=models.PROTECT, related_name="dossier")
    why = models.CharField(max_length=8, choices=Why.choices)

    class Meta:
        ordering = ("-number",)
        permissions = (
            ("scrutinise", "Can review dossiers and record findings, from outside the force"),
            ("answer_findings", "Can answer the findings of the panel"),
        )

    def __str__(self) -> str:
        return f"dossier {self.number}"


class PanelFindingQuerySet(models.QuerySet["PanelFinding"]):
    def to_answer(self) -> PanelFindingQuerySet:
        """Return the questions and concerns that the force has not answered."""
        return self.filter(answer="").exclude(verdict="none")

    def waiting_for(self, member: Any) -> int:
        """Return on how many dossiers a member of the panel has not recorded a finding."""
        return Dossier.objects.exclude(findings__by=member.pk).count()


class PanelFinding(models.Model):
    """What a member of the panel found in a dossier, and the force's answer. It is never changed."""

    class Verdict(models.TextChoices):
        NO_CONCERN = "none", "No concern"
        QUESTION = "question", "Question to the force"
        CONCERN = "concern", "Concern"

    dossier = models.ForeignKey(Dossier, on_delete=models.PROTECT, related_name="findings")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    words = models.TextField()
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    answered_at = models.DateTimeField(null=True)

    objects = PanelFindingQuerySet.as_manager()

    class Meta:
        ordering = ("at", "pk")
        constraints = (
            models.UniqueConstraint(fields=["dossier", "by"], name="one_finding_a_member"),
            models.CheckConstraint(
                condition=Q(answer="", answered_by__isnull=True, answered_at__isnull=True)
                | (~Q(answer="") & Q(answered_by__isnull=False, answered_at__isnull=False)),
                name="answered_by_somebody",
            ),
        )

    def __str__(self) -> str:
        return f"finding {self.pk}"

    @property
    def needs_answer(self) -> bool:
        """Whether the force has still to answer: a question or a concern."""
        return self.verdict != self.Verdict.NO_CONCERN and not self.answer

    @property
    def style(self) -> str:
        """The style of the badge that shows the verdict."""
        return {self.Verdict.NO_CONCERN: "sealed", self.Verdict.QUESTION: "wait"}.get(
            self.Verdict(self.verdict), "danger"
        )
