"""A camera that streams in its own thread, past which a subject walks repeatedly."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator

import numpy as np

from agent.camera_client import CameraClient
from recognition.imaging import encode_jpeg

IN_VIEW_S, FPS = 1.6, 5


class WatchedCamera:
    """read_at: when frames were answered; walks: when the subject came into view; seconds of `time.monotonic()`."""

    def __init__(self, url: str, camera: str, token: str, face: bytes, walk_every_s: float) -> None:
        """face: the JPEG shown while the subject is in view."""
        self.read_at: list[float] = []
        self.walks: list[float] = []
        self._face, self._street = face, encode_jpeg(np.full((512, 512, 3), 140, np.uint8))
        self._every_s = walk_every_s
        self.client = CameraClient(url, camera, token, self._hear)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.client.stream(self._pictures())))
        self._thread.start()

    def stop(self) -> None:
        """End the stream and wait for it."""
        self._ends.set()
        self._thread.join(30)

    def longest_gap(self, since: float, until: float) -> float:
        """Return the longest time in seconds between two moments in which no frame was answered."""
        times = [since, *(at for at in list(self.read_at) if since < at < until), until]
        return max(later - earlier for earlier, later in itertools.pairwise(times))

    async def _pictures(self) -> AsyncIterator[bytes]:
        due = time.monotonic()
        while not self._ends.is_set():
            into = time.monotonic() - self.walks[-1] if self.walks else self._every_s
            if into >= self._every_s:
                self.walks.append(time.monotonic())
                into = 0
            yield self._face if into < IN_VIEW_S else self._street
            due = max(due + 1 / FPS, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    def _hear(self, message: dict[str, object]) -> None:
        if message["type"] == "read":
            self.read_at.append(time.monotonic())
