"""Questions about deployments and cameras."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connections, models

from recognition.engine import EngineIdentity

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


@dataclass(frozen=True)
class FrameTerms:
    """What a frame of a camera is compared with, by which engine, from which score on; the smallest face in pixels."""

    watchlist_id: uuid.UUID
    engine_id: int
    threshold: float
    smallest_face: int
    engine: EngineIdentity


# Asked for every frame, where putting the statement together would cost more than answering it.
_FRAME_TERMS = """
    SELECT deployment.watchlist_id, point.engine_id, point.threshold, camera.smallest_face,
        engine.model, engine.digest, engine.preprocessing, engine.dimension,
        engine.second_model, engine.second_digest, engine.second_dimension
    FROM deployments_camera AS camera
    JOIN deployments_deployment AS deployment ON deployment.id = camera.deployment_id
    JOIN watchlists_operatingpoint AS point ON point.id = deployment.operating_point_id
    JOIN watchlists_engine AS engine ON engine.id = point.engine_id
    WHERE camera.id = %(camera)s AND deployment.state = 'live'
        AND deployment.starts_at <= %(at)s AND deployment.ends_at > %(at)s
"""


class CameraQuerySet(models.QuerySet["Camera"]):
    def visible_to(self, user: Any) -> CameraQuerySet:
        """Cameras of the deployments this user may open."""
        return self if user.has_perm("deployments.view_deployment") else self.none()

    def streaming_allowed(self, at: dt.datetime) -> CameraQuerySet:
        """Cameras whose deployment is live and inside its authority."""
        return self.filter(deployment__state="live", deployment__starts_at__lte=at, deployment__ends_at__gt=at)

    def frame_terms(self, camera_id: str, *, at: dt.datetime) -> FrameTerms | None:
        """The terms on which this camera's frames are looked at; None while they may not be: `streaming_allowed`."""
        with connections[self.db].cursor() as cursor:
            cursor.execute(_FRAME_TERMS, {"camera": camera_id, "at": at})
            values = cursor.fetchone()
        if values is None:
            return None
        watchlist_id, engine_id, threshold, smallest_face, *engine = values
        return FrameTerms(watchlist_id, engine_id, threshold, smallest_face, EngineIdentity(*engine))

    def with_token(self, token: str) -> CameraQuerySet:
        """The camera a token was issued for, if it still holds."""
        return self.filter(token_digest=token_digest(token)) if token else self.none()


def token_digest(token: str) -> str:
    """What is kept of a camera token: tokens carry 256 random bits, so a plain hash cannot be searched back."""
    return hashlib.sha256(token.encode()).hexdigest()
