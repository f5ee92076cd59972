"""The scheduled Celery task that sends notifications."""

from __future__ import annotations

import logging

from celery import shared_task

from notifications import operations

logger = logging.getLogger(__name__)


@shared_task(name="notifications.deliver", queue="notifications", ignore_result=True)
def deliver() -> None:
    """Send subscribers the notifications that are due."""
    delivered, refused = operations.deliver_due()
    if delivered or refused:
        logger.info("Delivered %d notifications; %d were not accepted", delivered, refused)
