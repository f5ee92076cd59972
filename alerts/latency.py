"""Latencies from the frame to the alert, the adjudication, the officer's response and the outcome."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Min, Q

from alerts.models import Alert
from alerts.querysets import AlertQuerySet
from alerts.states import ActName
from deployments.models import Deployment

WINDOW = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Spread:
    """The median and the 95th percentile of a number of times in seconds; None if there were none."""

    name: str
    count: int
    p50: float | None
    p95: float | None

    @classmethod
    def of(cls, name: str, seconds: Iterable[float]) -> Spread:
        found = sorted(seconds)
        if not found:
            return cls(name, 0, None, None)
        return cls(name, len(found), statistics.median(found), found[max(-(-95 * len(found) // 100) - 1, 0)])

    @property
    def words(self) -> str:
        """Both values, for display."""
        if self.p50 is None or self.p95 is None:
            return "–"
        return f"{_span(self.p50)} · {_span(self.p95)}"


def _span(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def latest(deployment: Deployment, *, at: dt.datetime) -> list[Spread]:
    """Return the first three latencies over the last 10 minutes, for the console."""
    recent = Alert.objects.filter(deployment=deployment, raised_at__gte=at - WINDOW).public()
    return timers_of(recent)[:3]


def timers_of(alerts: AlertQuerySet) -> list[Spread]:
    """Return the time that each step took after the one before. Adjudications that were undone do not count."""
    rows: list[Any] = list(
        alerts.order_by()
        .annotate(
            engaged=Min("acts__done_at", filter=Q(acts__name=ActName.ENGAGE)),
            coded=Count("acts", filter=Q(acts__name=ActName.CODE)),
            answered=Min("acts__done_at", filter=Q(acts__name__in=(ActName.ACKNOWLEDGE, ActName.ENGAGE))),
        )
        .values("received_at", "raised_at", "decided_at", "answered", "engaged", "ended_at", "coded")
    )
    for row in rows:
        # What was recorded afterwards says when it was recorded, not when it happened.
        row["ended_at"] = None if row["coded"] else row["ended_at"]
    return [
        Spread.of("Frame to possible match", _between(rows, "received_at", "raised_at")),
        Spread.of("Possible match to decision", _between(rows, "raised_at", "decided_at")),
        Spread.of("Decision to response", _between(rows, "decided_at", "answered")),
        Spread.of("Response to engagement", _between(rows, "answered", "engaged")),
        Spread.of("Engagement to outcome", _between(rows, "engaged", "ended_at")),
    ]


def _between(rows: Iterable[Any], start: str, end: str) -> list[float]:
    """Return the intervals in seconds, without those that end before they begin.

    In those, the clocks of two machines differed, and counting them as 0 s would flatter the figures.
    """
    return [
        (row[end] - row[start]).total_seconds()
        for row in rows
        if row[start] is not None and row[end] is not None and row[end] >= row[start]
    ]
