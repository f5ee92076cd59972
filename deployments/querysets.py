"""Querysets of deployments, periods, postings and cameras."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from typing import TYPE_CHECKING, Any

from django.db import models

from deployments.permissions import BE_POSTED, VIEW_DEPLOYMENT

if TYPE_CHECKING:
    from deployments.models import Camera, Deployment, Period, Posting  # noqa: F401 (in the strings below)


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def visible_to(self, user: Any) -> DeploymentQuerySet:
        """Return the deployments this user may open: all, or only those they are posted to."""
        if not user.has_perm(VIEW_DEPLOYMENT):
            return self.none()
        return self.filter(_posted(user)) if user.has_perm(BE_POSTED) else self

    def live(self, at: dt.datetime) -> DeploymentQuerySet:
        """Return deployments that are live, within a running period and within their authority."""
        return self.filter(_running(at, "periods__"), state="live", authority_ends_at__gt=at).distinct()

    def run_out(self, at: dt.datetime) -> DeploymentQuerySet:
        """Return deployments that are live or paused after their period, authority or watchlist ended."""
        running = models.Q(periods__went_live_at__isnull=False, periods__ended_at__isnull=True)
        ends = models.Q(periods__ends_at__lte=at) | models.Q(periods__watchlist__expires_at__lte=at)
        over = models.Q(authority_ends_at__lte=at) | (running & ends)
        return self.filter(over, state__in=("live", "paused")).distinct()

    def lapsed(self, at: dt.datetime) -> DeploymentQuerySet:
        """Return deployments that are not running and no longer can: the authority or the last period is over."""
        last = models.Max("periods__ends_at")
        unstarted = self.filter(state__in=("submitted", "authorised", "notified", "ready"))
        return unstarted.annotate(last_end=last).filter(
            models.Q(authority_ends_at__lte=at) | models.Q(last_end__lte=at)
        )

    def with_counts(self) -> DeploymentQuerySet:
        """Annotate each with `faces`, `received`, `processed` and `dropped`, summed over its cameras."""
        return self.annotate(
            faces=models.Sum("periods__cameras__faces_seen", default=0),
            received=models.Sum("periods__cameras__frames_received", default=0),
            processed=models.Sum("periods__cameras__frames_processed", default=0),
            dropped=models.Sum("periods__cameras__frames_dropped", default=0),
        ).order_by("-created_at")


class PeriodQuerySet(models.QuerySet["Period"]):
    def visible_to(self, user: Any) -> PeriodQuerySet:
        """Return the periods of the deployments this user may open."""
        if not user.has_perm(VIEW_DEPLOYMENT):
            return self.none()
        return self.filter(_posted(user, "deployment__")) if user.has_perm(BE_POSTED) else self

    def of_list(self, watchlist_id: uuid.UUID) -> PeriodQuerySet:
        """Return the period in which a watchlist is, or was, used."""
        return self.filter(models.Q(watchlist_id=watchlist_id) | models.Q(blue_list_id=watchlist_id))

    def with_faces(self) -> PeriodQuerySet:
        """Annotate each with `faces`, the number its cameras saw, and keep the order, which grouping would lose."""
        return self.annotate(faces=models.Sum("cameras__faces_seen", default=0)).order_by("starts_at", "pk")


class PostingQuerySet(models.QuerySet["Posting"]):
    def current(self) -> PostingQuerySet:
        """Return the postings that have not ended."""
        return self.filter(ended_at__isnull=True)


def _posted(user: Any, prefix: str = "") -> models.Q:
    """Return a condition: the user is posted to the deployment now, which they can be only once."""
    return models.Q(**{f"{prefix}postings__user": user, f"{prefix}postings__ended_at": None})


def _running(at: dt.datetime, prefix: str) -> models.Q:
    """Return a condition: the period went live, has not ended and covers this moment."""
    wanted = {"starts_at__lte": at, "ends_at__gt": at, "went_live_at__isnull": False, "ended_at__isnull": True}
    return models.Q(**{prefix + name: value for name, value in wanted.items()})


def _under_test(at: dt.datetime, prefix: str) -> models.Q:
    wanted = {"starts_at__lte": at, "ends_at__gt": at, "test_until__gt": at}
    states = models.Q(**{f"{prefix}deployment__state__in": ("notified", "ready", "paused")})
    return states & models.Q(**{prefix + name: value for name, value in wanted.items()})


class CameraQuerySet(models.QuerySet["Camera"]):
    def visible_to(self, user: Any) -> CameraQuerySet:
        """Return the cameras of the deployments this user may open."""
        if not user.has_perm(VIEW_DEPLOYMENT):
            return self.none()
        return self.filter(_posted(user, "period__deployment__")) if user.has_perm(BE_POSTED) else self

    def streaming_allowed(self, at: dt.datetime) -> CameraQuerySet:
        """Return the cameras that may stream at this moment, by the same rule as `Period.is_open`."""
        unexpired = models.Q(period__watchlist__expires_at__isnull=True) | models.Q(
            period__watchlist__expires_at__gt=at
        )
        live = models.Q(period__deployment__state="live") & _running(at, "period__") & unexpired
        open_now = live | _under_test(at, "period__")
        return self.filter(open_now, period__deployment__authority_ends_at__gt=at)

    def with_token(self, token: str) -> CameraQuerySet:
        """Return the camera that a token was issued for, if the token is still valid."""
        return self.filter(token_digest=token_digest(token)) if token else self.none()


def token_digest(token: str) -> str:
    """Return the stored hash of a camera token. With 256 random bits, a plain hash cannot be reversed by search."""
    return hashlib.sha256(token.encode()).hexdigest()
