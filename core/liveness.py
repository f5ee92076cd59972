"""The state of every part of the system as this web process last saw it. It is kept in memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection
from django.db.utils import Error as DatabaseFailure
from redis.exceptions import RedisError

from core.heartbeats import SILENT_AFTER_S, Heartbeat, HeartbeatReader

logger = logging.getLogger(__name__)

EVERY_S, DATABASE_EVERY_S = 1.0, 2.0
OK, SILENT, UNKNOWN = "ok", "does not answer", "not known yet"
# At least one process of each is needed.
PARTS = {
    "frames": "recognition workers",
    "clock": "clock",
    "destruction": "destruction worker",
    "lists": "list worker",
    "notifications": "notification worker",
    "web": "web servers",
}


class Liveness:
    """The latest state of heartbeats, broker and database."""

    def __init__(self) -> None:
        self._heartbeats: Sequence[Heartbeat] = ()
        self._read_at = -1e9
        self._broker = self._database = UNKNOWN
        self._asking_database: asyncio.Future[str] | None = None

    def count(self, part: str) -> int:
        """Return how many processes of this part are working."""
        return sum(not each.is_silent for each in self._heartbeats if each.part == part) if self._is_fresh else 0

    def report(self) -> dict[str, Any]:
        """Return a public report of the state of each part. It names no host, engine or version."""
        parts = {label: self._part(part) for part, label in PARTS.items()}
        broker = self._broker if self._is_fresh else UNKNOWN
        is_ok = broker == self._database == OK and all(part["status"] == OK for part in parts.values())
        return {
            "status": "ok" if is_ok else "degraded",
            "database": self._database,
            "broker": broker,
            "workers": self.count("frames"),
            "parts": parts,
        }

    async def watch(self, name: str) -> None:
        """Write this web process's heartbeat and read all heartbeats, until cancelled. name: of this process."""
        reader, threads = HeartbeatReader(), ThreadPoolExecutor(1, "liveness")
        asked_at = -DATABASE_EVERY_S
        try:
            while True:
                try:
                    await self._hear(reader, name)
                    if time.monotonic() - asked_at > DATABASE_EVERY_S:
                        asked_at = time.monotonic()
                        await self._ask_database(threads)
                except Exception:
                    # The health report shows that its data is out of date. The next round tries again.
                    logger.exception("The heartbeats could not be read")
                await asyncio.sleep(EVERY_S)
        finally:
            threads.shutdown(wait=False)
            with contextlib.suppress(RedisError, OSError):
                await reader.stop("web", name)
                await reader.close()

    async def _hear(self, reader: HeartbeatReader, name: str) -> None:
        try:
            await reader.beat("web", name)
            self._heartbeats, self._broker = await reader.read(), OK
        except (RedisError, OSError):
            self._heartbeats, self._broker = (), SILENT
        self._read_at = time.monotonic()

    @property
    def _is_fresh(self) -> bool:
        return time.monotonic() - self._read_at < SILENT_AFTER_S

    def _part(self, part: str) -> dict[str, Any]:
        of_part = [each for each in self._heartbeats if each.part == part]
        if not self._is_fresh or not of_part:
            return {"status": UNKNOWN if self._broker != OK or not self._is_fresh else "not running"}
        silent = [each for each in of_part if each.is_silent]
        found: dict[str, Any] = {"status": "silent" if silent else OK, "running": len(of_part) - len(silent)}
        if silent:
            found["silent_since"] = min(each.last_at for each in silent).isoformat()
        return found

    async def _ask_database(self, threads: ThreadPoolExecutor) -> None:
        """Query the database, one query at a time. A database that hangs then blocks only one thread."""
        loop = asyncio.get_running_loop()
        if self._asking_database is None or self._asking_database.done():
            self._asking_database = asyncio.ensure_future(loop.run_in_executor(threads, _database))
        done, _ = await asyncio.wait({self._asking_database}, timeout=DATABASE_EVERY_S)
        self._database = self._asking_database.result() if done else SILENT


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseFailure:
        return SILENT
    finally:
        connection.close()
    return OK


liveness = Liveness()
"""The instance of this process."""
