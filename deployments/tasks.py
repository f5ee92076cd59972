"""Scheduled tasks of deployments."""

from __future__ import annotations

import logging
from collections.abc import Callable

from celery import shared_task
from django.utils import timezone

from deployments import documents, readiness, running

logger = logging.getLogger(__name__)


@shared_task(name="deployments.end_run_out", queue="clock", ignore_result=True)
def end_run_out() -> None:
    """End expired deployments first; then pause those that must not run, close those not started, make documents."""
    acts: tuple[Callable[[], object], ...] = (
        running.end_run_out,
        _watch_clock,
        running.watch_running,
        running.lapse_unstarted,
        documents.make_missing,
    )
    for act in acts:
        try:
            done = act()
        except Exception:
            # A failure must not delay the others.
            logger.exception("A scheduled act on deployments failed")
        else:
            if done:
                logger.info("%s: %s", act.__name__, done)


def _watch_clock() -> int:
    last = readiness.latest_moment()
    return running.distrust_clock(last, timezone.now()) if last is not None else 0
