"""The signed authority: the document that the system runs on."""

from __future__ import annotations

import base64
import json
from typing import Any

from django.db import models

from deployments.models.deployments import Deployment


class Amendment(models.TextChoices):
    """The acts by which a version is signed."""

    AUTHORISED = "authorised", "Authorised"
    CONFIRMED = "urgent authority confirmed", "Urgent authority confirmed"
    LIST_CONFIRMED = "watchlist confirmed", "Watchlist confirmed"
    LIST_RETURNED = "watchlist returned", "Watchlist returned"
    BLUE_LIST = "blue watchlist attached", "Blue watchlist attached"
    THRESHOLD = "threshold changed", "Threshold changed"
    CAMERA = "camera widened", "Camera widened"


# Those that the Written Authority Document is amended for. Two others make one of their own.
PRINTED = (Amendment.LIST_CONFIRMED, Amendment.LIST_RETURNED, Amendment.THRESHOLD, Amendment.CAMERA)


class SignedAuthority(models.Model):
    """One version of a deployment's authority, signed (`deployments.executable`). The database refuses to change it.

    content: the canonical document (`deployments.terms`). sha256: of it. The deployment names the version in force;
    earlier ones stay for the record.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="authorities")
    version = models.PositiveIntegerField()
    what = models.CharField(max_length=40, choices=Amendment.choices, help_text="The act by which it was signed.")
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64, unique=True)
    signature = models.BinaryField()
    key_id = models.CharField(max_length=16)
    signed_at = models.DateTimeField()

    class Meta:
        ordering = ("deployment", "version")
        constraints = (
            models.UniqueConstraint(fields=["deployment", "version"], name="each_version_of_an_authority_once"),
        )

    def __str__(self) -> str:
        return f"authority {self.sha256[:12]}, version {self.version}"

    @property
    def document(self) -> dict[str, Any]:
        return dict(json.loads(bytes(self.content)))

    @property
    def signature_text(self) -> str:
        return base64.b64encode(bytes(self.signature)).decode()
