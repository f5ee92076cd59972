"""Scheduled tasks for reports."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from core.locks import Turn, take
from deployments import equality_findings
from reports import equality, public_site
from reports.dates import DateRange

logger = logging.getLogger(__name__)

# How far back the daily look goes.
LOOK_BACK = dt.timedelta(days=365)


@shared_task(name="reports.write_public", queue="lists", ignore_result=True)
def write_public() -> None:
    """Write the public pages anew, from what is published now."""
    # One at a time: of two that overlap, the one that began first must not put older pages over newer ones.
    with transaction.atomic():
        take(Turn.PUBLIC_PAGES)
        public_site.write_all(settings.LFR_PUBLIC)


def hurry_public() -> None:
    """Ask for the public pages to be written now. Without a broker the scheduler asks later."""
    with contextlib.suppress(OperationalError):
        write_public.apply_async(expires=30, retry=False)


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
