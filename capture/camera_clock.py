"""Measure the offset between this server's clock and that of a camera's agent or browser, over its socket."""

from __future__ import annotations

import json
import time

from deployments.offsets import Offset, RoundTrip, TripStart, estimate

TRIPS = 5
# A comparison is valid for an hour (deployments.clock_comparison).
EVERY_S, PATIENCE_S = 600.0, 30.0
MOST_CHARACTERS = 200


class CameraClock:
    """Round trips with one camera. Each is a question that the camera answers with its time."""

    def __init__(self) -> None:
        self._number = 0
        self._start: TripStart | None = None
        self._trips: list[RoundTrip] = []
        self._compared_at = self._asked_at = time.monotonic()

    def ask(self) -> int:
        """Begin a round trip. Return the number that the answer must quote."""
        self._number += 1
        self._start, self._asked_at = TripStart.now(), time.monotonic()
        return self._number

    def hear(self, text: str) -> bool | None:
        """End the round trip with a message from the camera.

        Return whether it answers the open question; None if it is not about clocks.
        """
        answer = _answer_in(text)
        if answer is None:
            return None
        number, remote_ms = answer
        if number != self._number or self._start is None:
            return False
        trip, self._start = self._start.ended(remote_ms), None
        if trip is not None:
            self._trips.append(trip)
        return True

    def result(self) -> Offset | None:
        """Return the offset once there are enough round trips; None before."""
        if len(self._trips) < TRIPS:
            return None
        trips, self._trips = self._trips, []
        self._compared_at = time.monotonic()
        return estimate(trips)

    def is_due(self) -> bool:
        """Return whether the next comparison is due and the last question was long enough ago."""
        now = time.monotonic()
        return now - self._compared_at > EVERY_S and now - self._asked_at > PATIENCE_S


def _answer_in(text: str) -> tuple[int, float] | None:
    """Return the question's number and the time in milliseconds since 1970; None if the text is no answer."""
    if len(text) > MOST_CHARACTERS:
        return None
    try:
        answer = json.loads(text)
        number, at_ms = int(answer["id"]), float(answer["at_ms"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    # A time in another century is wrong but still a time. A number that no clock can show is not.
    return (number, at_ms) if answer.get("type") == "clock" and 0 < at_ms < 2**53 else None
