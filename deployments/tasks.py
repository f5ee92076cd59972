"""What the clock does to deployments."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from audit.models import Entry
from deployments import running

logger = logging.getLogger(__name__)


@shared_task(name="deployments.end_run_out", queue="clock", ignore_result=True)
def end_run_out() -> None:
    """End what ran out, close what never started, pause what does badly or runs by a clock that went back."""
    last = Entry.objects.order_by("-number").values_list("at", flat=True).first()
    if last is not None:
        running.distrust_clock(last, timezone.now())
    running.lapse_unstarted()
    ended = len(running.end_run_out())
    paused = running.watch_running()
    if ended or paused:
        logger.info("Ended %d deployments, paused %d", ended, paused)
