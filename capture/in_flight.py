"""The frames of one camera's socket that wait for an answer."""

from __future__ import annotations

import time


class FramesInFlight:
    """Frames by number, with when each was taken in (monotonic seconds)."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def __bool__(self) -> bool:
        return bool(self._since)

    def add(self, number: int) -> None:
        """Begin to wait for the answer to a frame."""
        self._since[number] = time.monotonic()

    def drop(self, number: int) -> bool:
        """Stop waiting for a frame. Return whether it was still waited for."""
        return self._since.pop(number, None) is not None

    def answer(self, number: int) -> tuple[float, list[int]] | None:
        """End the wait for a frame. Return how long it was held (seconds) and the older frames, which it has replaced.

        None if no answer to it was waited for any more.
        """
        since = self._since.pop(number, None)
        if since is None:
            return None
        older = [waiting for waiting in self._since if waiting < number]
        for each in older:
            del self._since[each]
        return time.monotonic() - since, older

    def late(self, patience_s: float) -> list[int]:
        """Return, and stop waiting for, the frames without an answer for so long."""
        now = time.monotonic()
        late = [number for number, since in self._since.items() if now - since > patience_s]
        for number in late:
            del self._since[number]
        return late
