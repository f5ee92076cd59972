"""Questions about alerts."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, Value, When

from alerts.states import (
    ACTIVE,
    CAN_BE_TAKEN_BACK,
    FALSE,
    IN_THE_STREET,
    NEVER_REFERRED,
    OPEN,
    OVER,
    UNDECIDED,
    AlertState,
)

if TYPE_CHECKING:
    from alerts.models import Act, Alert  # noqa: F401 (in the strings below)
    from deployments.models import Period

# The face of a possible match is kept this long at the very most, whatever else is set; a hold is by name.
CEILING = dt.timedelta(hours=24)
LEFT_TO_JUDGE = dt.timedelta(minutes=1)
_ACTIVE = Q(state__in=ACTIVE, kind="alert")


class AlertQuerySet(models.QuerySet["Alert"]):
    def visible_to(self, user: Any) -> AlertQuerySet:
        """Alerts this user may see.

        The commander all; an operator those of deployments that they are posted to; an officer, of these, the ones
        that were handed to them, to their team, or to everybody.
        """
        if not user.has_perm("alerts.watch_alerts"):
            return self.none()
        if not user.has_perm("deployments.be_posted"):
            return self
        posted = Q(deployment__postings__user=user, deployment__postings__ended_at=None)
        if user.has_perm("alerts.decide_alert"):
            return self.filter(posted)
        to_all = Q(assigned_to=None, assigned_team="") | Q(escalated_at__isnull=False)
        to_their_team = ~Q(assigned_team="") & Q(deployment__postings__team=F("assigned_team"))
        theirs = Q(assigned_to=user) | Q(officer=user) | to_all | to_their_team
        handed_over = Q(referred_at__isnull=False) & ~Q(state__in=NEVER_REFERRED)
        return self.filter(posted & theirs & handed_over)

    def for_rows(self) -> AlertQuerySet:
        """With what a row shows, and without what is encrypted."""
        related = (
            "camera__period",
            "decided_by",
            "opened_by",
            "officer",
            "assigned_to",
            "operating_point",
            "deployment",
        )
        return self.select_related(*related).defer("sealed")

    def with_shot_counts(self) -> AlertQuerySet:
        """Add `shot_count`, how many shots each has from the camera: none once it was purged."""
        return self.annotate(shot_count=Count("shots", filter=Q(shots__kind="probe"), distinct=True))

    def in_queue(self) -> AlertQuerySet:
        """Those that a console shows: no recognition test's, and no known negative that nobody looked at."""
        return self.exclude(state=AlertState.BLUE).exclude(kind="control", state=AlertState.EXPIRED)

    def in_order(self) -> AlertQuerySet:
        """In the order to decide them: red before amber before green, then the oldest; inconclusive ones last."""
        tiers = [When(tier=tier, then=Value(rank)) for rank, tier in enumerate(("red", "amber", "green"))]
        inconclusive = When(state=AlertState.INCONCLUSIVE, then=Value(1))
        is_last = Case(inconclusive, default=Value(0), output_field=IntegerField())
        rank = Case(*tiers, default=Value(9), output_field=IntegerField())
        return self.annotate(is_last=is_last, rank=rank).order_by("is_last", "rank", "raised_at", "pk")

    def public(self) -> AlertQuerySet:
        """Those that count: without the recognition test's and the known negatives."""
        return self.filter(kind="alert")

    def undecided(self) -> AlertQuerySet:
        return self.filter(state__in=UNDECIDED)

    def in_the_street(self) -> AlertQuerySet:
        """With officers, and not over."""
        return self.filter(state__in=IN_THE_STREET)

    def unsettled(self) -> AlertQuerySet:
        """Of which something is still to come."""
        return self.filter(state__in=OPEN)

    def settled(self) -> AlertQuerySet:
        """Of which nothing more is to come."""
        return self.exclude(state__in=OPEN)

    def to_join(self, camera_id: uuid.UUID, person_id: uuid.UUID, track: str, since: dt.datetime) -> AlertQuerySet:
        """Return the alerts that a shot of a person at a camera may belong to; it belongs to the first.

        The alert of the shot's own track comes first. Open alerts last seen since `since` follow: a track that broke
        continues in one of these.
        """
        own = Q(shots__track=track)
        found = self.filter(own | Q(_ACTIVE, last_seen_at__gte=since), camera_id=camera_id, person_id=person_id)
        order = Case(When(own, then=Value(0)), default=Value(1), output_field=IntegerField())
        return found.order_by(order, "-raised_at")

    def open_at(self, camera_id: uuid.UUID) -> AlertQuerySet:
        """Open possible matches of a camera."""
        return self.filter(_ACTIVE, camera_id=camera_id)

    def heard_from(self, user: Any) -> AlertQuerySet:
        """Alerts on which a user's acts are heard: what they see, and what they answered before it was handed on.

        A phone without a connection says late what was done; whether it still counts is asked of the alert.
        """
        posted = Q(deployment__postings__user=user, deployment__postings__ended_at=None)
        answered = self.filter(posted, acts__by=user, referred_at__isnull=False)
        return self.filter(Q(pk__in=self.visible_to(user).values("pk")) | Q(pk__in=answered.values("pk")))

    def of_same_person(self, alert: Alert) -> AlertQuerySet:
        """Other alerts of the period on the same person, in time; none once it was purged."""
        if alert.person_id is None:
            return self.none()
        same = self.filter(person_id=alert.person_id, camera__period=alert.camera.period_id, kind="alert")
        return same.exclude(pk=alert.pk).order_by("raised_at")

    def to_escalate(self, at: dt.datetime, patience: dt.timedelta) -> AlertQuerySet:
        """Handed over, and answered by nobody for too long."""
        return self.filter(state=AlertState.REFERRED, escalated_at__isnull=True, referred_at__lte=at - patience)

    def to_expire(self, at: dt.datetime, patience: dt.timedelta) -> AlertQuerySet:
        """Undecided for so long that whoever it was has gone; who has just taken it up is left the time to judge."""
        return self.undecided().filter(raised_at__lte=at - patience).exclude(opened_at__gt=at - LEFT_TO_JUDGE)

    def due_for_purge(self, at: dt.datetime, retention: dt.timedelta) -> AlertQuerySet:
        """Unpurged, not held, and either 24 hours old or of a period that ended `retention` ago."""
        over = Q(camera__period__ended_at__lte=at - retention) | Q(deployment__ended_at__lte=at - retention)
        return self.filter(Q(raised_at__lte=at - CEILING) | over, purged_at__isnull=True, hold__isnull=True)

    def counts(self, period: Period) -> dict[str, int]:
        """Count a period's raised, open and false alerts, and, of a deployment's, the false ones that are governed.

        Governed are those that were raised since the present threshold applied.
        """
        false, of_period = Q(state__in=FALSE), Q(camera__period=period)
        since = period.deployment.governed_from
        return self.aggregate(
            raised=Count("pk", filter=of_period),
            open=Count("pk", filter=of_period & ~Q(state__in=OVER)),
            false=Count("pk", filter=of_period & false),
            false_governed=Count("pk", filter=false & Q(raised_at__gte=since) if since else false),
        )


class ActQuerySet(models.QuerySet["Act"]):
    def final(self, at: dt.datetime) -> ActQuerySet:
        """Acts that were not taken back, on alerts whose adjudication can no longer be taken back."""
        may_be = Q(alert__state__in=CAN_BE_TAKEN_BACK, alert__decided_at__gt=at - settings.LFR_UNDO)
        undone = self.model._default_manager.filter(alert=OuterRef("alert"), pk__gt=OuterRef("pk"), name="undo")
        return self.exclude(may_be).exclude(Exists(undone))
