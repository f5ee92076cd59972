"""Differences between groups that the equality report found, and their review by an authorising officer."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class EqualityFinding(models.Model):
    """A red finding: one group differs from all others. No deployment is authorised until it is reviewed.

    key: the measure, the characteristic and the group. words: the numbers, as the report says them.
    """

    key = models.CharField(max_length=120)
    words = models.TextField()
    since = models.DateField()
    until = models.DateField()
    found_at = models.DateTimeField()
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    reviewed_at = models.DateTimeField(null=True)
    review = models.TextField(
        blank=True, help_text="What causes the difference, what is done, and why authorities may go on."
    )

    class Meta:
        ordering = ("-found_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["key"], condition=Q(reviewed_at__isnull=True), name="one_open_finding_a_key"
            ),
            models.CheckConstraint(
                condition=Q(reviewed_at__isnull=True) | (Q(reviewed_by__isnull=False) & ~Q(review="")),
                name="reviewed_by_somebody_in_words",
            ),
        )

    def __str__(self) -> str:
        return f"equality finding {self.pk}"
