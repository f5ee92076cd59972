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

from capture.answers import Answer, Send, packed, unpacked

FRAME_LIFE_MS = 2000
# Renewed while a worker processes the frame. Short, so that a worker that dies delays its camera only for a moment.
PENDING_LIFE_MS = 3000
TRACKS_LIFE_S = 3
HOLDER_LIFE_MS = 6000
TILE_LIFE_MS, WATCHED_LIFE_S = 4000, 5
# A call that no worker has answered by then is repeated with the next frame.
CALL_LIFE_S = 2
# A worker that has taken no frame for this long is not counted when frames are requested ahead.
WORKER_SEEN_MS = 5000
# How long a requested frame is counted as coming, at least, before another camera is asked in its place.
LEAST_COMING_MS, TRANSIT_LIFE_S = 150, 60
# A frame is requested when it is predicted to wait for a worker no longer than this share of a turn. With 0, workers
# would wait for frames.
MOST_WAIT = 0.5
# How much a turn moves the predicted length of turns. A longer turn moves it more, because a frame requested too early
# waits, and one requested too late costs little.
TURN_UP, TURN_DOWN = 0.3, 0.1
# A subscription that has been quiet for this long is pinged. If the ping is not answered, it is closed.
QUIET_S = 2.0
# The message to a socket whose camera may send.
SEND = packed(Send())

# An entry of `frames:ready` is a turn's 32 digits and then the camera's id. The camera's keys are built from it.
_COMMON = f"""
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function call()
  if redis.call('EXISTS', 'frames:ready') == 0 then return 0 end
  if redis.call('SET', 'frames:called', '1', 'NX', 'EX', {CALL_LIFE_S}) then return 1 end
  return 0
end
local function workers(now)
  return math.max(1, redis.call('ZCOUNT', 'frames:workers', now - {WORKER_SEEN_MS}, '+inf'))
end
-- Remove entries whose frame or turn has expired because no worker came.
local function drop_stale()
  while true do
    local entry = redis.call('LINDEX', 'frames:ready', 0)
    if not entry then return end
    local turn, camera = entry:sub(1, 32), entry:sub(33)
    local stands = redis.call('GET', 'pending:' .. camera) == turn
    if stands and redis.call('EXISTS', 'frame:' .. camera) == 1 then return end
    redis.call('LPOP', 'frames:ready')
    if stands then redis.call('DEL', 'pending:' .. camera) end
  end
end
-- Predict how long a frame that arrives at a given moment waits for a worker. Workers that are busy now are assumed to
-- end their turns evenly over the length of one. Frames that are ready or coming go first.
local function wait_at(at, now, turn, free, count)
  local free_at, due = {{}}, {{}}
  for index = 1, count do
    free_at[index] = now + turn * math.max(index - free, 0) / (count - free + 1)
  end
  local function start(arrives)
    local first = 1
    for index = 2, count do if free_at[index] < free_at[first] then first = index end end
    local starts = math.max(arrives, free_at[first])
    free_at[first] = starts + turn
    return starts - arrives
  end
  for _ = 1, redis.call('LLEN', 'frames:ready') do start(now) end
  local coming = redis.call('HGETALL', 'frames:coming')
  for index = 1, #coming, 2 do
    local expected, until_ms = coming[index + 1]:match('(.+):(.+)')
    if tonumber(until_ms) < now then redis.call('HDEL', 'frames:coming', coming[index])
    else due[#due + 1] = math.max(tonumber(expected), now) end
  end
  table.sort(due)
  for _, arrives in ipairs(due) do if arrives <= at then start(arrives) end end
  return start(at)
end
-- Request frames from the cameras that have waited longest, each at a time when its frame will hardly wait.
local function ask(now)
  drop_stale()
  local count = workers(now)
  local free = count - math.min(count, redis.call('ZCOUNT', 'frames:working', now, '+inf'))
  local turn = math.max(tonumber(redis.call('GET', 'frames:turn_ms') or 1), 1)
  while true do
    local camera = redis.call('ZRANGE', 'frames:waiting', 0, 0)[1]
    if not camera then return end
    local arrives = now + tonumber(redis.call('GET', 'transit:' .. camera) or 0)
    if wait_at(arrives, now, turn, free, count) > turn * {MOST_WAIT} then return end
    redis.call('ZREM', 'frames:waiting', camera)
    local socket = redis.call('GET', 'holder:' .. camera)
    if socket and redis.call('PUBLISH', socket, '0{SEND}') > 0 then
      local until_ms = math.max(2 * arrives - now, now + {LEAST_COMING_MS})
      redis.call('HSET', 'frames:coming', camera, arrives .. ':' .. until_ms)
    end
  end
end
local function take(now)
  redis.call('ZREMRANGEBYSCORE', 'frames:workers', '-inf', now - {WORKER_SEEN_MS})
  redis.call('ZREMRANGEBYSCORE', 'frames:working', '-inf', now)
  while true do
    local entry = redis.call('LPOP', 'frames:ready')
    if not entry then ask(now) return {{0}} end
    local turn, camera = entry:sub(1, 32), entry:sub(33)
    if redis.call('GET', 'pending:' .. camera) == turn then
      local frame = redis.call('GETDEL', 'frame:' .. camera)
      if frame then
        redis.call('PEXPIRE', 'pending:' .. camera, {PENDING_LIFE_MS})
        redis.call('ZADD', 'frames:working', now + {PENDING_LIFE_MS}, turn)
        ask(now)
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
_WANT = (
    _COMMON
    + f"""
