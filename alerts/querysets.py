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
        return self.select_related("camera", "person", "decided_by", "outcome_by", "operating_point").defer(
            "probe_jpeg"
        )

    def undecided(self) -> AlertQuerySet:
        return self.filter(state__in=("raised", "unsure"))

    def due_for_purge(self, at: dt.datetime, retention: dt.timedelta) -> AlertQuerySet:
        """Unpurged, and either 24 hours old or of a deployment that ended `retention` ago."""
        return self.filter(
            Q(raised_at__lte=at - CEILING) | Q(deployment__ended_at__lte=at - retention), purged_at__isnull=True
        )
