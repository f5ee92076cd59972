"""How far the clock of a camera's agent or browser is from this server's: asked over its own socket, now and then."""

from __future__ import annotations

import json
import time

from deployments.offsets import Offset, RoundTrip, TripStart, estimate

TRIPS = 5
# A comparison counts for an hour (deployments.clock_comparison).
EVERY_S = 600.0
MOST_CHARACTERS = 200


class CameraClock:
    """Round trips with one camera: a question each, answered with the camera's own time."""

    def __init__(self) -> None:
        self._number = 0
        self._start: TripStart | None = None
        self._trips: list[RoundTrip] = []
        self._compared_at = time.monotonic()

    def ask(self) -> int:
        """Begin a trip. Returns the number that the answer has to name."""
        self._number += 1
        self._start = TripStart.now()
        return self._number

    def hear(self, text: str) -> bool:
        """End the trip with what the camera sent; False when that is no answer to the question that is open."""
        start, self._start = self._start, None
        remote = _time_in(text, self._number)
        if start is None or remote is None:
            return False
        trip = start.ended(remote)
        if trip is not None:
            self._trips.append(trip)
        return True

    def result(self) -> Offset | None:
        """What enough trips came to; None while there are fewer."""
        if len(self._trips) < TRIPS:
            return None
        trips, self._trips = self._trips, []
        self._compared_at = time.monotonic()
        return estimate(trips)

    def is_due(self) -> bool:
        """Whether it is time to compare again."""
        return time.monotonic() - self._compared_at > EVERY_S


def _time_in(text: str, number: int) -> float | None:
    """Milliseconds since 1970 that an answer says; None when it is none."""
    if len(text) > MOST_CHARACTERS:
        return None
    try:
        answer = json.loads(text)
        if answer["type"] != "clock" or answer["id"] != number:
            return None
        at_ms = float(answer["at_ms"])
    except (ValueError, TypeError, KeyError):
        return None
    # A clock of another century is wrong, and still a time; what no clock shows is none.
    return at_ms if 0 < at_ms < 2**53 else None
