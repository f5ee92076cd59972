"""The frame queue: one frame of each camera, requested when a worker is about to take it, so that no backlog can form.

    want (web)     the camera joins the queue of cameras that wait to send
    offer (web)    SET frame; unless the camera is pending: SET pending TURN, and append it to the frame queue
    take (worker)  the first ready camera whose turn is still valid: GETDEL frame, GET tracks
    done (worker)  PUBLISH the answer, SET tracks, end the turn; a newer frame begins the next, at the end of the queue

A camera sends when the server requests a frame. While no camera waits, the answer to its last frame is also the next
request, and the camera sends its next picture when it is due. When frames arrive faster than workers read them, cameras
queue, and each take requests the newest picture of the next one: a frame is as old as its transit, however many wait.

`pending` stays while a frame is processed, so that one camera's frames are handled in order, never two at once. Its
worker renews it, so that a slow frame occupies only one worker.

Workers are called, and take frames themselves. While cameras are ready, one call waits in Celery's queue, and the
worker that takes it asks for the next call. A worker takes frames while any are ready, for up to `BATCH_S` of
`capture.tasks`. A busy system therefore needs one Celery message for many frames, and an idle one answers at once.
"""

from __future__ import annotations

import asyncio
import functools
import json
import struct
import uuid
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any, cast

import redis
import redis.asyncio
from django.conf import settings

from capture import frame_scripts as scripts
from capture.answers import Answer, packed, unpacked
from capture.frame_scripts import HOLDER_LIFE_MS, TILE_LIFE_MS, WATCHED_LIFE_S

# A subscription that has been quiet for this long is pinged. If the ping is not answered, it is closed.
QUIET_S = 2.0


@dataclass(frozen=True)
class Frame:
    """A JPEG with its number on this connection, when it was received, and where to send the answer.

    received_at: seconds since 1970. moment: seconds of the receiver's monotonic clock. reply_to: the channel that its
    socket listens to. wants_light: whether to measure light and focus too.
    """

    number: int
    received_at: float
    moment: float
    reply_to: str
    jpeg: bytes = b""
    wants_light: bool = False

    def packed(self) -> bytes:
        header = json.dumps({key: value for key, value in asdict(self).items() if key != "jpeg"}).encode()
        return struct.pack(">I", len(header)) + header + self.jpeg

    @classmethod
    def unpacked(cls, payload: bytes) -> Frame:
        (length,) = struct.unpack_from(">I", payload)
        return cls(**json.loads(payload[4 : 4 + length]), jpeg=payload[4 + length :])


@dataclass(frozen=True)
class Turn:
    """A frame that a worker has taken, and the camera's tracks after the frame before."""

    camera_id: str
    name: str
    frame: Frame
    tracks: bytes | None


class FrameGate:
    """The web process's side of the queue, asynchronous, for one socket. Answers are published under its name."""

    def __init__(self) -> None:
        self.name = f"answers:{uuid.uuid4().hex}"
        self._valkey: Any = redis.asyncio.Redis.from_url(
            settings.VALKEY_FRAMES_URL, socket_timeout=2, socket_connect_timeout=2
        )
        self._want, self._ask = (
            self._valkey.register_script(scripts.WANT),
            self._valkey.register_script(scripts.ASK),
        )
        self._offer = self._valkey.register_script(scripts.OFFER)
        self._told: Any = None
        self._held: str | None = None
        self._holding = asyncio.Lock()

    async def want(self, camera_id: str, transit_ms: float) -> bool:
        """Join the queue of cameras that wait to send; a camera that waits already keeps its place.

        Return whether a worker has to be called, since a call may have been lost.

        transit_ms: how long this camera's frames took lately from the request to their arrival; 0 if unknown.
        """
        return bool(await self._want(args=[camera_id, round(transit_ms)]))

    async def ask(self) -> bool:
        """Request the frames whose time has come: on a slow line, before a worker is free.

        Return whether a worker has to be called.
        """
        return bool(await self._ask(args=[]))

    async def offer(self, camera_id: str, frame: Frame) -> bool:
        """Queue a frame, replacing one that still waits; return whether a worker has to be called."""
        return bool(await self._offer(args=[camera_id, uuid.uuid4().hex, frame.packed()]))

    async def listen(self) -> None:
        """Subscribe to answers: none to a frame offered from here on is missed."""
        self._told = self._valkey.pubsub(ignore_subscribe_messages=True)
        await self._told.subscribe(self.name)

    async def answers(self) -> AsyncIterator[tuple[Answer, bool]]:
        """Yield messages to this socket, each with whether its camera may send at once; never return.

        They are answers to its frames, and `send` when its turn has come.

        Raises:
            redis.RedisError: Valkey is not responding. Call again to go on once it does.
        """
        is_pinged = False
        while True:
            message = await self._told.get_message(timeout=QUIET_S)
            if message is not None:
                is_pinged = False
                if message["type"] == "message":
                    yield unpacked(message["data"][1:]), message["data"][:1] == b"1"
            elif is_pinged:
                # The connection is dead without having been closed. The next read connects again.
                await self._told.connection.disconnect()
                raise redis.ConnectionError("Valkey did not respond in time.")
            else:
                is_pinged = True
                await self._told.ping()

    async def hold(self, camera_id: str) -> bool:
        """Take the lease of a camera's stream. Return False if another socket has it."""
        self._held = f"holder:{camera_id}"
        return bool(await self._valkey.set(self._held, self.name, nx=True, px=HOLDER_LIFE_MS))

    async def keep_hold(self) -> bool:
        """Renew the lease, or take it again after a restart of Valkey. Return False if another socket has it."""
        async with self._holding:
            if self._held is None:
                return True
            if await self._valkey.eval(scripts.RENEW, 1, self._held, self.name, HOLDER_LIFE_MS):
                return True
            return bool(await self._valkey.set(self._held, self.name, nx=True, px=HOLDER_LIFE_MS))

    async def release(self) -> None:
        """Release the lease, if this socket has it."""
        # Not while the lease is being renewed: that would take it again, and nobody would release it.
        async with self._holding:
            held, self._held = self._held, None
            if held is not None:
                await self._valkey.eval(scripts.RELEASE, 1, held, self.name)

    async def close(self) -> None:
        if self._told is not None:
            await self._told.aclose()
        await self._valkey.aclose()


