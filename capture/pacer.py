"""Request frames on time while cameras wait to send."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from capture.tasks import call_worker

if TYPE_CHECKING:
    from capture.frame_queue import FrameGate

EVERY_S = 0.02
# One thread calls workers for all cameras: a call takes a third of a millisecond, and several threads would only wait
# for each other.
_calling = ThreadPoolExecutor(1, "calling")


async def call_worker_soon() -> None:
    """Call a worker from the thread reserved for calls."""
    await asyncio.get_running_loop().run_in_executor(_calling, call_worker)


class Pacer:
    """A timer that requests due frames. Without it, cameras on slow lines would be asked in bursts, or too late."""

    def __init__(self) -> None:
        self._waiting: set[FrameGate] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, gate: FrameGate) -> None:
        """Note that this socket's camera waits."""
        self._waiting.add(gate)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._pace())

    def remove(self, gate: FrameGate) -> None:
        """Note that it no longer waits."""
        self._waiting.discard(gate)

    async def _pace(self) -> None:
        while self._waiting:
            await asyncio.sleep(EVERY_S)
            # Any gate can do it for all. Each socket reports an unreachable Valkey itself.
            with contextlib.suppress(RedisError, OperationalError, OSError):
                if self._waiting and await next(iter(self._waiting)).ask():
                    await call_worker_soon()


pacer = Pacer()
"""The pacer of this process."""
