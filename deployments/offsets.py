"""Estimates, from round trips, of how far another clock is from this server's.

In a round trip the other clock is read once, between two readings of the local clock. The offset from the middle of the
trip is therefore certain to within half the trip's length, however the delay is divided between the two directions. A
slow connection makes the estimate less certain; it never makes a correct clock appear wrong.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

# If the clock and the stopwatch differ by more than this over a trip, the clock was set during it.
STEADY_MS = 20.0
# Trips during which the clock was set are repeated: at most this many tries per trip wanted.
MOST_TRIES = 3


class ClockMoved(Exception):
    """This server's own clock was set during every round trip."""


@dataclass(frozen=True)
class Offset:
    """How far a clock is ahead of this server's, in milliseconds: the true value is within ms ± uncertainty_ms.

    A clock that is behind has a negative offset.

    Raises:
        ValueError: a number is not finite, or the uncertainty is negative.
    """

    ms: float
    uncertainty_ms: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.ms) and math.isfinite(self.uncertainty_ms) and self.uncertainty_ms >= 0):
            raise ValueError("an offset has a finite value and an uncertainty of zero or more")


@dataclass(frozen=True)
class RoundTrip:
    """Times in milliseconds since 1970. sent, received: by the local clock; remote: by the other clock, in between."""

    sent: float
    remote: float
    received: float


@dataclass(frozen=True)
class TripStart:
    """When a trip began, in milliseconds: by the local clock, and by a stopwatch that cannot be set."""

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
        """Return the trip that ends now; None if the local clock was set in between."""
        end = TripStart.now(wall, stopwatch)
        spent = end.stopwatch_ms - self.stopwatch_ms
        if abs(end.wall_ms - self.wall_ms - spent) > STEADY_MS:
            return None
        # The length is taken from the stopwatch, because a gradual correction of the clock does not affect it.
        return RoundTrip(self.wall_ms, remote_ms, self.wall_ms + spent)


def estimate(trips: Sequence[RoundTrip]) -> Offset:
    """Return the offset of the other clock, from the shortest trip.

    Raises:
        ValueError: there are no trips, or one was received before it was sent.
    """
    if not trips or any(trip.received < trip.sent for trip in trips):
        raise ValueError("an estimate needs round trips that were received after they were sent")
    best = min(trips, key=lambda trip: trip.received - trip.sent)
    half = (best.received - best.sent) / 2
    return Offset(best.remote - (best.sent + half), half)


def excess(offset: Offset) -> float:
    """Return the least number of milliseconds by which a clock is wrong; 0 if it may be right."""
    return max(abs(offset.ms) - offset.uncertainty_ms, 0.0)


def measure(
    read_other_ms: Callable[[], float],
    *,
    trips: int = 5,
    wall: Callable[[], float] = time.time,
    stopwatch: Callable[[], float] = time.monotonic,
) -> Offset:
    """Measure the offset of another clock from this server's.

    wall: this server's clock, in seconds since 1970. stopwatch: a clock that cannot be set, in seconds; a trip during
    which the two diverge is not counted.

    Raises:
        ClockMoved: no trip was counted.
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
    """Return the offset stored in two columns; None if it was never measured."""
    return None if ms is None or uncertainty_ms is None else Offset(ms, uncertainty_ms)


def within(measured: Mapping[str, Offset]) -> str:
    """Return a sentence about clocks that are close enough to this server's. measured: offsets by name."""
    parts = [f"{name} within {abs(offset.ms) / 1000:.2f} s" for name, offset in measured.items()]
    doubt = max(offset.uncertainty_ms for offset in measured.values())
    sentence = ", ".join(parts).replace(" within", " is within", 1)
    return f"{sentence[:1].upper()}{sentence[1:]} of this server, with an uncertainty of up to {doubt / 1000:.2f} s."


def beyond(name: str, offset: Offset) -> str:
    """Return a sentence about a clock that is too far from this server's."""
    side = "ahead of" if offset.ms > 0 else "behind"
    return f"The clock of {name} is at least {excess(offset) / 1000:,.1f} s {side} this server's."
