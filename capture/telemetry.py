"""Telemetry of a camera's stream: rates, waits, light. Numbers only, no personal data."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence

from deployments.cameras import FrameCounts, Health

# How much a new measurement moves the running one.
SMOOTHING = 0.3
# A longer transit says nothing about the line: the camera was inactive, for example in a background tab.
LONGEST_TRANSIT_S = 2.5
# How often light and focus are measured, which costs a worker as much as a few database queries.
LIGHT_EVERY_S = 1.0


class StreamTelemetry:
    """Measurements of one camera's socket between two counts."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._latencies: list[float] = []
        self._turn_waits: list[float] = []
        self._light: Sequence[float] | None = None
        self._light_at = -math.inf
        self._arrived_at, self._number = 0.0, 0
        # The last arrival that the rate of due pictures was counted to, and that rate.
        self._rated, self._rate = (0.0, 0), 0.0
        # Of the last frames: seconds between two pictures that were due, and from the request to a frame's arrival,
        # including the wait for the camera's next picture.
        self.interval_s = 0.0
        self.transit_s = 0.0

    def note_arrival(self, number: int, asked_at: float | None) -> int:
        """Note a frame's arrival. Return how many pictures before it were due but not sent, from the frame numbers."""
        now = time.monotonic()
        passed_over = max(number - self._number - 1, 0) if self._number else 0
        if not self._number:
            self._rated = now, number
        if 0 < self._number < number:
            self.interval_s = _moved(self.interval_s, (now - self._arrived_at) / (number - self._number))
        if asked_at is not None:
            self.transit_s = _moved(self.transit_s, min(now - asked_at, LONGEST_TRANSIT_S))
        self._arrived_at, self._number = now, max(number, self._number)
        return passed_over

    def due_in_s(self, share: float) -> float:
        """Return the seconds until this share of the interval has passed since the last frame; 0 if it has."""
        return max(self._arrived_at + share * self.interval_s - time.monotonic(), 0.0)

    def note_turn(self, waited_s: float) -> None:
        """Note how long the camera waited until it was allowed to send."""
        self._turn_waits.append(waited_s)

    def note_answer(self, latency_s: float, light: Sequence[float] | None) -> None:
        """Note that a frame was processed this long after its arrival."""
        self._latencies.append(latency_s)
        if light is not None:
            self._light, self._light_at = light, time.monotonic()

    def light_is_due(self) -> bool:
        """Return whether light and focus should be measured in the next frame."""
        return time.monotonic() - self._light_at >= LIGHT_EVERY_S

    def health(self, counts: FrameCounts, *, is_waiting: bool = False) -> Health:
        """Return the camera's telemetry since the last call. is_waiting: whether it is waiting for its turn to send."""
        now = time.monotonic()
        spent, self._since = max(now - self._since, 0.001), now
        latencies, self._latencies = self._latencies, []
        waits, self._turn_waits = self._turn_waits, []
        brightness, sharpness = self._light or (None, None)
        due = counts.received + counts.passed_over
        return Health(
            rate=counts.processed / spent,
            dropped=min((counts.dropped + counts.passed_over) / max(due, 1), 1.0),
            latency_ms=_median_ms(latencies),
            brightness=brightness,
            sharpness=sharpness,
            due_rate=self._due_rate(is_waiting=is_waiting),
            turn_wait_ms=_median_ms(waits) or 0,
            line_ms=round(self.transit_s * 1000),
        )

    def _due_rate(self, *, is_waiting: bool) -> float:
        """Return the pictures due a second, counted between the last arrivals of two counts.

        A frame also stands for all pictures passed over since the frame before, which may be older than the last count.
        Without an arrival, the rate stays the same while the camera waits for its turn; otherwise nothing is due.
        """
        (rated_at, rated), self._rated = self._rated, (self._arrived_at, self._number)
        if rated < self._number:
            self._rate = (self._number - rated) / max(self._arrived_at - rated_at, 0.001)
            return self._rate
        return self._rate if is_waiting else 0.0


def _moved(before: float, value: float) -> float:
    return value if before == 0 else before + SMOOTHING * (value - before)


def _median_ms(seconds: Sequence[float]) -> int | None:
    return round(statistics.median(seconds) * 1000) if seconds else None
