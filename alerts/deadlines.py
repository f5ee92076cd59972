"""Deadlines of alerts: nobody answered, nobody reviewed."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from alerts.acts import ESCALATE, EXPIRE
from alerts.models import Alert
from alerts.operations import perform
from alerts.querysets import AlertQuerySet
from core.actors import CLOCK
from core.errors import Conflict
from deployments.locks import lock_deployment

logger = logging.getLogger(__name__)


def escalate_unanswered(*, at: dt.datetime | None = None) -> int:
    """Put what an officer was handed, and nobody answered, to every officer posted and to the commander."""
    now = at or timezone.now()
    due = Alert.objects.to_escalate(now, settings.LFR_ANSWER_WITHIN)
    return _each(due, lambda alert: perform(alert, ESCALATE, actor=CLOCK, at=now))


def expire_unreviewed(*, at: dt.datetime | None = None) -> int:
    """Take away what nobody judged in time: whoever it was has gone. It blocks the closing until it is coded."""
    now = at or timezone.now()
    due = Alert.objects.to_expire(now, settings.LFR_REVIEW_WITHIN)
    return _each(due, lambda alert: perform(alert, EXPIRE, actor=CLOCK, at=now))


def _each(due: AlertQuerySet, act: Callable[[Alert], None]) -> int:
    count = 0
    for alert in due.select_related("camera__period__deployment"):
        try:
            with transaction.atomic():
                lock_deployment(alert.camera.period.deployment)
                # Asked once it is held: somebody may have acted while the clock waited.
                alert.refresh_from_db()
                if not due.filter(pk=alert.pk).exists():
                    continue
                act(alert)
        except Conflict:
            # Somebody acted at the last moment: theirs counts.
            continue
        count += 1
    return count