class FrameSource:
    """The worker's side of the queue."""

    def __init__(self) -> None:
        self._name = uuid.uuid4().hex
        self._valkey: redis.Redis = redis.Redis.from_url(
            settings.VALKEY_FRAMES_URL, socket_timeout=2, socket_connect_timeout=2
        )
        self._take = self._valkey.register_script(scripts.TAKE)
        self._done = self._valkey.register_script(scripts.DONE)
        self._renew = self._valkey.register_script(scripts.RENEW_TURN)

    def take(self) -> tuple[Turn | None, bool]:
        """Take the frame that has waited longest, which removes it from Valkey.

        Returns:
            The turn, or None if no frame is ready; and whether another worker has to be called.
        """
        return self._taken(self._take(args=[self._name]))

    def done(
        self, turn: Turn, answer: Answer, tracks: str = "", *, took_ms: float = 0.0, going_on: bool = True
    ) -> tuple[Turn | None, bool]:
        """End a turn and answer its socket. If `going_on`, take the next as `take` does.

        tracks: kept for the camera's next frame: boxes, ids and scores near the threshold; no image and no embedding.
            If empty, the earlier tracks stay. took_ms: how long the turn took.
        """
        of_turn = (self._name, turn.camera_id, turn.name, uuid.uuid4().hex, tracks)
        reply = (turn.frame.reply_to, packed(answer), f"{took_ms:.1f}", "1" if going_on else "0")
        return self._taken(self._done(args=[*of_turn, *reply]))

    def renew(self, turn: Turn) -> bool:
        """Extend a long turn, so that no other worker takes this camera's next frame. Return False if it is lost."""
        return bool(self._renew(args=[turn.camera_id, turn.name]))

    def is_watched(self, camera_id: str) -> bool:
        """Return whether somebody is watching this camera's tile."""
        return bool(self._valkey.exists(f"watched:{camera_id}"))

    def keep_tile(self, camera_id: str, jpeg: bytes) -> None:
        """Keep a tile, on which nobody can be recognised, for `TILE_LIFE_MS`."""
        self._valkey.set(f"tile:{camera_id}", jpeg, px=TILE_LIFE_MS)

    def tile_for_watcher(self, camera_id: str) -> bytes | None:
        """Return the newest tile, or None, and note that somebody is watching it."""
        self._valkey.set(f"watched:{camera_id}", "1", ex=WATCHED_LIFE_S)
        return cast("bytes | None", self._valkey.get(f"tile:{camera_id}"))

    def _taken(self, found: Any) -> tuple[Turn | None, bool]:
        calling, *rest = cast("list[Any]", found)
        if not rest:
            return None, bool(calling)
        entry = rest[0].decode()
        tracks = rest[2] if len(rest) > 2 else None
        return Turn(entry[32:], entry[:32], Frame.unpacked(rest[1]), tracks), bool(calling)


@functools.lru_cache(maxsize=1)
def frame_source() -> FrameSource:
    """Return this worker's connection."""
    return FrameSource()
