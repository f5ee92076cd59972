"""The scheduled task of cases."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from cases import expiry

logger = logging.getLogger(__name__)


@shared_task(name="cases.purge_due", queue="destruction", ignore_result=True)
def purge_due() -> None:
    """Destroy the names, words and letters of the cases whose retention has ended."""
    count = expiry.purge_due(at=timezone.now())
    if count:
        logger.info("Purged %d cases", count)
