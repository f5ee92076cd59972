"""Scheduled tasks for reports."""

from __future__ import annotations

import datetime as dt
import logging

from celery import shared_task
from django.utils import timezone

from deployments import equality_findings
from reports import equality
from reports.dates import DateRange

logger = logging.getLogger(__name__)

# How far back the daily look goes.
LOOK_BACK = dt.timedelta(days=365)


@shared_task(name="reports.watch_equality", queue="lists", ignore_result=True)
def watch_equality() -> None:
    """Raise each red finding of the last year for an authorising officer's review."""
    count = raise_findings(timezone.localdate())
    if count:
        logger.info("Raised %d equality findings", count)


def raise_findings(today: dt.date) -> int:
    """Raise the red findings of the year up to a day; return how many are new."""
    days = DateRange(today - LOOK_BACK, today)
    return sum(
        equality_findings.note(each.key, _words(each), days.since, days.until) is not None
        for each in equality.report_for(days).red
    )


def _words(found: equality.Comparison) -> str:
    return (
        f"{found.measure.name}, {equality.NAMES[found.characteristic].lower()}, {found.group}: {found.share_words}; "
        f"ratio to all others {found.ratio_words}. {found.words}"
    )
