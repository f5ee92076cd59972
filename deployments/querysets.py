"""Questions about deployments and cameras."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from deployments.models import Camera, Deployment  # noqa: F401 (in the strings below)


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def visible_to(self, user: Any) -> DeploymentQuerySet:
        """Deployments this user may open."""
        return self if user.has_perm("deployments.view_deployment") else self.none()

    def live(self, at: dt.datetime) -> DeploymentQuerySet:
        """Live, and inside their authority's window."""
        return self.filter(state="live", starts_at__lte=at, ends_at__gt=at)

    def run_out(self, at: dt.datetime) -> DeploymentQuerySet:
        """Still marked live after their authority ended."""
        return self.filter(state="live", ends_at__lte=at)

    def lapsed(self, at: dt.datetime) -> DeploymentQuerySet:
        """Never started, and now too late to."""
        return self.filter(state__in=("draft", "submitted", "authorised"), ends_at__lte=at)

    def with_counts(self) -> DeploymentQuerySet:
        """Each with `faces`, `received`, `processed` and `dropped` over its cameras."""
        return self.annotate(
            faces=models.Sum("cameras__faces_seen", default=0),
            received=models.Sum("cameras__frames_received", default=0),
            processed=models.Sum("cameras__frames_processed", default=0),
            dropped=models.Sum("cameras__frames_dropped", default=0),
        )


class CameraQuerySet(models.QuerySet["Camera"]):
    def visible_to(self, user: Any) -> CameraQuerySet:
        """Cameras of the deployments this user may open."""
        return self if user.has_perm("deployments.view_deployment") else self.none()

    def streaming_allowed(self, at: dt.datetime) -> CameraQuerySet:
        """Cameras whose deployment is live and inside its authority."""
        return self.filter(deployment__state="live", deployment__starts_at__lte=at, deployment__ends_at__gt=at)

    def with_token(self, token: str) -> CameraQuerySet:
        """The camera a token was issued for, if it still holds."""
        return self.filter(token_digest=token_digest(token)) if token else self.none()


def token_digest(token: str) -> str:
    """What is kept of a camera token: tokens carry 256 random bits, so a plain hash cannot be searched back."""
    return hashlib.sha256(token.encode()).hexdigest()
