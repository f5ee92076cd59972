"""Whether the public was told long enough before the cameras of a period are on."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.utils import timezone

from deployments.models import NoticeExemption, Period


def of_notice(period: Period, at: dt.datetime) -> tuple[bool, str]:
    """Return whether cameras may be on at this moment, or at the start if that is later; and why."""
    first = period.deployment.notices.first()
    if first is None:
        return False, "Public notice has not been given."
    said = f"{first}, {timezone.localtime(first.published_at):%d %B %Y at %H:%M}."
    if NoticeExemption.objects.filter(deployment_id=period.deployment_id).exists():
        return True, f"{said} Exempt from the lead time."
    long_enough = first.published_at + settings.LFR_NOTICE
    if long_enough > max(at, period.starts_at or at):
        hours = f"{settings.LFR_NOTICE.total_seconds() / 3600:.0f}"
        until = f"{timezone.localtime(long_enough):%d %B at %H:%M}"
        return False, f"Published less than {hours} hours before the cameras are on; they can be on from {until}."
    return True, said
