"""Deadlines of alerts: no officer responded, or no operator decided."""

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
    """Escalate unanswered referrals to every officer posted and to the commander. Return how many."""
    now = at or timezone.now()
    due = Alert.objects.to_escalate(now, settings.LFR_ANSWER_WITHIN)
    return _each(due, lambda alert: perform(alert, ESCALATE, actor=CLOCK, at=now))


def expire_unreviewed(*, at: dt.datetime | None = None) -> int:
    """Expire alerts that nobody decided in time. Return how many. Possible matches still need an outcome."""
    now = at or timezone.now()
    due = Alert.objects.to_expire(now, settings.LFR_REVIEW_WITHIN)
    return _each(due, lambda alert: perform(alert, EXPIRE, actor=CLOCK, at=now))


def _each(due: AlertQuerySet, act: Callable[[Alert], None]) -> int:
    count = 0
    for alert in due.select_related("camera__period__deployment"):
        try:
            with transaction.atomic():
                lock_deployment(alert.camera.period.deployment)
                # Checked under the lock: somebody may have acted in the meantime.
                alert.refresh_from_db()
                if not due.filter(pk=alert.pk).exists():
                    continue
                act(alert)
        except Conflict:
            # Somebody acted at the last moment, and their act stands.
            continue
        count += 1
    return count
