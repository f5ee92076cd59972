"""The shots of an alert, and the evidence hold that keeps it from the purge."""

from __future__ import annotations

import uuid

from django.db import models

from alerts.models.alerts import Alert
from deployments.models import Deployment
from watchlists.models.holds import EvidenceHoldBase


class Shot(models.Model):
    """A picture of one face, with other people made unrecognisable, encrypted with its score and box.

    is_best: the one shown first. An alert held as evidence also keeps here the photograph that it was compared with,
    which would otherwise be destroyed with its watchlist.
    """

    class Kind(models.TextChoices):
        PROBE = "probe", "From the camera"
        REFERENCE = "reference", "From the watchlist"

    class Heading(models.TextChoices):
        LEFT = "left", "Moving left in the picture"
        RIGHT = "right", "Moving right in the picture"
        TOWARDS = "towards", "Moving towards the camera"
        AWAY = "away", "Moving away from the camera"

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


class PurgeCertificate(models.Model):
    """The certificate that the content of a deployment's alerts was purged: counts and a hash, no person.

    One is issued once the deployment is over, everything but evidence holds is purged and the keys of its periods are
    destroyed. Alerts that were held until later are on a later certificate. The audit log has the certificate's hash.

    matches: possible matches. tests: recognition tests and known-negative checks. held: what was still held as
    evidence. keys: how many periods had a key, each of them destroyed. rows_sha256: of a line for each purged alert.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="purge_certificates")
    issued_at = models.DateTimeField()
    matches = models.PositiveIntegerField()
    tests = models.PositiveIntegerField()
    pictures = models.PositiveIntegerField()
    held = models.PositiveIntegerField()
    keys = models.PositiveIntegerField()
    first_due_at = models.DateTimeField()
    last_purged_at = models.DateTimeField()
    rows_sha256 = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ("-issued_at",)

    def __str__(self) -> str:
        return f"certificate of the purge of {self.deployment}"


class EvidenceHold(EvidenceHoldBase):
    """An evidence hold, which keeps an alert from the purge."""

    alert = models.OneToOneField(Alert, on_delete=models.PROTECT, related_name="hold")

    def __str__(self) -> str:
        return f"hold on {self.alert}"
