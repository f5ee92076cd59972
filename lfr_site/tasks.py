"""What the clock does across the floors."""

from __future__ import annotations

import logging

from celery import shared_task

from alerts.models import Alert, Shot
from watchlists import destruction

logger = logging.getLogger(__name__)


@shared_task(name="lfr_site.scrub", queue="destruction", ignore_result=True)
def scrub() -> None:
    """Rewrite what the database keeps of destroyed lists, and of the alerts on their people."""
    count = destruction.scrub((*destruction.TABLES, Alert._meta.db_table, Shot._meta.db_table))
    if count:
        logger.info("Scrubbed what was left of %d lists", count)
