"""The client of the capture socket: streams the frames of one camera and reconnects by itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import struct
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Origin

from agent.line import Line

logger = logging.getLogger(__name__)

# Codes of docs/reference/camera-protocol.md after which trying again cannot help.
FINAL_CODES = {4400, 4401, 4403, 4410}
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 5.0

Picture = bytes | Callable[[int, float], bytes]
"""A JPEG, or a function that makes one of a quality (1 to 100) and scale (up to 1) just before it is sent."""


class Rejected(Exception):
    """The server refuses this camera's frames; the message gives the reason."""


@dataclass
class Traffic:
    """Counts of the frames of one camera."""

    offered: int = 0
    sent: int = 0
    read: int = 0
    dropped: int = 0

    @property
    def passed_over(self) -> int:
        """Number of pictures offered but not sent, because a newer one came before the camera's turn."""
        return self.offered - self.sent


class CameraClient:
    """Streams JPEG frames of one camera to one server: the newest picture, whenever the server asks for one."""

    def __init__(
        self,
        server: str,
        camera_id: str,
        token: str,
        on_message: Callable[[dict[str, Any]], None] | None = None,
        on_sending: Callable[[int], None] | None = None,
    ) -> None:
        """server: http(s)://host:port of the site. token: shown once on the camera's page. on_message is called with
        each message of the server, on_sending with each frame's number just before it is sent: its place among all
        pictures offered, from 1, including those not sent.
        """
        self._origin = server.rstrip("/")
        self._url = f"ws{self._origin.removeprefix('http')}/ws/cameras/{camera_id}/"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._on_message, self._on_sending = on_message, on_sending
        # Frames being made or not yet answered, and since when, in seconds of `time.monotonic()`.
        self._in_flight: dict[int, float] = {}
        self._ready, self._may_send, self._news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._newest: tuple[int, Picture] | None = None
        self._has_picture = asyncio.Event()
        self._line = Line()
        self._code, self._reason = 0, ""
        self.traffic = Traffic()

    async def stream(self, frames: AsyncIterator[Picture]) -> None:
        """Send frames until there are none left, reconnecting after failures that may pass.

        Raises:
            Rejected: the server refuses the camera permanently.
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
        """Wait until every frame that was taken up has been sent and answered."""
        while self._in_flight or self._newest is not None:
            self._news.clear()
            await self._news.wait()

    async def _converse(self, socket: ClientConnection, frames: AsyncIterator[Picture]) -> bool:
        self._in_flight.clear()
        self._newest = None
        for event in (self._ready, self._may_send, self._has_picture):
            event.clear()
        self._code, self._reason = 0, ""
        listener = asyncio.create_task(self._listen(socket))
        admitted = asyncio.create_task(self._ready.wait())
        sender = asyncio.create_task(self._send_newest(socket))
        try:
            await asyncio.wait({listener, admitted}, return_when=asyncio.FIRST_COMPLETED)
            if listener.done():
                # Refused: the frames wait for the next attempt.
                return False
            async for picture in frames:
                if listener.done() or sender.done():
                    return False
                self.traffic.offered += 1
                self._newest = (self.traffic.offered, picture)
                self._has_picture.set()
            deadline = time.monotonic() + 3
            while (self._in_flight or self._newest) and time.monotonic() < deadline and not listener.done():
                await asyncio.sleep(0.02)
            return True
        finally:
            self._newest = None
            self._news.set()
            for task in (listener, admitted, sender):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                    await task

    async def _send_newest(self, socket: ClientConnection) -> None:
        """Each time the server asks, send the newest picture, or the next one as soon as it comes."""
        while True:
            await self._may_send.wait()
            await self._has_picture.wait()
            self._may_send.clear()
            self._has_picture.clear()
            if self._newest is None:
                continue
            (number, picture), self._newest = self._newest, None
            self._in_flight[number] = time.monotonic()
            try:
                jpeg = picture if isinstance(picture, bytes) else await asyncio.to_thread(picture, *self._line.encoding)
            except Exception:
                logger.exception("Picture %d could not be made; sending the next one instead", number)
                del self._in_flight[number]
                self._may_send.set()
                self._news.set()
                continue
            self.traffic.sent += 1
            self._in_flight[number] = time.monotonic()
            if self._on_sending is not None:
                self._on_sending(number)
            await socket.send(struct.pack(">I", number) + jpeg)

    async def _listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            message = json.loads(text)
            kind = message["type"]
            if kind == "ready":
                self._ready.set()
            elif kind == "send":
                self._may_send.set()
            elif kind == "clock":
                await socket.send(json.dumps({"type": "clock", "id": message["id"], "at_ms": time.time() * 1000}))
            elif kind == "line":
                self._line.note_round_trip(message["round_trip_ms"] / 1000)
            elif kind == "closing":
                self._code, self._reason = int(message["code"]), message["reason"]
            elif kind == "problem" and message["text"]:
                logger.warning("%s", message["text"])
            elif kind in ("read", "dropped", "refused_frame"):
                self._answered(message)
            if self._on_message is not None:
                self._on_message(message)

    def _answered(self, message: dict[str, Any]) -> None:
        number = message["frame"]
        sent_at = self._in_flight.pop(number, None)
        self._news.set()
        if message["type"] == "read":
            self.traffic.read += 1
            if sent_at is not None:
                self._line.note(time.monotonic() - sent_at - message["held_ms"] / 1000)
        else:
            self.traffic.dropped += 1


async def paced(frames: Callable[[], Picture | None], fps: float) -> AsyncIterator[Picture]:
    """Yield frames at a steady rate until there are none; skip frames if the source is slow, so as not to lag."""
    due = time.monotonic()
    while True:
        picture = await asyncio.to_thread(frames)
        if picture is None:
            return
        yield picture
        due = max(due + 1 / fps, time.monotonic() - 1 / fps)
        await asyncio.sleep(max(due - time.monotonic(), 0))
