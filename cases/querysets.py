"""Queries for cases."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from cases.models import Case  # noqa: F401 (in the string below)


class CaseQuerySet(models.QuerySet["Case"]):
    def unfinished(self) -> CaseQuerySet:
        """Return the cases that are not closed."""
        return self.filter(closed_at__isnull=True)

    def due_for_purge(self, at: dt.datetime, retention: dt.timedelta) -> CaseQuerySet:
        """Return the closed cases whose names, words and letters must be destroyed by a moment."""
        return self.filter(closed_at__lte=at - retention, purged_at__isnull=True)
