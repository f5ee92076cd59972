"""What Celery runs on the clock: shells over the operations."""

from __future__ import annotations

import datetime as dt
import logging

from celery import shared_task
from django.utils import timezone

from alerts import controls, deadlines, evidence

logger = logging.getLogger(__name__)

LEAD = dt.timedelta(seconds=20)
# As the clock's schedule has it (lfr_site.settings).
WATCH_EVERY = dt.timedelta(seconds=2)


@shared_task(name="alerts.purge_due", queue="destruction", ignore_result=True)
def purge_due() -> None:
    """Empty the alerts whose time has come."""
    # A little before the time, so that the limit itself is never passed between two ticks of the clock.
    count = evidence.purge_due(at=timezone.now() + LEAD)
    if count:
        logger.info("Purged %d alerts", count)


@shared_task(name="alerts.watch", queue="clock", ignore_result=True)
def watch() -> None:
    """What nobody answered, and what nobody looked at."""
    escalated, expired = deadlines.escalate_unanswered(), deadlines.expire_unreviewed()
    controls.plant_due(since_last=WATCH_EVERY)
    if escalated or expired:
        logger.info("Escalated %d alerts, expired %d", escalated, expired)
