"""One waiting frame a camera, in Valkey's memory, for two seconds: newest wins, no backlog can form.

    offer (web)    SET frame; unless the camera is pending: SET pending TURN, and put it into the row of ready cameras
    take (worker)  the first ready camera whose turn still stands: GETDEL frame, GET tracks
    done (worker)  PUBLISH the answer, SET tracks, end the turn; a newer frame begins the next, at the end of the row

`pending` stays while a frame is worked on, so that one camera's frames are handled in order, never two at once; a turn
that took too long has lost it and disturbs nobody's.

Workers are called, not sent frames. While cameras are ready, one call waits in Celery's queue, whose taker asks for the
next; a worker stays for every frame that is ready by then. So a busy system pays Celery's price of a message for a
second's frames, not for each, and an idle one answers as soon.
"""

from __future__ import annotations

import functools
import json
import struct
import uuid
from collections.abc import AsyncIterator, Mapping
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
TILE_LIFE_MS, WATCHED_LIFE_S = 4000, 5
# A call that no worker has followed by then is made again with the next frame.
CALL_LIFE_S = 2

# The cameras' keys are put together from the row's entries: a turn's 32 digits, then the camera's id.
_COMMON = f"""
local function call()
  if redis.call('EXISTS', 'frames:ready') == 0 then return 0 end
  if redis.call('SET', 'frames:called', '1', 'NX', 'EX', {CALL_LIFE_S}) then return 1 end
  return 0
end
local function take()
  while true do
    local entry = redis.call('LPOP', 'frames:ready')
    if not entry then return {{0}} end
    local turn, camera = entry:sub(1, 32), entry:sub(33)
    if redis.call('GET', 'pending:' .. camera) == turn then
      local frame = redis.call('GETDEL', 'frame:' .. camera)
      if frame then
        redis.call('PEXPIRE', 'pending:' .. camera, {PENDING_LIFE_MS})
        return {{call(), entry, frame, redis.call('GET', 'tracks:' .. camera)}}
      end
      redis.call('DEL', 'pending:' .. camera)
    end
  end
end
local function ready(camera, turn)
  if redis.call('SET', 'pending:' .. camera, turn, 'NX', 'PX', {PENDING_LIFE_MS}) then
    redis.call('RPUSH', 'frames:ready', turn .. camera)
  end
end
"""
_OFFER = (
    _COMMON
    + f"""
local camera, turn, frame = unpack(ARGV)
redis.call('SET', 'frame:' .. camera, frame, 'PX', {FRAME_LIFE_MS})
ready(camera, turn)
return call()
"""
)
_TAKE = (
    _COMMON
    + """
redis.call('DEL', 'frames:called')
return take()
"""
)
_DONE = (
    _COMMON
    + f"""
local camera, turn, following, tracks, reply_to, answer, going_on = unpack(ARGV)
redis.call('PUBLISH', reply_to, answer)
if redis.call('GET', 'pending:' .. camera) == turn then
  if tracks ~= '' then redis.call('SET', 'tracks:' .. camera, tracks, 'EX', {TRACKS_LIFE_S}) end
  redis.call('DEL', 'pending:' .. camera)
  if redis.call('EXISTS', 'frame:' .. camera) == 1 then ready(camera, following) end
end
if going_on == '1' then return take() end
return {{call()}}
"""
)
# Renews or gives up a lease only when it is still ours.
_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True)
class Frame:
    """A JPEG on its way: its number on this connection, when it came in, whom to answer.

    received_at: seconds since 1970. moment: seconds of the receiver's own clock, which nobody sets. reply_to: the name
    that its socket listens to.
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


@dataclass(frozen=True)
class Turn:
    """A frame that a worker has taken, and the camera's tracks as they were left."""

    camera_id: str
    name: str
    frame: Frame
    tracks: bytes | None


class FrameGate:
    """The web process's side, asynchronous: of one socket, which answers are told to by its name."""

    def __init__(self) -> None:
        self.name = f"answers:{uuid.uuid4().hex}"
        self._valkey: Any = redis.asyncio.Redis.from_url(
            settings.VALKEY_FRAMES_URL, socket_timeout=2, socket_connect_timeout=2
        )
        self._told: Any = None

    async def offer(self, camera_id: str, frame: Frame) -> bool:
        """Leave a frame; whether a worker has to be called."""
        return bool(await self._valkey.eval(_OFFER, 0, camera_id, uuid.uuid4().hex, frame.packed()))

    async def listen(self) -> None:
        """Begin to be told: no answer to a frame offered from here on is missed."""
        self._told = self._valkey.pubsub(ignore_subscribe_messages=True)
        await self._told.subscribe(self.name)

    async def answers(self) -> AsyncIterator[dict[str, Any]]:
        """What workers say of this socket's frames, for ever.

        Raises:
            redis.RedisError: Valkey does not answer; ask again, and the socket is told again once it does.
        """
        async for message in self._told.listen():
            yield json.loads(message["data"])

    async def hold(self, camera_id: str) -> bool:
        """Become the one source of a camera's frames; False when another is."""
        return bool(await self._valkey.set(f"holder:{camera_id}", self.name, nx=True, px=HOLDER_LIFE_MS))

    async def keep_hold(self, camera_id: str) -> bool:
        return bool(await self._valkey.eval(_RENEW, 1, f"holder:{camera_id}", self.name, HOLDER_LIFE_MS))

    async def release(self, camera_id: str) -> None:
        await self._valkey.eval(_RELEASE, 1, f"holder:{camera_id}", self.name)

    async def close(self) -> None:
        if self._told is not None:
            await self._told.aclose()
        await self._valkey.aclose()


class FrameSource:
    """The worker's side."""

    def __init__(self) -> None:
        self._valkey: redis.Redis = redis.Redis.from_url(
            settings.VALKEY_FRAMES_URL, socket_timeout=2, socket_connect_timeout=2
        )

    def take(self) -> tuple[Turn | None, bool]:
        """Follow a call: the frame that has waited longest, gone from Valkey with the taking.

        Returns:
            The turn, None when nothing is ready any more; and whether another worker has to be called.
        """
        return self._taken(self._valkey.eval(_TAKE, 0))

    def done(
        self, turn: Turn, answer: Mapping[str, Any], tracks: str = "", *, going_on: bool = True
    ) -> tuple[Turn | None, bool]:
        """End a turn and answer its socket; when going on, take the next as `take` does.

        tracks: to leave for the camera's next frame: boxes, ids and scores near the threshold; no image and no
            embedding. Empty, and those of before stay.
        """
        following = uuid.uuid4().hex
        said = (turn.frame.reply_to, json.dumps(answer), "1" if going_on else "0")
        return self._taken(self._valkey.eval(_DONE, 0, turn.camera_id, turn.name, following, tracks, *said))

    def is_watched(self, camera_id: str) -> bool:
        """Whether somebody looks at this camera's tile now."""
        return bool(self._valkey.exists(f"watched:{camera_id}"))

    def keep_tile(self, camera_id: str, jpeg: bytes) -> None:
        """For a moment; nobody on it can be recognised."""
        self._valkey.set(f"tile:{camera_id}", jpeg, px=TILE_LIFE_MS)

    def tile_for_watcher(self, camera_id: str) -> bytes | None:
        """The newest tile, for who asks, and that they will ask again; None before there is one."""
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
    """This worker's connection."""
    return FrameSource()
