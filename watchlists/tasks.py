"""What the clock does to lists."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from watchlists import destruction, imports, operations

logger = logging.getLogger(__name__)

LEAD = dt.timedelta(seconds=20)


@shared_task(name="watchlists.destroy_due", queue="destruction", ignore_result=True)
def destroy_due() -> None:
    """Expire what was sealed and not used, and destroy the lists that are over and whose time has come."""
    operations.expire_stale()
    # A little before the time, so that the limit itself is never passed between two ticks of the clock.
    count = destruction.destroy_due(at=timezone.now() + LEAD)
    if count:
        logger.info("Destroyed %d lists", count)


@shared_task(name="watchlists.work_on_imports", queue="lists", ignore_result=True)
def work_on_imports() -> None:
    """Read and add what was handed in, to its end; what was stopped goes on."""
    imports.work()


def hurry_imports() -> None:
    """Ask for it now. Without a broker the clock asks later."""
    with contextlib.suppress(OperationalError):
        work_on_imports.apply_async(expires=10, retry=False)
