"""A deployment: the unit of control. No camera matches a face outside one."""

from __future__ import annotations

import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from audit.actions import Action
from audit.machine import Step
from deployments.querysets import CameraQuerySet, DeploymentQuerySet
from watchlists.models import OperatingPoint, Watchlist


class Deployment(models.Model):
    """Looking for the people of one sealed list, in one place, for a few hours, on one authority. Steps: STEPS."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        SUBMITTED = "submitted", "Awaiting authority"
        AUTHORISED = "authorised", "Authorised"
        REFUSED = "refused", "Refused"
        LIVE = "live", "Live"
        ENDED = "ended", "Ended"
        LAPSED = "lapsed", "Lapsed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    place = models.CharField(max_length=200, help_text="Street, town and where the cameras stand.")
    purpose = models.TextField(
        "why here, why now", help_text="The policing need, and what links the list to the place."
    )
    starts_at = models.DateTimeField("start")
    ends_at = models.DateTimeField("end")
    watchlist = models.ForeignKey(Watchlist, on_delete=models.PROTECT, related_name="deployments")
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT, editable=False)
    applicant = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    authorised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    authorised_at = models.DateTimeField(null=True, editable=False)
    decision_reason = models.TextField(blank=True, editable=False)
    operating_point = models.ForeignKey(
        OperatingPoint, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    list_size = models.PositiveIntegerField(default=0, editable=False)
    went_live_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    end_reason = models.CharField(max_length=200, blank=True, editable=False)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ("-starts_at",)
        permissions = (
            ("apply_deployment", "Can draft deployments and submit them for authority"),
            ("authorise_deployment", "Can authorise and refuse deployments"),
            ("run_deployment", "Can start and end deployments"),
            ("operate_camera", "Can stream a camera"),
            ("read_records", "Can read and download deployment records"),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")),
                name="ends_after_it_starts",
                violation_error_message="The end must be after the start.",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=("authorised", "live"))
                | models.Q(authorised_by__isnull=False, operating_point__isnull=False),
                name="live_only_under_authority",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def is_live(self, at: dt.datetime | None = None) -> bool:
        """Live, and inside the authority's window, at this moment."""
        moment = at or timezone.now()
        return self.state == self.State.LIVE and self.starts_at <= moment < self.ends_at


class Camera(models.Model):
    """A camera of one deployment, and what went through it, in numbers only."""

    class Kind(models.TextChoices):
        BROWSER = "browser", "Browser or phone"
        AGENT = "agent", "Agent (file or RTSP)"
        SIMULATED = "simulated", "Simulated street"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="cameras")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.BROWSER)
    smallest_face = models.PositiveSmallIntegerField(
        default=32, help_text="Width in pixels below which a face is not looked at."
    )
    token_digest = models.CharField(max_length=64, blank=True, editable=False)
    frames_received = models.PositiveBigIntegerField(default=0, editable=False)
    frames_processed = models.PositiveBigIntegerField(default=0, editable=False)
    frames_dropped = models.PositiveBigIntegerField(default=0, editable=False)
    faces_seen = models.PositiveBigIntegerField(default=0, editable=False)
    last_seen_at = models.DateTimeField(null=True, editable=False)

    objects = CameraQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=["deployment", "name"], name="camera_names_differ"),
            models.CheckConstraint(condition=models.Q(smallest_face__gte=16), name="smallest_face_readable"),
        )

    def __str__(self) -> str:
        return self.name


_S = Deployment.State

STEPS: dict[str, Step] = {
    "submit": Step((_S.DRAFT,), _S.SUBMITTED, "deployments.apply_deployment", Action.DEPLOYMENT_SUBMITTED),
    "authorise": Step((_S.SUBMITTED,), _S.AUTHORISED, "deployments.authorise_deployment", Action.DEPLOYMENT_AUTHORISED),
    "refuse": Step((_S.SUBMITTED,), _S.REFUSED, "deployments.authorise_deployment", Action.DEPLOYMENT_REFUSED),
    "go_live": Step((_S.AUTHORISED,), _S.LIVE, "deployments.run_deployment", Action.DEPLOYMENT_LIVE, system_may=True),
    "lapse": Step((_S.DRAFT, _S.SUBMITTED, _S.AUTHORISED), _S.LAPSED, "", Action.DEPLOYMENT_LAPSED, system_may=True),
    "end": Step((_S.LIVE,), _S.ENDED, "deployments.run_deployment", Action.DEPLOYMENT_ENDED, system_may=True),
}
