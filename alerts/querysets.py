"""Questions about alerts."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from alerts.models import Alert  # noqa: F401 (in the strings below)

# The face of a possible match is kept this long at the very most, whatever else is set.
CEILING = dt.timedelta(hours=24)


class AlertQuerySet(models.QuerySet["Alert"]):
    def visible_to(self, user: Any) -> AlertQuerySet:
        """Alerts this user may see."""
        return self if user.has_perm("alerts.watch_alerts") else self.none()

    def for_rows(self) -> AlertQuerySet:
        """With what a row shows, and without the pictures."""
        return self.select_related("camera__period", "person", "decided_by", "outcome_by", "operating_point").defer(
            "probe_jpeg"
        )

    def public(self) -> AlertQuerySet:
        """Those that count: without the recognition test's."""
        return self.exclude(state="blue")

    def undecided(self) -> AlertQuerySet:
        return self.filter(state__in=("raised", "unsure"))

    def unsettled(self) -> AlertQuerySet:
        """Without a decision, or without what came of it."""
        return self.filter(state__in=("raised", "unsure", "referred"))

    def due_for_purge(self, at: dt.datetime, retention: dt.timedelta) -> AlertQuerySet:
        """Unpurged, and either 24 hours old or of a period that ended `retention` ago."""
        over = Q(camera__period__ended_at__lte=at - retention) | Q(deployment__ended_at__lte=at - retention)
        return self.filter(Q(raised_at__lte=at - CEILING) | over, purged_at__isnull=True)
