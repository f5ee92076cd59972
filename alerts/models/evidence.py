"""What an alert holds of somebody: its pictures, and the hold that keeps it from the purge."""

from __future__ import annotations

import uuid

from django.db import models

from alerts.models.alerts import Alert
from watchlists.models.holds import EvidenceHoldBase


class Shot(models.Model):
    """One picture of the face, everybody else made unrecognisable, encrypted under its alert's key with score and box.

    is_best: the one shown first. Of a hold also the photograph that it was compared with, which its list's destruction
    would take.
    """

    class Kind(models.TextChoices):
        PROBE = "probe", "From the camera"
        REFERENCE = "reference", "From the watchlist"

    class Heading(models.TextChoices):
        LEFT = "left", "Going left in the picture"
        RIGHT = "right", "Going right in the picture"
        TOWARDS = "towards", "Coming towards the camera"
        AWAY = "away", "Going away from the camera"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="shots")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.PROBE)
    track = models.CharField(max_length=32)
    frame_number = models.PositiveBigIntegerField()
    received_at = models.DateTimeField()
    heading = models.CharField(max_length=8, choices=Heading.choices, blank=True)
    sealed = models.BinaryField()
    is_best = models.BooleanField(default=False)

    class Meta:
        ordering = ("received_at", "frame_number")
        constraints = (
            models.UniqueConstraint(fields=["alert"], condition=models.Q(is_best=True), name="one_best_shot"),
        )
        indexes = (models.Index(fields=["track"]),)

    def __str__(self) -> str:
        return f"shot {str(self.id)[:8]}"


class EvidenceHold(EvidenceHoldBase):
    """An alert that is kept from the purge as evidence."""

    alert = models.OneToOneField(Alert, on_delete=models.PROTECT, related_name="hold")

    def __str__(self) -> str:
        return f"hold on {self.alert}"
