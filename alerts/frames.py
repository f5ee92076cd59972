"""One waiting frame a camera, in Valkey's memory, for two seconds: newest wins, no backlog can form.

    offer (web)   SET frame  +  SET pending TURN NX  -> enqueue a task only when nothing was pending
    take (worker) if pending is still this TURN: renew it, GETDEL frame, GET tracks
    done (worker) if pending is still this TURN: SET tracks, DEL it, and begin the next turn when a newer frame waits

`pending` stays while a frame is worked on, so that one camera's frames are handled in order, never two at once; a turn
that took too long has lost it and disturbs nobody's.
"""

from __future__ import annotations

import functools
import json
import struct
import uuid
from dataclasses import asdict, dataclass
from typing import Any, cast

import redis
import redis.asyncio
from django.conf import settings

FRAME_LIFE_MS = 2000
# Longer than any frame takes; short enough that a worker that died with a frame costs its camera a moment.
PENDING_LIFE_MS = 3000
TRACKS_LIFE_S = 3
HOLDER_LIFE_MS = 6000

_OFFER = """
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if redis.call('SET', KEYS[2], ARGV[4], 'NX', 'PX', ARGV[3]) then return 1 end
return 0
"""
_TAKE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return false end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {redis.call('GETDEL', KEYS[1]), redis.call('GET', KEYS[3])}
"""
_DONE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if ARGV[4] ~= '' then redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[5]) end
redis.call('DEL', KEYS[2])
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
"""
# Renews or gives up a lease only when it is still ours.
_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True)
class Frame:
    """A JPEG on its way: its number on this connection, when it came in, whom to answer.

    received_at: seconds since 1970. moment: seconds of the receiver's own clock, which nobody sets.
    """

    number: int
    received_at: float
    moment: float
    reply_to: str
    jpeg: bytes = b""

    def packed(self) -> bytes:
        header = json.dumps({key: value for key, value in asdict(self).items() if key != "jpeg"}).encode()
        return struct.pack(">I", len(header)) + header + self.jpeg

    @classmethod
    def unpacked(cls, payload: bytes) -> Frame:
        (length,) = struct.unpack_from(">I", payload)
        return cls(**json.loads(payload[4 : 4 + length]), jpeg=payload[4 + length :])


def _keys(camera_id: str) -> list[str]:
    return [f"frame:{camera_id}", f"pending:{camera_id}", f"tracks:{camera_id}"]


class FrameGate:
    """The web process's side, asynchronous."""

    def __init__(self) -> None:
        self._valkey: Any = redis.asyncio.Redis.from_url(
            settings.VALKEY_FRAMES_URL, socket_timeout=2, socket_connect_timeout=2
        )

    async def offer(self, camera_id: str, frame: Frame) -> str | None:
        """Leave a frame; the turn to start a task for, or None when one is under way."""
        turn = uuid.uuid4().hex
        arguments = (frame.packed(), FRAME_LIFE_MS, PENDING_LIFE_MS, turn)
        return turn if await self._valkey.eval(_OFFER, 3, *_keys(camera_id), *arguments) else None

    async def hold(self, camera_id: str, holder: str) -> bool:
        """Become the one source of a camera's frames; False when another is."""
        return bool(await self._valkey.set(f"holder:{camera_id}", holder, nx=True, px=HOLDER_LIFE_MS))

    async def keep_hold(self, camera_id: str, holder: str) -> bool:
        return bool(await self._valkey.eval(_RENEW, 1, f"holder:{camera_id}", holder, HOLDER_LIFE_MS))

    async def release(self, camera_id: str, holder: str) -> None:
        await self._valkey.eval(_RELEASE, 1, f"holder:{camera_id}", holder)

    async def close(self) -> None:
        await self._valkey.aclose()


class FrameSource:
    """The worker's side."""

    def __init__(self) -> None:
        self._valkey: redis.Redis = redis.Redis.from_url(
            settings.VALKEY_FRAMES_URL, socket_timeout=2, socket_connect_timeout=2
        )

    def take(self, camera_id: str, turn: str) -> tuple[Frame, bytes | None] | None:
        """The newest frame, gone from Valkey with the taking, and the camera's tracks as they were left.

        None when there is no frame or the turn has passed on.
        """
        found = cast(
            "list[bytes | None] | None", self._valkey.eval(_TAKE, 3, *_keys(camera_id), turn, str(PENDING_LIFE_MS))
        )
        if found is None or found[0] is None:
            return None
        return Frame.unpacked(found[0]), found[1]

    def done(self, camera_id: str, turn: str, tracks: str = "") -> str | None:
        """The turn is over; the next one to start a task for, when a newer frame waits.

        tracks: to leave for the next frame: boxes, ids and scores near the threshold; no image and no embedding.
        """
        following = uuid.uuid4().hex
        arguments = (turn, following, str(PENDING_LIFE_MS), tracks, str(TRACKS_LIFE_S))
        return following if self._valkey.eval(_DONE, 3, *_keys(camera_id), *arguments) else None


@functools.lru_cache(maxsize=1)
def frame_source() -> FrameSource:
    """This worker's connection."""
    return FrameSource()
