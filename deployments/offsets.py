"""How far another clock is from this server's, estimated from round trips.

In a round trip the other clock is read once, between two readings of one's own. It was read somewhere between them, so
its offset from the middle of the trip is certain to half the trip's length, however the delay was shared between the
way there and the way back. A slow line makes the estimate less certain; it never makes a right clock wrong.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

# A clock that moves by more than this against the stopwatch during a trip was set in between.
STEADY_MS = 20.0
# Trips during which the clock was set are made again, but not without end.
MOST_TRIES = 3


class ClockMoved(Exception):
    """This server's own clock was set during every round trip."""


@dataclass(frozen=True)
class Offset:
    """How far a clock is ahead of this server's, in milliseconds: the truth lies within ms ± uncertainty_ms.

    A clock that is behind has a negative offset.

    Raises:
        ValueError: not finite numbers, or an uncertainty below zero.
    """

    ms: float
    uncertainty_ms: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.ms) and math.isfinite(self.uncertainty_ms) and self.uncertainty_ms >= 0):
            raise ValueError("an offset has a finite value and an uncertainty of zero or more")


@dataclass(frozen=True)
class RoundTrip:
    """Milliseconds since 1970. sent, received: by one's own clock; remote: by the other clock, read in between."""

    sent: float
    remote: float
    received: float


@dataclass(frozen=True)
class TripStart:
    """Milliseconds when a trip began: by one's own clock, and by a stopwatch that nobody sets."""

    wall_ms: float
    stopwatch_ms: float

    @classmethod
    def now(cls, wall: Callable[[], float] = time.time, stopwatch: Callable[[], float] = time.monotonic) -> TripStart:
        return cls(wall() * 1000, stopwatch() * 1000)

    def ended(
        self,
        remote_ms: float,
        wall: Callable[[], float] = time.time,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> RoundTrip | None:
        """Return the trip that ends now; None when one's own clock was set in between."""
        end = TripStart.now(wall, stopwatch)
        spent = end.stopwatch_ms - self.stopwatch_ms
        if abs(end.wall_ms - self.wall_ms - spent) > STEADY_MS:
            return None
        # Its length by the stopwatch, which a slow correction of the clock does not change.
        return RoundTrip(self.wall_ms, remote_ms, self.wall_ms + spent)


def estimate(trips: Sequence[RoundTrip]) -> Offset:
    """Return the offset of the other clock, from the shortest trip.

    Raises:
        ValueError: no trips, or one that was received before it was sent.
    """
    if not trips or any(trip.received < trip.sent for trip in trips):
        raise ValueError("an estimate needs round trips that were received after they were sent")
    best = min(trips, key=lambda trip: trip.received - trip.sent)
    half = (best.received - best.sent) / 2
    return Offset(best.remote - (best.sent + half), half)


def excess(offset: Offset) -> float:
    """Return how many milliseconds a clock is off at the very least: 0 while it may be right."""
    return max(abs(offset.ms) - offset.uncertainty_ms, 0.0)


def measure(
    read_other_ms: Callable[[], float],
    *,
    trips: int = 5,
    wall: Callable[[], float] = time.time,
    stopwatch: Callable[[], float] = time.monotonic,
) -> Offset:
    """Return the offset of a clock that can be asked, against this server's.

    wall: this server's clock, in seconds since 1970. stopwatch: seconds of a clock that nobody sets; a trip during
    which the two part is not counted.

    Raises:
        ClockMoved: none of the trips counted.
    """
    found: list[RoundTrip] = []
    for _ in range(trips * MOST_TRIES):
        start = TripStart.now(wall, stopwatch)
        trip = start.ended(read_other_ms(), wall, stopwatch)
        if trip is not None:
            found.append(trip)
        if len(found) == trips:
            break
    if not found:
        raise ClockMoved
    return estimate(found)


def kept(ms: float | None, uncertainty_ms: float | None) -> Offset | None:
    """Return the offset that two columns hold; None when it was never measured."""
    return None if ms is None or uncertainty_ms is None else Offset(ms, uncertainty_ms)


def within(measured: Mapping[str, Offset]) -> str:
    """Return a sentence about clocks that are near enough to this server's. measured: by the name of each."""
    parts = [f"{name} within {abs(offset.ms) / 1000:.2f} s" for name, offset in measured.items()]
    doubt = max(offset.uncertainty_ms for offset in measured.values())
    said = ", ".join(parts).replace(" within", " is within", 1)
    return f"{said[:1].upper()}{said[1:]} of this server (uncertain by up to {doubt / 1000:.2f} s)."


def beyond(name: str, offset: Offset) -> str:
    """Return a sentence about a clock that is too far from this server's."""
    side = "ahead of" if offset.ms > 0 else "behind"
    return f"The clock of {name} is at least {excess(offset) / 1000:,.1f} s {side} this server's."
