"""A camera of a period: its zone, its health and counts of its frames."""

from __future__ import annotations

import datetime as dt
import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from deployments.models.deployments import Deployment
from deployments.models.periods import Period
from deployments.offsets import Offset, kept
from deployments.querysets import CameraQuerySet

# Limits for what a worker measures on a frame: mean brightness, 0 to 255, and the sharpness of its edges.
DARK, BRIGHT, BLURRED = 40, 225, 25
SILENT_FOR = dt.timedelta(seconds=6)
DROPPED_SHARE = 0.2
SLOW_MS = 1000
SLOW_LINE_MS = 250


class Camera(models.Model):
    """A camera of a period.

    zone: corners of the zone of recognition, as shares of the picture's width and height; empty for the whole picture.
    plan_mark: where the camera stands on the period's plan, and the zone it covers there.
    """

    class Kind(models.TextChoices):
        BROWSER = "browser", "Browser or phone"
        AGENT = "agent", "Agent (file or RTSP)"
        SIMULATED = "simulated", "Simulated street"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    period = models.ForeignKey(Period, on_delete=models.CASCADE, related_name="cameras", editable=False)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.BROWSER)
    smallest_face = models.PositiveSmallIntegerField(
        "minimum face width (pixels)",
        default=32,
        validators=[MinValueValidator(16), MaxValueValidator(400)],
        help_text="Narrower faces are ignored.",
    )
    frame_rate = models.PositiveSmallIntegerField(
        "maximum frames per second", default=5, validators=[MinValueValidator(1), MaxValueValidator(30)]
    )
    zone: models.JSONField[list[list[float]], list[list[float]]] = models.JSONField(default=list, editable=False)
    plan_mark: models.JSONField[dict[str, list[list[float]]], dict[str, list[list[float]]]] = models.JSONField(
        default=dict, editable=False
    )
    # Parts of the picture that are not looked at, set since the authority was signed: polygons like `zone`.
    excluded: models.JSONField[list[list[list[float]]], list[list[list[float]]]] = models.JSONField(
        default=list, editable=False
    )
    # Passes of the recognition test count from this time, at which the camera was last changed.
    set_up_at = models.DateTimeField(default=timezone.now, editable=False)
    token_digest = models.CharField(max_length=64, blank=True, editable=False)
    frames_received = models.PositiveBigIntegerField(default=0, editable=False)
    frames_processed = models.PositiveBigIntegerField(default=0, editable=False)
    frames_dropped = models.PositiveBigIntegerField(default=0, editable=False)
    faces_seen = models.PositiveBigIntegerField(default=0, editable=False)
    faces_tested = models.PositiveBigIntegerField("faces seen in tests", default=0, editable=False)
    last_seen_at = models.DateTimeField(null=True, editable=False)
    # Measured over the last few seconds.
    rate_now = models.FloatField(null=True, editable=False)
    dropped_now = models.FloatField(null=True, editable=False)
    latency_now_ms = models.PositiveIntegerField(null=True, editable=False)
    brightness_now = models.FloatField(null=True, editable=False)
    sharpness_now = models.FloatField(null=True, editable=False)
    due_rate_now = models.FloatField(default=0, editable=False)
    turn_wait_now_ms = models.PositiveIntegerField(default=0, editable=False)
    line_now_ms = models.PositiveIntegerField(default=0, editable=False)
    # How far the clock of its agent or browser is ahead of the server's.
    clock_offset_ms = models.FloatField(null=True, editable=False)
    clock_uncertainty_ms = models.FloatField(null=True, editable=False)
    clock_checked_at = models.DateTimeField(null=True, editable=False)

    objects = CameraQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=["period", "name"], name="camera_names_differ"),
            models.CheckConstraint(condition=models.Q(smallest_face__gte=16), name="smallest_face_readable"),
            models.CheckConstraint(condition=models.Q(frame_rate__gte=1), name="a_frame_a_second"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def journal_name(self) -> str:
        return f"camera {str(self.id)[:8]}"

    @property
    def deployment(self) -> Deployment:
        return self.period.deployment

    @property
    def is_simulated(self) -> bool:
        return self.kind == self.Kind.SIMULATED

    @property
    def clock_offset(self) -> Offset | None:
        """The offset of its agent's or browser's clock; None before it was measured."""
        return kept(self.clock_offset_ms, self.clock_uncertainty_ms)

    @property
    def is_streaming(self) -> bool:
        """Whether the camera was heard from within SILENT_FOR."""
        # abs(): if the clock is set back, a silent camera must not look alive until the clock catches up.
        return self.last_seen_at is not None and abs(timezone.now() - self.last_seen_at) < SILENT_FOR

    @property
    def is_line_slow(self) -> bool:
        """Whether its frames take longer to arrive than the camera waits for its turn."""
        return self.line_now_ms > max(self.turn_wait_now_ms, SLOW_LINE_MS)

    @property
    def _why_few(self) -> str:
        read = f"{self.rate_now or 0:.1f} of {self.due_rate_now:.1f} frames per second read"
        if self.is_line_slow:
            return f"Slow connection: {read}"
        if self.turn_wait_now_ms > 0:
            return f"Machine at capacity: {read}"
        return f"{self.dropped_now or 0:.0%} of frames lost"

    @property
    def warnings(self) -> list[str]:
        """The problems that need attention, in words."""
        if self.last_seen_at is None:
            return ["No picture yet"]
        if not self.is_streaming:
            return [f"No picture since {timezone.localtime(self.last_seen_at):%H:%M:%S}"]
        found = []
        if self.brightness_now is not None and not DARK <= self.brightness_now <= BRIGHT:
            found.append("Too dark" if self.brightness_now < DARK else "Too bright")
        if self.sharpness_now is not None and self.sharpness_now < BLURRED:
            found.append("Out of focus")
        if self.dropped_now is not None and self.dropped_now > DROPPED_SHARE:
            found.append(self._why_few)
        if self.latency_now_ms is not None and self.latency_now_ms > SLOW_MS:
            found.append(f"{self.latency_now_ms / 1000:.1f} s behind")
        return found
