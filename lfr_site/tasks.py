"""Scheduled tasks that concern several apps."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from alerts.models import Alert, Shot
from audit import checkpoints
from deployments.models import Deployment
from watchlists import destruction

logger = logging.getLogger(__name__)


@shared_task(name="lfr_site.scrub", queue="destruction", ignore_result=True)
def scrub() -> None:
    """Scrub the database of the remains of destroyed watchlists and of the alerts about their subjects."""
    count = destruction.scrub((*destruction.TABLES, Alert._meta.db_table, Shot._meta.db_table))
    if count:
        logger.info("Scrubbed the remains of %d watchlists", count)


@shared_task(name="lfr_site.checkpoint", queue="clock", ignore_result=True)
def checkpoint() -> None:
    """Sign the state of the audit log if that is due: daily, every ten minutes while live, and when that ends."""
    now = timezone.now()
    why = checkpoints.why_due(now, is_live=Deployment.objects.live(now).exists())
    if why is not None:
        checkpoints.make(why)
