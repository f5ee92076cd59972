"""Pauses of a period: while one lasts, the cameras are off."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from deployments.choices import Halt
from deployments.models.periods import Period


class Pause(models.Model):
    """One pause of a period. ended_at: when it was resumed, or the end of the period. by: None for the system.

    detail: kept permanently; it names nobody on a watchlist.
    """

    period = models.ForeignKey(Period, on_delete=models.CASCADE, related_name="pauses")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    code = models.CharField(max_length=16, choices=Halt.choices)
    detail = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)

    class Meta:
        ordering = ("began_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["period"], condition=models.Q(ended_at__isnull=True), name="one_open_pause_a_period"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True) | models.Q(ended_at__gte=models.F("began_at")),
                name="pause_ends_after_it_began",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_code_display()}, from {self.began_at:%H:%M:%S}"
