"""A camera that is no browser: it speaks the capture socket, and comes back by itself when the line breaks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import struct
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Origin

logger = logging.getLogger(__name__)

# Codes of docs/protocol.md after which trying again cannot help.
FINAL_CODES = {4400, 4401, 4403, 4410}
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 5.0


class Rejected(Exception):
    """The server will not take this camera's frames; the message says why."""


@dataclass
class Traffic:
    """What one camera sent and was answered.

    By frame number: sent_at in seconds of `time.monotonic()`; engine_ms as the worker measured it; index_of, its place
    among all frames offered, those skipped included.
    """

    sent: int = 0
    read: int = 0
    dropped: int = 0
    skipped: int = 0
    engine_ms: dict[int, float] = field(default_factory=dict)
    sent_at: dict[int, float] = field(default_factory=dict)
    index_of: dict[int, int] = field(default_factory=dict)


class CameraClient:
    """Streams JPEG frames of one camera to one server."""

    def __init__(
        self, server: str, camera_id: str, token: str, on_message: Callable[[dict[str, Any]], None] | None = None
    ) -> None:
        """server: http(s)://host:port of the site. token: what the camera's page showed once."""
        self._origin = server.rstrip("/")
        self._url = f"ws{self._origin.removeprefix('http')}/ws/cameras/{camera_id}/"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._on_message = on_message
        self._in_flight: set[int] = set()
        self._window = 1
        self._ready = asyncio.Event()
        self._news = asyncio.Event()
        self._code, self._reason = 0, ""
        self.traffic = Traffic()

    async def stream(self, frames: AsyncIterator[bytes]) -> None:
        """Send frames until there are none left, reconnecting as long as it can help.

        Raises:
            Rejected: the server says no for good.
        """
        wait = FIRST_WAIT_S
        finished = False
        while not finished:
            try:
                async with connect(
                    self._url,
                    additional_headers=self._headers,
                    origin=Origin(self._origin),
                    compression=None,
                    max_size=2**20,
                ) as socket:
                    finished = await self._converse(socket, frames)
                    wait = FIRST_WAIT_S if self._ready.is_set() else wait
            except (OSError, InvalidStatus, ConnectionClosed, WebSocketException, TimeoutError) as error:
                logger.warning("No connection to %s: %s", self._origin, error)
            if self._code in FINAL_CODES:
                raise Rejected(self._reason)
            if not finished:
                if self._reason:
                    logger.warning("%s Trying again.", self._reason)
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT_S)

    async def answered(self) -> None:
        """Wait until every frame that was sent has been answered."""
        while self._in_flight:
            self._news.clear()
            await self._news.wait()

    async def _converse(self, socket: ClientConnection, frames: AsyncIterator[bytes]) -> bool:
        self._in_flight.clear()
        self._news.set()
        self._ready.clear()
        self._code, self._reason = 0, ""
        listener = asyncio.create_task(self._listen(socket))
        admitted = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait({listener, admitted}, return_when=asyncio.FIRST_COMPLETED)
            if listener.done():
                # Refused: the frames wait for the next try.
                return False
            async for jpeg in frames:
                if listener.done():
                    return False
                await self._send(socket, jpeg)
            deadline = time.monotonic() + 3
            while self._in_flight and time.monotonic() < deadline and not listener.done():
                await asyncio.sleep(0.02)
            return True
        finally:
            for task in (listener, admitted):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                    await task

    async def _send(self, socket: ClientConnection, jpeg: bytes) -> None:
        """The newest frame, unless the server is still busy with those before."""
        if len(self._in_flight) >= self._window:
            self.traffic.skipped += 1
            return
        self.traffic.index_of[self.traffic.sent + 1] = self.traffic.sent + self.traffic.skipped
        self.traffic.sent += 1
        number = self.traffic.sent
        self._in_flight.add(number)
        self.traffic.sent_at[number] = time.monotonic()
        await socket.send(struct.pack(">I", number) + jpeg)

    async def _listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            message = json.loads(text)
            kind = message["type"]
            if kind == "ready":
                self._window = int(message["window"])
                self._ready.set()
            elif kind == "closing":
                self._code, self._reason = int(message["code"]), message["reason"]
            elif kind == "problem" and message["text"]:
                logger.warning("%s", message["text"])
            elif kind in ("read", "dropped", "refused_frame"):
                self._answered(message)
            if self._on_message is not None:
                self._on_message(message)

    def _answered(self, message: dict[str, Any]) -> None:
        self._in_flight.discard(message["frame"])
        self._news.set()
        if message["type"] == "read":
            self.traffic.read += 1
            self.traffic.engine_ms[message["frame"]] = message["engine_ms"]
        else:
            self.traffic.dropped += 1


async def paced(frames: Callable[[], bytes | None], fps: float) -> AsyncIterator[bytes]:
    """Frames at a steady rate until there is none; a slow receiver makes it skip, never lag."""
    due = time.monotonic()
    while True:
        jpeg = await asyncio.to_thread(frames)
        if jpeg is None:
            return
        yield jpeg
        due = max(due + 1 / fps, time.monotonic() - 1 / fps)
        await asyncio.sleep(max(due - time.monotonic(), 0))
