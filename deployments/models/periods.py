"""A period: one place for a few hours, with its own watchlists, cameras and readiness checks."""

from __future__ import annotations

import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from deployments.models.deployments import Deployment
from deployments.offsets import Offset, kept
from deployments.querysets import PeriodQuerySet
from watchlists.models import Watchlist

LONGEST_APPROACH = 200


def last_day(at: dt.datetime | None) -> dt.date:
    """Return the last day of what ends at a moment, today for None: what ends at midnight ends on the day before."""
    return timezone.localdate(timezone.now() if at is None else at - dt.timedelta(microseconds=1))


class Period(models.Model):
    """A place and a time under a deployment's authority. Only one period of a deployment is live at a time.

    A watchlist is sealed within a day before its period and destroyed within a day after it, so a deployment of two
    days has two periods, and every readiness check is made separately for each.

    alerts_*: counts from `alerts`: possible matches, except those on the blue watchlist. test_until: the latest end of
    the recognition test, before going live or while paused; cameras then compare with the blue watchlist only.
    device_*, database_*: how far the clocks of the commander's device and of the database are ahead of the server's.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="periods", editable=False)
    place = models.CharField(
        max_length=200, blank=True, help_text="Street and town, and between which points people will be seen."
    )
    approaches = models.TextField(
        "approaches",
        blank=True,
        help_text="Every way on which people come into the zones, one a line. A sign is put up on each.",
    )
    alternative_route = models.TextField(
        "alternative route", blank=True, help_text="How people can go who would rather not pass the cameras."
    )
    starts_at = models.DateTimeField("start", null=True, blank=True)
    ends_at = models.DateTimeField("end", null=True, blank=True)
    plan_jpeg = models.BinaryField(null=True, editable=False)
    watchlist = models.ForeignKey(
        Watchlist, on_delete=models.PROTECT, related_name="periods", null=True, blank=True, editable=False
    )
    blue_list = models.ForeignKey(
        Watchlist, on_delete=models.PROTECT, related_name="blue_periods", null=True, blank=True, editable=False
    )
    list_confirmed_at = models.DateTimeField(null=True, editable=False)
    list_confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    list_size = models.PositiveIntegerField(default=0, editable=False)
    briefed_at = models.DateTimeField(null=True, editable=False)
    briefed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    briefing = models.CharField(max_length=400, blank=True, editable=False)
    officers_counted_at = models.DateTimeField(null=True, editable=False)
    officers_present = models.PositiveSmallIntegerField(null=True, editable=False)
    clock_checked_at = models.DateTimeField(null=True, editable=False)
    device_offset_ms = models.FloatField(null=True, editable=False)
    device_uncertainty_ms = models.FloatField(null=True, editable=False)
    database_offset_ms = models.FloatField(null=True, editable=False)
    database_uncertainty_ms = models.FloatField(null=True, editable=False)
    tested_from = models.DateTimeField(null=True, editable=False)
    test_until = models.DateTimeField(null=True, editable=False)
    went_live_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    cards_handed_out = models.PositiveIntegerField(
        null=True, editable=False, help_text="How many cards or leaflets about the deployment were given to people."
    )
    alerts_raised = models.PositiveIntegerField(default=0, editable=False)
    alerts_open = models.PositiveIntegerField(default=0, editable=False)
    alerts_false = models.PositiveIntegerField(default=0, editable=False)

    objects = PeriodQuerySet.as_manager()

    class Meta:
        ordering = ("starts_at", "pk")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(starts_at__isnull=True)
                | models.Q(ends_at__isnull=True)
                | models.Q(ends_at__gt=models.F("starts_at")),
                name="ends_after_it_starts",
                violation_error_message="The end must be after the start.",
            ),
            models.UniqueConstraint(fields=["watchlist"], name="a_list_serves_one_period"),
            models.UniqueConstraint(fields=["blue_list"], name="a_blue_list_serves_one_period"),
        )

    def __str__(self) -> str:
        return self.place or "an unnamed place"

    @property
    def approach_list(self) -> list[str]:
        """The approaches, each once, in the order in which they were entered."""
        return list(dict.fromkeys(" ".join(line.split()) for line in self.approaches.splitlines() if line.strip()))

    @property
    def device_offset(self) -> Offset | None:
        """The offset of the commander's device; None before the clocks were compared."""
        return kept(self.device_offset_ms, self.device_uncertainty_ms)

    @property
    def database_offset(self) -> Offset | None:
        """The offset of the database; None before the clocks were compared."""
        return kept(self.database_offset_ms, self.database_uncertainty_ms)

    @property
    def is_running(self) -> bool:
        """Whether the period has gone live and has not ended; it may be paused."""
        return self.went_live_at is not None and self.ended_at is None

    def covers(self, at: dt.datetime) -> bool:
        return self.starts_at is not None and self.ends_at is not None and self.starts_at <= at < self.ends_at

    def is_open(self, at: dt.datetime | None = None) -> bool:
        """Return whether cameras may stream now: live or under test, within the period and the authority."""
        return self.closes_at(at) is not None

    @property
    def is_testable(self) -> bool:
        """Whether a recognition test may run: after public notice, and before going live or while paused."""
        return self.deployment.state in TESTABLE

    def closes_at(self, at: dt.datetime | None = None) -> dt.datetime | None:
        """Return when cameras that may stream now must turn off at the latest; None if they may not stream."""
        moment, deployment = at or timezone.now(), self.deployment
        if not self.covers(moment) or not deployment.authority_holds(moment):
            return None
        ends = [end for end in (self.ends_at, deployment.authority_ends_at) if end is not None]
        if deployment.state == Deployment.State.LIVE and self.is_running:
            until = self.watchlist.expires_at if self.watchlist is not None else None
            if until is not None and until <= moment:
                return None
            return min(ends if until is None else [*ends, until])
        if deployment.state in TESTABLE and self.test_until is not None and moment < self.test_until:
            return min(*ends, self.test_until)
        return None


TESTABLE = (Deployment.State.NOTIFIED, Deployment.State.READY, Deployment.State.PAUSED)


class Sign(models.Model):
    """A sign from when it was put up on an approach until it was taken down.

    distance_m: from the sign to the zone, in metres. photograph: JPEG with faces made unrecognisable.
    """

    period = models.ForeignKey(Period, on_delete=models.CASCADE, related_name="signs")
    approach = models.CharField(max_length=LONGEST_APPROACH)
    place = models.CharField(max_length=200)
    distance_m = models.PositiveIntegerField()
    put_up_at = models.DateTimeField()
    photograph = models.BinaryField()
    taken_down_at = models.DateTimeField(null=True)
    taken_down_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("put_up_at",)

    def __str__(self) -> str:
        return self.place
