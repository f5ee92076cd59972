"""The frame queue: one frame of each camera, requested when a worker is about to take it, so that no backlog can form.

    want (web)     the camera joins the queue of cameras that wait to send
    offer (web)    SET frame; unless the camera is pending: SET pending TURN, and append it to the frame queue
    take (worker)  the first ready camera whose turn still stands: GETDEL frame, GET tracks
    done (worker)  PUBLISH the answer, SET tracks, end the turn; a newer frame begins the next, at the end of the queue

A camera sends when the server requests a frame. While no camera waits, the answer to its last frame is also the next
request, and the camera sends its next picture when it is due. When frames arrive faster than workers read them, cameras
queue, and each take requests the newest picture of the next one: a frame is as old as its transit, however many wait.

`pending` stays while a frame is worked on, so that one camera's frames are handled in order, never two at once; its
worker renews it, so that a slow frame holds one worker and no second one.

Workers are called, not sent frames. While cameras are ready, one call waits in Celery's queue, whose taker asks for the
next; a worker stays for every frame that is ready by then. So a busy system pays Celery's price of a message for a
second's frames, not for each, and an idle one answers as soon.
"""

from __future__ import annotations

import asyncio
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
# Renewed while a worker is at the frame; short enough that a worker that died with it costs its camera a moment.
PENDING_LIFE_MS = 3000
TRACKS_LIFE_S = 3
HOLDER_LIFE_MS = 6000
TILE_LIFE_MS, WATCHED_LIFE_S = 4000, 5
# A call that no worker has followed by then is made again with the next frame.
CALL_LIFE_S = 2
# A worker that has taken no frame for this long is not counted when frames are requested ahead.
WORKER_SEEN_MS = 5000
# How long a requested frame is counted as coming, at least, before another camera is asked in its place.
LEAST_COMING_MS, TRANSIT_LIFE_S = 150, 60
# A frame is requested when it is predicted to wait for a worker no longer than this share of a turn: with none of it,
# workers would wait for frames.
MOST_WAIT = 0.5
# How much a turn moves the length that turns are predicted to have: a longer one more, since a frame that is asked too
# early waits, and one that is asked too late costs little.
TURN_UP, TURN_DOWN = 0.3, 0.1
# A subscription that has been quiet for this long is pinged; if the ping is not answered, it is given up.
QUIET_S = 2.0
# The message to a socket whose camera may send.
SEND = '{"type":"send"}'

# The cameras' keys are put together from the row's entries: a turn's 32 digits, then the camera's id.
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
-- Predict how long a frame that arrives at a moment waits for a worker. Those that work now are taken to end their
-- turns evenly over the length of one; frames that are ready or coming go before it.
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
-- Request frames from the cameras that have waited longest, each so early that its frame hardly waits for a worker.
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
        self._want, self._ask = self._valkey.register_script(_WANT), self._valkey.register_script(_ASK)
        self._offer = self._valkey.register_script(_OFFER)
        self._told: Any = None
        self._held: str | None = None
        self._holding = asyncio.Lock()

    async def want(self, camera_id: str, transit_ms: float) -> bool:
        """Join the queue of cameras that wait to send; a camera that waits already keeps its place.

        Return whether a worker has to be called, since a call may have been lost.

        transit_ms: how long this camera's frames took lately from the asking to their arrival; 0 when not known.
        """
        return bool(await self._want(args=[camera_id, round(transit_ms)]))

    async def ask(self) -> bool:
        """Request the frames that are due to be requested: on a slow line, before a worker is free.

        Return whether a worker has to be called.
        """
        return bool(await self._ask(args=[]))

    async def offer(self, camera_id: str, frame: Frame) -> bool:
        """Queue a frame, replacing one that still waits; return whether a worker has to be called."""
        return bool(await self._offer(args=[camera_id, uuid.uuid4().hex, frame.packed()]))

    async def listen(self) -> None:
        """Begin to be told: no answer to a frame offered from here on is missed."""
        self._told = self._valkey.pubsub(ignore_subscribe_messages=True)
        await self._told.subscribe(self.name)

    async def answers(self) -> AsyncIterator[tuple[dict[str, Any], bool]]:
        """Yield the messages to this socket, for ever: answers to its frames, each with whether the camera may send at
        once, and `send` when its turn has come.

        Raises:
            redis.RedisError: Valkey does not answer; ask again, and the socket is told again once it does.
        """
        is_pinged = False
        while True:
            message = await self._told.get_message(timeout=QUIET_S)
            if message is not None:
                is_pinged = False
                if message["type"] == "message":
                    yield json.loads(message["data"][1:]), message["data"][:1] == b"1"
            elif is_pinged:
                # The connection is dead without having been closed. The next read connects again.
                await self._told.connection.disconnect()
                raise redis.ConnectionError("Valkey has not answered for too long.")
            else:
                is_pinged = True
                await self._told.ping()

    async def hold(self, camera_id: str) -> bool:
        """Become the one source of a camera's frames; False when another is."""
        self._held = f"holder:{camera_id}"
        return bool(await self._valkey.set(self._held, self.name, nx=True, px=HOLDER_LIFE_MS))

    async def keep_hold(self) -> bool:
        """Stay the one source; after Valkey was restarted, become it again. False when another has become it."""
        async with self._holding:
            if self._held is None:
                return True
            if await self._valkey.eval(_RENEW, 1, self._held, self.name, HOLDER_LIFE_MS):
                return True
            return bool(await self._valkey.set(self._held, self.name, nx=True, px=HOLDER_LIFE_MS))

    async def release(self) -> None:
        """Be the source no longer, if this socket is."""
        # Not while the hold is being renewed: that would take it again, and nobody would give it back.
        async with self._holding:
            held, self._held = self._held, None
            if held is not None:
                await self._valkey.eval(_RELEASE, 1, held, self.name)

    async def close(self) -> None:
        if self._told is not None:
            await self._told.aclose()
        await self._valkey.aclose()


class FrameSource:
    """The worker's side."""

    def __init__(self) -> None:
        self._name = uuid.uuid4().hex
        self._valkey: redis.Redis = redis.Redis.from_url(
            settings.VALKEY_FRAMES_URL, socket_timeout=2, socket_connect_timeout=2
        )
        self._take = self._valkey.register_script(_TAKE)
        self._done = self._valkey.register_script(_DONE)
        self._renew = self._valkey.register_script(_RENEW_TURN)

    def take(self) -> tuple[Turn | None, bool]:
        """Follow a call: the frame that has waited longest, gone from Valkey with the taking.

        Returns:
            The turn, None when nothing is ready any more; and whether another worker has to be called.
        """
        return self._taken(self._take(args=[self._name]))

    def done(
        self, turn: Turn, answer: Mapping[str, Any], tracks: str = "", *, took_ms: float = 0.0, going_on: bool = True
    ) -> tuple[Turn | None, bool]:
        """End a turn and answer its socket; when going on, take the next as `take` does.

        tracks: to leave for the camera's next frame: boxes, ids and scores near the threshold; no image and no
            embedding. Empty, and those of before stay. took_ms: how long the turn took.
        """
        of_turn = (self._name, turn.camera_id, turn.name, uuid.uuid4().hex, tracks)
        said = (turn.frame.reply_to, json.dumps(answer), f"{took_ms:.1f}", "1" if going_on else "0")
        return self._taken(self._done(args=[*of_turn, *said]))

    def renew(self, turn: Turn) -> bool:
        """Extend a turn that takes long: no other worker takes this camera's next frame. Return False if it is lost."""
        return bool(self._renew(args=[turn.camera_id, turn.name]))

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
