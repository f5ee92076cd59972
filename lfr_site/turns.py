"""Work that is done one piece at a time in a process, with a bounded wait."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator


class Busy(Exception):
    """It was not a caller's turn in time, or too many wait already."""


class Turns:
    """A queue for a scarce resource in which parties alternate.

    A party that sends a thousand requests delays another's by one piece of work, not by a thousand.
    """

    def __init__(self, *, patience_s: float, places: int, places_each: int) -> None:
        """places: callers that may wait, altogether and of one party; each holds a thread."""
        self._patience_s = patience_s
        self._places, self._places_each = places, places_each
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[object]] = OrderedDict()
        self._is_taken = False

    @property
    def waiting(self) -> int:
        """How many callers wait."""
        return sum(map(len, self._waiting.values()))

    @contextlib.contextmanager
    def turn(self, party: str) -> Iterator[None]:
        """Wait for a turn and hold it for the length of the block.

        Raises:
            Busy: there was no place to wait in, or the wait was too long.
        """
        with self._changed:
            self._wait(party)
            self._is_taken = True
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()

    def _wait(self, party: str) -> None:
        if self.waiting >= self._places or len(self._waiting.get(party, ())) >= self._places_each:
            raise Busy
        ticket = object()
        self._waiting.setdefault(party, deque()).append(ticket)
        try:
            if not self._changed.wait_for(lambda: not self._is_taken and self._next() is ticket, self._patience_s):
                raise Busy
        finally:
            self._leave(party, ticket)

    def _next(self) -> object:
        return next(iter(self._waiting.values()))[0]

    def _leave(self, party: str, ticket: object) -> None:
        """Give up a place; the party's others wait behind the other parties."""
        row = self._waiting.pop(party)
        row.remove(ticket)
        if row:
            self._waiting[party] = row
