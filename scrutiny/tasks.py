"""The scheduled task of scrutiny."""

from __future__ import annotations

import logging

from celery import shared_task

from scrutiny import dossiers

logger = logging.getLogger(__name__)


@shared_task(name="scrutiny.draw", queue="lists", ignore_result=True)
def draw() -> None:
    """Draw the dossiers of the deployments that were closed."""
    count = dossiers.draw_due()
    if count:
        logger.info("Drew %d dossiers", count)
