"""Heartbeats: every process regularly reports to Valkey that it is working.

A heartbeat is a key that expires. It holds the time by Valkey's own clock, so that two clocks are never compared.
Heartbeats are read without contacting the processes themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis
import redis.asyncio
from django.conf import settings

PREFIX = "heartbeat:"
# A process beats about once a second. After this long without a beat it counts as silent.
SILENT_AFTER_S = 6.0
# A process that has been silent for this long is forgotten: it, or its machine, was taken out of service.
FORGOTTEN_AFTER_S = 900
TIMEOUT_S = 2.0

_BEAT = "return redis.call('SET', KEYS[1], redis.call('TIME')[1], 'EX', ARGV[1])"
_READ = """
local found, cursor = {redis.call('TIME')[1]}, '0'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 500)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    local at = redis.call('GET', key)
    if at then found[#found + 1] = key; found[#found + 1] = at end
  end
until cursor == '0'
return found
"""


@dataclass(frozen=True)
class Heartbeat:
    """The last time a process showed that it was working.

    part: the task of the process, one of core.liveness.PARTS. name: the name of the process, with its host.
    silent_for_s: whole seconds since its last beat, by Valkey's clock.
    """

    part: str
    name: str
    last_at: dt.datetime
    silent_for_s: float

    @property
    def is_silent(self) -> bool:
        return self.silent_for_s > SILENT_AFTER_S


class HeartbeatWriter:
    """A writer of one process's heartbeats."""

    def __init__(self, part: str, name: str) -> None:
        self._key = f"{PREFIX}{part}:{name}"
        self._valkey = redis.Redis.from_url(
            settings.VALKEY_FRAMES_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self._beat = self._valkey.register_script(_BEAT)

    def beat(self) -> None:
        """Write that this process is working now. Do nothing if Valkey does not answer."""
        try:
            self._beat(keys=[self._key], args=[FORGOTTEN_AFTER_S])
        except redis.RedisError:
            return

    def stop(self) -> None:
        """Remove the heartbeat of a process that ends on purpose, so that it does not count as silent."""
        try:
            self._valkey.delete(self._key)
        except redis.RedisError:
            return


class HeartbeatReader:
    """An asynchronous reader of all heartbeats, with its own connection."""

    def __init__(self) -> None:
        self._valkey: Any = redis.asyncio.Redis.from_url(
            settings.VALKEY_FRAMES_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self._beat = self._valkey.register_script(_BEAT)
        self._read = self._valkey.register_script(_READ)

    async def beat(self, part: str, name: str) -> None:
        """Write a heartbeat. Raises redis.RedisError or OSError if Valkey does not answer."""
        await self._beat(keys=[f"{PREFIX}{part}:{name}"], args=[FORGOTTEN_AFTER_S])

    async def stop(self, part: str, name: str) -> None:
        """Remove the heartbeat of a process that ends on purpose. Raises redis.RedisError or OSError."""
        await self._valkey.delete(f"{PREFIX}{part}:{name}")

    async def read(self) -> list[Heartbeat]:
        """Return every heartbeat of the last 15 minutes. Raises redis.RedisError or OSError."""
        return _parsed(await self._read(keys=[], args=[f"{PREFIX}*"]))

    async def close(self) -> None:
        await self._valkey.aclose()


def _parsed(answer: Any) -> list[Heartbeat]:
    now, *pairs = cast("Sequence[bytes]", answer)
    found = []
    for key, at in zip(pairs[::2], pairs[1::2], strict=True):
        part, _, name = key.decode().removeprefix(PREFIX).partition(":")
        last_at = dt.datetime.fromtimestamp(int(at), dt.UTC)
        found.append(Heartbeat(part, name, last_at, float(int(now) - int(at))))
    return sorted(found, key=lambda each: (each.part, each.name))
