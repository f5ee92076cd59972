"""Standing an entry down in a part of one camera's picture."""

from __future__ import annotations

import datetime as dt
import uuid

from django.conf import settings
from django.db import models

from alerts.choices import StandDownReason
from alerts.models.alerts import Alert
from alerts.places import Place
from alerts.querysets import StandDownQuerySet
from deployments.models import Camera
from watchlists.models import Person


class StandDown(models.Model):
    """No alerts are raised on one entry in one part of a camera's picture, where something is mistaken for the subject.

    alert: decided as not the same, from whose shots the region was taken. left, top, width, height: the region, as
    shares of the picture's width and height. until: when it lapses; the end of the period once a commander confirmed
    it. withheld: how many tracks were matched there since, of which nothing is kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="stand_downs")
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="stand_downs")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, related_name="+")
    left = models.FloatField()
    top = models.FloatField()
    width = models.FloatField()
    height = models.FloatField()
    reason = models.CharField(max_length=12, choices=StandDownReason.choices)
    detail = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    until = models.DateTimeField()
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    withheld = models.PositiveIntegerField(default=0)
    withheld_at = models.DateTimeField(null=True)
    # So that a track is counted once. Emptied when the stand-down ends.
    last_track = models.CharField(max_length=32, blank=True)

    objects = StandDownQuerySet.as_manager()

    class Meta:
        ordering = ("at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["alert"], condition=models.Q(ended_at__isnull=True), name="one_stand_down_an_alert"
            ),
            models.CheckConstraint(condition=models.Q(until__gt=models.F("at")), name="stand_down_lapses"),
        )

    def __str__(self) -> str:
        return f"stand-down {str(self.id)[:8]}"

    @property
    def region(self) -> Place:
        return Place(self.left, self.top, self.width, self.height)

    @property
    def region_percent(self) -> dict[str, float]:
        """The region in percent of the picture, for drawing it."""
        return self.region.as_percent()

    @property
    def is_confirmed(self) -> bool:
        return self.confirmed_at is not None

    def is_active(self, at: dt.datetime) -> bool:
        return self.ended_at is None and self.at <= at < self.until

    @property
    def ending_words(self) -> str:
        """How it ended, or until when it holds."""
        if self.ended_at is None:
            return ""
        return "lapsed" if self.ended_by is None else f"lifted by {self.ended_by}"
