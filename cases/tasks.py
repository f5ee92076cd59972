"""The scheduled task of cases."""

from __future__ import annotations

import datetime as dt
import logging

from celery import shared_task
from django.utils import timezone

from cases import expiry

logger = logging.getLogger(__name__)

LEAD = dt.timedelta(seconds=40)


@shared_task(name="cases.purge_due", queue="destruction", ignore_result=True)
def purge_due() -> None:
    """Destroy the names, words and letters of the cases whose retention has ended."""
    # A little early, so that the limit is not passed between two runs.
    count = expiry.purge_due(at=timezone.now() + LEAD)
    if count:
        logger.info("Purged %d cases", count)
