"""The frame queue's scripts, which Valkey runs one at a time, and the times that its keys live.

`capture.frame_queue` describes the keys and calls the scripts.
"""

from __future__ import annotations

from capture.answers import Send, packed
from core import retention

FRAME_LIFE_MS = int(retention.period("frame").total_seconds() * 1000)
# Renewed while a worker processes the frame. Short, so that a worker that dies delays its camera only for a moment.
PENDING_LIFE_MS = 3000
TRACKS_LIFE_S = int(retention.period("tracks").total_seconds())
HOLDER_LIFE_MS = 6000
TILE_LIFE_MS, WATCHED_LIFE_S = int(retention.period("tile").total_seconds() * 1000), 5
# A call that no worker has answered by then is repeated with the next frame.
CALL_LIFE_S = 2
# A worker that has taken no frame for this long is not counted when frames are requested ahead.
WORKER_SEEN_MS = 5000
# How long a requested frame is counted as coming, at least, before another camera is asked in its place.
LEAST_COMING_MS, TRANSIT_LIFE_S = 150, 60
# A frame is requested when it is predicted to wait for a worker no longer than this share of a turn, and whenever no
# other is ready or coming, so that workers hardly wait for frames. docs/explain/performance.md compares it with 0.5.
MOST_WAIT = 0.25
# How much a turn moves the predicted length of turns. A longer turn moves it more, because a frame requested too early
# waits, and one requested too late costs little.
TURN_UP, TURN_DOWN = 0.3, 0.1
# The message to a socket whose camera may send.
SEND = packed(Send())

# An entry of `frames:ready` is a turn's 32 digits and then the camera's id. The camera's keys are built from it.
COMMON = f"""
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
    local is_late = wait_at(arrives, now, turn, free, count) > turn * {MOST_WAIT}
    if is_late and redis.call('EXISTS', 'frames:ready', 'frames:coming') > 0 then return end
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
WANT = (
    COMMON
    + f"""
local camera, transit = unpack(ARGV)
local now = now_ms()
redis.call('SET', 'transit:' .. camera, transit, 'EX', {TRANSIT_LIFE_S})
redis.call('ZADD', 'frames:waiting', 'NX', now, camera)
ask(now)
return call()
"""
)
ASK = COMMON + "ask(now_ms()) return call()"
OFFER = (
    COMMON
    + f"""
local camera, turn, frame = unpack(ARGV)
redis.call('HDEL', 'frames:coming', camera)
redis.call('SET', 'frame:' .. camera, frame, 'PX', {FRAME_LIFE_MS})
ready(camera, turn)
return call()
"""
)
TAKE = (
    COMMON
    + """
local now = now_ms()
redis.call('ZADD', 'frames:workers', now, ARGV[1])
redis.call('DEL', 'frames:called')
return take(now)
"""
)
# The first digit of an answer says whether the camera may send at once.
DONE = (
    COMMON
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
RENEW_TURN = (
    COMMON
    + f"""
local camera, turn = unpack(ARGV)
if redis.call('GET', 'pending:' .. camera) ~= turn then return 0 end
redis.call('PEXPIRE', 'pending:' .. camera, {PENDING_LIFE_MS})
redis.call('ZADD', 'frames:working', 'XX', now_ms() + {PENDING_LIFE_MS}, turn)
return 1
"""
)
# Renew or release a lease only if it is still this socket's.
RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
