"""The receipt of an engagement: a code for the person who was spoken to, and what it tells whoever has the code.

A code says nothing by itself and cannot be guessed: 12 characters of 30, almost 59 bits. What it tells names nobody.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import segno
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe

from alerts.models import Alert
from alerts.receipt_codes import normalised, shown
from alerts.states import FALSE, AlertState

_DECISIONS: dict[str, str] = {
    **dict.fromkeys(FALSE, "The officer found that you are not the person suggested, and let you go."),
    AlertState.NOT_LOCATED: "The conversation ended before your identity was established.",
    AlertState.ARRESTED: "The officer confirmed your identity and arrested you.",
    AlertState.OTHER_DISPOSAL: "The officer confirmed your identity and dealt with the matter without an arrest.",
    AlertState.NO_ACTION: "The officer confirmed your identity and took no further action.",
}
_OTHERWISE = "No outcome of the conversation could be recorded."
_NOT_YET = "The outcome is not recorded yet."


@dataclass(frozen=True)
class Receipt:
    """The information shown for a receipt code. length: duration of the engagement, in words.

    purged_at: when pictures, score and particulars were deleted; else purge_by, unless they are held as evidence.
    """

    code: str
    spoken_at: dt.datetime
    decision: str
    length: str
    purged_at: dt.datetime | None
    purge_by: dt.datetime
    is_held: bool

    @property
    def is_overdue(self) -> bool:
        """Whether it should have been deleted by now."""
        return self.purged_at is None and not self.is_held and self.purge_by < timezone.now()


def find(typed: str) -> Alert | None:
    """Return the alert of a code as somebody typed it, if an officer spoke to somebody about it; else None."""
    code = normalised(typed)
    if not code:
        return None
    engaged = Alert.objects.public().filter(engaged_at__isnull=False)
    return engaged.select_related("camera__period", "deployment", "hold").filter(receipt=code).first()


def receipt_of(alert: Alert) -> Receipt:
    """Return what the code of an alert tells. The alert must have an engagement."""
    if alert.engaged_at is None:
        raise ValueError("nobody was spoken to about this alert")
    otherwise = _OTHERWISE if alert.result else _NOT_YET
    return Receipt(
        code=shown(alert.receipt),
        spoken_at=alert.engaged_at,
        decision=_DECISIONS.get(alert.state, otherwise),
        length=_length(alert),
        purged_at=alert.purged_at,
        purge_by=alert.purge_by,
        is_held=hasattr(alert, "hold"),
    )


def _length(alert: Alert) -> str:
    if alert.ended_at is None:
        return "It has not ended yet."
    if alert.engagement is None:
        return "Not known: the end was recorded afterwards."
    minutes = max(round(alert.engagement.total_seconds() / 60), 1)
    return f"{minutes:,} minute{'' if minutes == 1 else 's'}"


def address_for(request: HttpRequest, alert: Alert) -> str:
    """Return the address at which the receipt of an alert is read."""
    return request.build_absolute_uri(reverse("receipt-code", args=[alert.receipt_shown]))


def qr_code(request: HttpRequest, alert: Alert) -> str:
    """Return the QR code of a receipt's address as SVG, dark on white whatever the colours around it."""
    made = segno.make(address_for(request, alert), error="m")
    return mark_safe(made.svg_inline(border=3, dark="#000", light="#fff", omitsize=True))  # noqa: S308 (segno's own SVG)
