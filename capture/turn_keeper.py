"""Extend the turn of a worker that needs long for a frame, and end a worker that hangs."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
import time
from collections.abc import Iterator

import redis

from capture.frame_queue import FrameSource, Turn, frame_source
from capture.frame_scripts import PENDING_LIFE_MS

logger = logging.getLogger(__name__)

RENEW_EVERY_S = PENDING_LIFE_MS / 3000
# No frame needs this long, so the process must have hung. The supervisor starts another.
LONGEST_TURN_S = 30.0
HUNG = 70


class TurnKeeper:
    """A thread beside the recognition thread, which releases the interpreter lock while it decodes or infers."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self._turn: Turn | None = None
        self._since = 0.0
        threading.Thread(target=self._watch, name="turn-keeper", daemon=True).start()

    @contextlib.contextmanager
    def keeping(self, turn: Turn) -> Iterator[None]:
        """Extend this turn for as long as the block takes."""
        self._since, self._turn = time.monotonic(), turn
        try:
            yield
        finally:
            self._turn = None

    def _watch(self) -> None:
        while True:
            time.sleep(RENEW_EVERY_S)
            turn, taken = self._turn, time.monotonic() - self._since
            if turn is None or taken < RENEW_EVERY_S:
                continue
            if taken > LONGEST_TURN_S:
                logger.critical("A frame took more than %d s. This worker stops and is started again.", LONGEST_TURN_S)
                os._exit(HUNG)
            with contextlib.suppress(redis.RedisError):
                self._source.renew(turn)


@functools.lru_cache(maxsize=1)
def turn_keeper() -> TurnKeeper:
    """Return the turn keeper of this worker."""
    return TurnKeeper(frame_source())
