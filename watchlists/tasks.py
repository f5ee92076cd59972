"""What the clock does to lists."""

from __future__ import annotations

import logging

from celery import shared_task

from watchlists import operations

logger = logging.getLogger(__name__)


@shared_task(name="watchlists.destroy_due", queue="clock", ignore_result=True)
def destroy_due() -> None:
    """Expire what was sealed and not used, and destroy the closed lists whose time has come."""
    operations.expire_stale()
    count = operations.destroy_due()
    if count:
        logger.info("Destroyed %d lists", count)
