"""While cameras wait for their turn, looks a few times a worker's turn whether one of them has to be asked by now."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

if TYPE_CHECKING:
    from alerts.frames import FrameGate

EVERY_S = 0.02


class Pacer:
    """With takes and arrivals alone, cameras on slow lines would be asked in bursts, or too late."""

    def __init__(self) -> None:
        self._waiting: set[FrameGate] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, gate: FrameGate) -> None:
        """This socket's camera waits."""
        self._waiting.add(gate)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._pace())

    def remove(self, gate: FrameGate) -> None:
        """It waits no more."""
        self._waiting.discard(gate)

    async def _pace(self) -> None:
        while self._waiting:
            await asyncio.sleep(EVERY_S)
            # Any of them asks for all. Sockets say themselves when Valkey does not answer.
            with contextlib.suppress(RedisError, OSError, StopIteration):
                await next(iter(self._waiting)).ask()


pacer = Pacer()
"""This process's."""
