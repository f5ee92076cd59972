"""What the clock does to deployments."""

from __future__ import annotations

import logging

from celery import shared_task

from deployments import operations

logger = logging.getLogger(__name__)


@shared_task(name="deployments.end_run_out", queue="clock", ignore_result=True)
def end_run_out() -> None:
    """End the deployments whose authority has run out, and close those that never started."""
    operations.lapse_unstarted()
    count = len(operations.end_run_out())
    if count:
        logger.info("Ended %d deployments", count)
