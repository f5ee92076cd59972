"""Scheduled tasks of the audit log. That a deployment is live, `lfr_site` knows."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from audit import attestation, journal, retention, verification
from audit.models import Checkpoint

logger = logging.getLogger(__name__)


@shared_task(name="audit.number", queue="clock", ignore_result=True)
def number() -> None:
    """Give the new entries their numbers."""
    journal.number_waiting()


@shared_task(name="audit.attest", queue="lists", ignore_result=True)
def attest() -> None:
    """Send the newest checkpoint to the witnesses and the time-stamping service that have not attested it."""
    attestation.attest()


@shared_task(name="audit.verify", queue="lists", ignore_result=True)
def verify() -> None:
    """Verify the whole log and record the result; nothing to do before the first checkpoint."""
    last = Checkpoint.objects.first()
    if last is not None:
        found = verification.verify_and_record(actor=attestation.LOG, target=last)
        for finding in found.findings[:100]:
            logger.error("The audit log is not intact: entry %d: %s", finding.first, finding.words)


@shared_task(name="audit.expire", queue="destruction", ignore_result=True)
def expire() -> None:
    """Destroy the entries whose retention has ended."""
    count = retention.expire(timezone.now())
    if count:
        logger.info("%d entries of the audit log were destroyed at the end of their retention", count)
