"""Scheduled and background tasks for lists."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections.abc import Callable

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from watchlists import destruction, import_endings, imports, operations

logger = logging.getLogger(__name__)

LEAD = dt.timedelta(seconds=20)


@shared_task(name="watchlists.destroy_due", queue="destruction", ignore_result=True)
def destroy_due() -> None:
    """Expire lists that were not sealed or used in time, cancel stale imports, and destroy the lists that are due."""
    # Slightly early, so that no list becomes overdue between two runs of this task.
    at = timezone.now() + LEAD
    endings: tuple[tuple[Callable[..., int], dict[str, dt.datetime]], ...] = (
        (operations.expire_stale, {}),
        (operations.expire_unsealed, {"at": at}),
        (import_endings.cancel_stale, {"at": at}),
    )
    for end, moment in endings:
        try:
            end(**moment)
        except Exception:
            # What is due already is destroyed whatever happens here; the next run tries again. No data in the message.
            logger.exception("Lists or imports could not be ended")
    count = destruction.destroy_due(at=at)
    if count:
        logger.info("Destroyed %d lists", count)


@shared_task(name="watchlists.work_on_imports", queue="lists", ignore_result=True)
def work_on_imports() -> None:
    """Read or add every waiting import, resuming interrupted ones."""
    imports.work()


def hurry_imports() -> None:
    """Ask for work on imports to start now. Without a broker the scheduler asks later."""
    with contextlib.suppress(OperationalError):
        work_on_imports.apply_async(expires=10, retry=False)
