"""What time does to alerts: nobody answered, nobody looked."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from alerts.models import Alert
from alerts.operations import act_by_clock
from alerts.querysets import AlertQuerySet
from core.actors import CLOCK
from core.errors import Conflict
from deployments import tally

logger = logging.getLogger(__name__)


def escalate_unanswered(*, at: dt.datetime | None = None) -> int:
    """Put what an officer was handed, and nobody answered, to every officer posted and to the commander."""
    now = at or timezone.now()
    due = Alert.objects.to_escalate(now, settings.LFR_ANSWER_WITHIN)
    return _each(due, lambda alert: act_by_clock(alert, "escalate", {"escalated_at": now}, actor=CLOCK))


def expire_unreviewed(*, at: dt.datetime | None = None) -> int:
    """Take away what nobody judged in time: whoever it was has gone. It blocks the closing until it is coded."""
    now = at or timezone.now()
    due = Alert.objects.to_expire(now, settings.LFR_REVIEW_WITHIN)
    return _each(due, lambda alert: act_by_clock(alert, "expire", {}, actor=CLOCK))


def _each(due: AlertQuerySet, act: Callable[[Alert], None]) -> int:
    count = 0
    for alert in due.select_related("camera__period__deployment"):
        try:
            with transaction.atomic():
                tally.hold_for(alert.camera.period)
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
