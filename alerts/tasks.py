"""Scheduled Celery tasks for alerts."""

from __future__ import annotations

import datetime as dt
import logging

from celery import shared_task
from django.utils import timezone

from alerts import certificates, controls, deadlines, evidence, stand_downs

logger = logging.getLogger(__name__)

LEAD = dt.timedelta(seconds=20)
# As in the schedule in lfr_site.settings.
WATCH_EVERY = dt.timedelta(seconds=2)


@shared_task(name="alerts.purge_due", queue="destruction", ignore_result=True)
def purge_due() -> None:
    """Purge the alerts that are due, and certify the purge of deployments of which nothing is left."""
    # A little early, so that the limit is not passed between two runs.
    count = evidence.purge_due(at=timezone.now() + LEAD)
    if count:
        logger.info("Purged %d alerts", count)
    certificates.certify_due()


@shared_task(name="alerts.watch", queue="clock", ignore_result=True)
def watch() -> None:
    """Escalate referrals, expire undecided alerts, close stand-downs, and plant known-negative checks."""
    escalated, expired = deadlines.escalate_unanswered(), deadlines.expire_unreviewed()
    stand_downs.close_lapsed()
    controls.plant_due(since_last=WATCH_EVERY)
    if escalated or expired:
        logger.info("Escalated %d alerts, expired %d", escalated, expired)
