"""What was published: one row for each version, never changed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from deployments.models import Deployment


class AtrsAnswer(models.Model):
    """What people answered for one field of the transparency record; the newest counts, the earlier ones stay."""

    field = models.CharField(max_length=16)
    text = models.TextField()
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-answered_at", "-pk")

    def __str__(self) -> str:
        return f"answer to field {self.field}"


class Publication(models.Model):
    """One published version of a deployment's results. The database refuses to change or delete it.

    content: the public form of the record, as it was then (`reports.record_files`). sha256: of its canonical JSON. The
    counts are those of all periods; the database holds what must add up.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="publications")
    version = models.PositiveIntegerField()
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=400, blank=True, help_text="Why this corrects the version before.")
    content: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    sha256 = models.CharField(max_length=64)
    faces = models.PositiveBigIntegerField()
    alerts = models.PositiveIntegerField()
    true_confirmed = models.PositiveIntegerField()
    true_unconfirmed = models.PositiveIntegerField()
    false_confirmed = models.PositiveIntegerField()
    false_unconfirmed = models.PositiveIntegerField()
    unresolved = models.PositiveIntegerField()
    arrests = models.PositiveIntegerField()
    other = models.PositiveIntegerField()
    no_action = models.PositiveIntegerField()

    class Meta:
        ordering = ("-published_at", "-version")
        constraints = (
            models.UniqueConstraint(fields=["deployment", "version"], name="each_version_published_once"),
            models.CheckConstraint(
                condition=Q(
                    alerts=F("true_confirmed")
                    + F("true_unconfirmed")
                    + F("false_confirmed")
                    + F("false_unconfirmed")
                    + F("unresolved")
                ),
                name="published_results_add_up",
            ),
            models.CheckConstraint(
                condition=Q(true_confirmed=F("arrests") + F("other") + F("no_action")),
                name="published_disposals_add_up",
            ),
            models.CheckConstraint(condition=Q(version=1) ^ ~Q(reason=""), name="corrected_for_a_reason"),
        )

    def __str__(self) -> str:
        return f"results of {self.deployment}, version {self.version}"

    @property
    def false_alerts(self) -> int:
        return self.false_confirmed + self.false_unconfirmed

    @property
    def everything(self) -> dict[str, Any]:
        """The line of all periods together."""
        found: dict[str, Any] = self.content["all"]
        return found
