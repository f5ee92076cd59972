"""Queries on alerts and acts."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce

from alerts.permissions import DECIDE_ALERT, WATCH_ALERTS
from alerts.states import (
    ACTIVE,
    CAN_BE_TAKEN_BACK,
    FALSE,
    FOUND_IN_REVIEW,
    IN_THE_STREET,
    JOINED_AGAIN,
    NEVER_REFERRED,
    OPEN,
    OVER,
    UNDECIDED,
    ActName,
    AlertState,
)
from core import retention
from deployments.permissions import BE_POSTED

if TYPE_CHECKING:
    from alerts.models import Act, Alert, StandDown  # noqa: F401 (in the strings below)
    from deployments.models import Period

# The longest that the face of a possible match is kept, whatever the settings, unless it is held as evidence.
CEILING = retention.line("alert").ceiling or retention.DAY
LEFT_TO_JUDGE = dt.timedelta(minutes=1)
_ACTIVE = Q(state__in=ACTIVE, kind="alert")
_SEEN_AGAIN = Q(state__in=JOINED_AGAIN, again_at__isnull=False) & (
    Q(again_viewed_at__isnull=True) | Q(again_viewed_at__lt=F("again_at"))
)


class AlertQuerySet(models.QuerySet["Alert"]):
    def visible_to(self, user: Any) -> AlertQuerySet:
        """Return the alerts this user may see.

        A commander sees all of them. An operator sees those of deployments that they are posted to. Of these, an
        officer sees the ones referred to them, to their team or to every officer, the escalated ones, and those they
        answered.
        """
        if not user.has_perm(WATCH_ALERTS):
            return self.none()
        if not user.has_perm(BE_POSTED):
            return self
        posted = Q(deployment__postings__user=user, deployment__postings__ended_at=None)
        if user.has_perm(DECIDE_ALERT):
            return self.filter(posted)
        to_all = Q(assigned_to=None, assigned_team="") | Q(escalated_at__isnull=False)
        to_their_team = ~Q(assigned_team="") & Q(deployment__postings__team=F("assigned_team"))
        theirs = Q(assigned_to=user) | Q(officer=user) | to_all | to_their_team
        handed_over = Q(referred_at__isnull=False) & ~Q(state__in=NEVER_REFERRED)
        return self.filter(posted & theirs & handed_over)

    def for_rows(self) -> AlertQuerySet:
        """Fetch what a row shows, without the encrypted content."""
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
        """Add `shot_count`, the number of shots from the camera: 0 once the alert has been purged."""
        return self.annotate(shot_count=Count("shots", filter=Q(shots__kind="probe"), distinct=True))

    def in_queue(self) -> AlertQuerySet:
        """Return what a console shows: no recognition tests, and no known-negative checks that expired."""
        return self.exclude(state=AlertState.BLUE).exclude(kind="control", state=AlertState.EXPIRED)

    def in_order(self) -> AlertQuerySet:
        """Order for deciding: red before amber before green, then the oldest first; inconclusive ones last."""
        tiers = [When(tier=tier, then=Value(rank)) for rank, tier in enumerate(("red", "amber", "green"))]
        inconclusive = When(state=AlertState.INCONCLUSIVE, then=Value(1))
        is_last = Case(inconclusive, default=Value(0), output_field=IntegerField())
        rank = Case(*tiers, default=Value(9), output_field=IntegerField())
        return self.annotate(is_last=is_last, rank=rank).order_by("is_last", "rank", "raised_at", "pk")

    def public(self) -> AlertQuerySet:
        """Return what counts in figures: no recognition tests and no known-negative checks."""
        return self.filter(kind="alert")

    def timed(self) -> AlertQuerySet:
        """Return those of which the engagement and the outcome were recorded as they happened, not afterwards."""
        engaged = self.filter(acts__name="engage", engaged_at__isnull=False, ended_at__isnull=False)
        return self.filter(pk__in=engaged.order_by().values("pk")).exclude(acts__name="code")

    def undecided(self) -> AlertQuerySet:
        return self.filter(state__in=UNDECIDED)

    def in_the_street(self) -> AlertQuerySet:
        """Return those that are with officers and have no outcome yet."""
        return self.filter(state__in=IN_THE_STREET)

    def unsettled(self) -> AlertQuerySet:
        """Return those whose outcome is still to be recorded."""
        return self.filter(state__in=OPEN)

    def settled(self) -> AlertQuerySet:
        """Return those with no outcome still to be recorded."""
        return self.exclude(state__in=OPEN)

    def seen_again(self) -> AlertQuerySet:
        """Return those matched again at the same place after "not the same", at which no operator has looked since."""
        return self.filter(_SEEN_AGAIN)

    def not_seen_again(self) -> AlertQuerySet:
        """Return all but those of `seen_again`."""
        return self.exclude(_SEEN_AGAIN)

    def to_join(self, camera_id: uuid.UUID, person_id: uuid.UUID, track: str, since: dt.datetime) -> AlertQuerySet:
        """Return the alerts that a shot of a person at a camera may join; it joins the first.

        The alert of the shot's own track comes first. Open alerts last seen since `since` follow: a track that broke
        continues in one of these. Then come alerts decided as not the same, which a shot joins only if it is at the
        same place.
        """
        own = Q(pk__in=self.model._default_manager.filter(shots__track=track).values("pk"))
        active, again = Q(_ACTIVE, last_seen_at__gte=since), Q(state__in=JOINED_AGAIN, purged_at__isnull=True)
        found = self.filter(own | active | again, camera_id=camera_id, person_id=person_id)
        order = Case(When(own, then=Value(0)), When(active, then=Value(1)), default=Value(2))
        return found.annotate(order=order).order_by("order", "-raised_at")

    def open_at(self, camera_id: uuid.UUID) -> AlertQuerySet:
        """Return the possible matches of a camera that are with operators or officers."""
        return self.filter(_ACTIVE, camera_id=camera_id)

    def heard_from(self, user: Any) -> AlertQuerySet:
        """Return alerts on which a user's acts are accepted: those they may see, and those they have acted on before.

        A handset without a connection sends acts late, perhaps after the alert was referred to others. The guards then
        decide whether they still count.
        """
        posted = Q(deployment__postings__user=user, deployment__postings__ended_at=None)
        answered = self.filter(posted, acts__by=user, referred_at__isnull=False)
        return self.filter(Q(pk__in=self.visible_to(user).values("pk")) | Q(pk__in=answered.values("pk")))

    def of_same_person(self, alert: Alert) -> AlertQuerySet:
        """Return other alerts of the period on the same subject, oldest first; none once the alert has been purged."""
        if alert.person_id is None:
            return self.none()
        same = self.filter(person_id=alert.person_id, camera__period=alert.camera.period_id, kind="alert")
        return same.exclude(pk=alert.pk).order_by("raised_at")

    def to_escalate(self, at: dt.datetime, patience: dt.timedelta) -> AlertQuerySet:
        """Return referrals that nobody has answered for as long as `patience`."""
        return self.filter(state=AlertState.REFERRED, escalated_at__isnull=True, referred_at__lte=at - patience)

    def to_expire(self, at: dt.datetime, patience: dt.timedelta) -> AlertQuerySet:
        """Return alerts undecided for as long as `patience`, except those opened within the last minute."""
        return self.undecided().filter(raised_at__lte=at - patience).exclude(opened_at__gt=at - LEFT_TO_JUDGE)

    def due_for_purge(self, at: dt.datetime, retention: dt.timedelta) -> AlertQuerySet:
        """Return alerts not purged and not held that are 24 hours old, or whose period ended `retention` ago."""
        over = Q(camera__period__ended_at__lte=at - retention) | Q(deployment__ended_at__lte=at - retention)
        return self.filter(Q(raised_at__lte=at - CEILING) | over, purged_at__isnull=True, hold__isnull=True)

    def uncertified(self) -> AlertQuerySet:
        """Return those that are purged and on no certificate yet."""
        return self.filter(purged_at__isnull=False, certificate=None)

    def adjudicated(self, at: dt.datetime) -> AlertQuerySet:
        """Return possible matches whose faces somebody compared and decided on, finally."""
        compared = Q(decided_at__isnull=False) | Q(state__in=FOUND_IN_REVIEW)
        may_be_undone = Q(state__in=CAN_BE_TAKEN_BACK, decided_at__gt=at - settings.LFR_UNDO)
        return self.public().filter(compared, state__in=(*OVER, *IN_THE_STREET)).exclude(may_be_undone)

    def to_look_at(self, at: dt.datetime) -> AlertQuerySet:
        """Return those drawn for a second look whose faces can still be compared, the next to be purged first."""
        waiting = self.adjudicated(at).filter(is_sampled=True, second_look__isnull=True, purged_at__isnull=True)
        # Without the photograph, which goes with its list, nobody can compare; evidence is held with it.
        waiting = waiting.filter(Q(photograph__isnull=False) | Q(hold__isnull=False))
        return waiting.order_by("raised_at")

    def counts(self, period: Period) -> dict[str, int]:
        """Count a period's raised, open and false alerts, and the deployment's false alerts at the present threshold.

        `false_governed` counts the false alerts that were raised since the present threshold applied. Those on one
        object count as one.
        """
        false, of_period = Q(state__in=FALSE), Q(camera__period=period)
        since = period.deployment.governed_from
        return self.aggregate(
            raised=Count("pk", filter=of_period),
            open=Count("pk", filter=of_period & ~Q(state__in=OVER)),
            false=Count("pk", filter=of_period & false),
            false_governed=Count(
                Coalesce("repeat_of", "pk"), filter=false & Q(raised_at__gte=since) if since else false, distinct=True
            ),
        )


class StandDownQuerySet(models.QuerySet["StandDown"]):
    def active(self, at: dt.datetime) -> StandDownQuerySet:
        """Return those that hold at a moment."""
        return self.filter(ended_at__isnull=True, at__lte=at, until__gt=at)

    def lapsed(self, at: dt.datetime) -> StandDownQuerySet:
        """Return those whose time is over, or whose period has ended, and that have not been closed."""
        over = Q(until__lte=at) | Q(camera__period__ended_at__isnull=False)
        return self.filter(over, ended_at__isnull=True)

    def of(self, deployment: Any) -> StandDownQuerySet:
        """Return those of a deployment, with what a row shows."""
        found = self.filter(camera__period__deployment=deployment)
        return found.select_related("camera__period", "alert", "by", "confirmed_by", "ended_by")


class ActQuerySet(models.QuerySet["Act"]):
    def final(self, at: dt.datetime) -> ActQuerySet:
        """Return acts that were not undone, on alerts whose adjudication can no longer be undone."""
        may_be = Q(alert__state__in=CAN_BE_TAKEN_BACK, alert__decided_at__gt=at - settings.LFR_UNDO)
        undone = self.model._default_manager.filter(alert=OuterRef("alert"), pk__gt=OuterRef("pk"), name=ActName.UNDO)
        return self.exclude(may_be).exclude(Exists(undone))