local camera, transit = unpack(ARGV)
local now = now_ms()
redis.call('SET', 'transit:' .. camera, transit, 'EX', {TRANSIT_LIFE_S})
redis.call('ZADD', 'frames:waiting', 'NX', now, camera)
ask(now)
return call()
"""
)
_ASK = _COMMON + "ask(now_ms()) return call()"
_OFFER = (
    _COMMON
    + f"""
local camera, turn, frame = unpack(ARGV)
redis.call('HDEL', 'frames:coming', camera)
redis.call('SET', 'frame:' .. camera, frame, 'PX', {FRAME_LIFE_MS})
ready(camera, turn)
return call()
"""
)
_TAKE = (
    _COMMON
    + """
local now = now_ms()
redis.call('ZADD', 'frames:workers', now, ARGV[1])
redis.call('DEL', 'frames:called')
return take(now)
"""
)
# The first digit of an answer says whether the camera may send at once.
_DONE = (
    _COMMON
    + f"""
local worker, camera, turn, following, tracks, reply_to, answer, took_ms, going_on = unpack(ARGV)
local now = now_ms()
redis.call('ZADD', 'frames:workers', now, worker)
redis.call('ZREM', 'frames:working', turn)
local before = tonumber(redis.call('GET', 'frames:turn_ms') or took_ms)
local share = tonumber(took_ms) > before and {TURN_UP} or {TURN_DOWN}
redis.call('SET', 'frames:turn_ms', before + (took_ms - before) * share)
local nobody_waits = redis.call('EXISTS', 'frames:ready', 'frames:waiting') == 0
redis.call('PUBLISH', reply_to, (nobody_waits and '1' or '0') .. answer)
if redis.call('GET', 'pending:' .. camera) == turn then
  if tracks ~= '' then redis.call('SET', 'tracks:' .. camera, tracks, 'EX', {TRACKS_LIFE_S}) end
  redis.call('DEL', 'pending:' .. camera)
  if redis.call('EXISTS', 'frame:' .. camera) == 1 then ready(camera, following) end
end
if going_on == '1' then return take(now) end
ask(now)
return {{call()}}
"""
)
_RENEW_TURN = (
    _COMMON
    + f"""
local camera, turn = unpack(ARGV)
if redis.call('GET', 'pending:' .. camera) ~= turn then return 0 end
redis.call('PEXPIRE', 'pending:' .. camera, {PENDING_LIFE_MS})
redis.call('ZADD', 'frames:working', 'XX', now_ms() + {PENDING_LIFE_MS}, turn)
return 1
"""
)
# Renew or release a lease only if it is still this socket's.
_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True)
class Frame:
    """A JPEG with its number on this connection, when it was received, and where to send the answer.

    received_at: seconds since 1970. moment: seconds of the receiver's monotonic clock. reply_to: the channel that its
    socket listens to.
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
        self._want, self._ask = self._valkey.register_script(_WANT), self._valkey.register_script(_ASK)
        self._offer = self._valkey.register_script(_OFFER)
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
            if await self._valkey.eval(_RENEW, 1, self._held, self.name, HOLDER_LIFE_MS):
                return True
            return bool(await self._valkey.set(self._held, self.name, nx=True, px=HOLDER_LIFE_MS))

    async def release(self) -> None:
        """Release the lease, if this socket has it."""
        # Not while the lease is being renewed: that would take it again, and nobody would release it.
        async with self._holding:
            held, self._held = self._held, None
            if held is not None:
                await self._valkey.eval(_RELEASE, 1, held, self.name)

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
        self._take = self._valkey.register_script(_TAKE)
        self._done = self._valkey.register_script(_DONE)
        self._renew = self._valkey.register_script(_RENEW_TURN)

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
