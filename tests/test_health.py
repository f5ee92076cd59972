"""Heartbeats on a real Valkey, and the health report."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings

from core import heartbeats
from core import liveness as liveness_module
from core.heartbeats import FORGOTTEN_AFTER_S, PREFIX, HeartbeatReader, HeartbeatWriter
from core.liveness import OK, PARTS, SILENT, UNKNOWN, Liveness
from lfr_site.health import HealthEndpoint

NAMES = {part: f"{part}1@host.internal" for part in PARTS if part != "web"}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow for slow machines: a recent heartbeat never counts as silence, an old one does."""
    monkeypatch.setattr(heartbeats, "SILENT_AFTER_S", 600.0)
    monkeypatch.setattr(liveness_module, "SILENT_AFTER_S", 600.0)


@pytest.fixture(autouse=True)
def valkey() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.VALKEY_FRAMES_URL, decode_responses=True) as client:
        client.flushdb()
        yield client


def _beat_all() -> None:
    for part, name in NAMES.items():
        HeartbeatWriter(part, name).beat()


async def _seen(liveness: Liveness) -> dict[str, Any]:
    """Return the first report."""
    watching = asyncio.create_task(liveness.watch("8000@host.internal"))
    try:
        async with asyncio.timeout(30):
            while liveness.report()["database"] == UNKNOWN:
                await asyncio.sleep(0.05)
        return liveness.report()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.django_db
async def test_everything_with_a_heartbeat_is_ok() -> None:
    _beat_all()
    liveness = Liveness()
    report = await _seen(liveness)
    assert report["status"] == "ok"
    assert {part["status"] for part in report["parts"].values()} == {OK}
    assert (report["workers"], liveness.count("frames"), liveness.count("nothing")) == (1, 1, 0)


@pytest.mark.django_db
async def test_a_silent_part_is_named_with_its_age(valkey: redis.Redis) -> None:
    _beat_all()
    valkey.set(f"{PREFIX}frames:frames2@host.internal", 1_790_000_000)
    report = await _seen(Liveness())
    workers = report["parts"]["recognition workers"]
    assert (report["status"], workers["status"], workers["running"]) == ("degraded", "silent", 1)
    assert workers["silent_since"] == "2026-09-21T14:13:20+00:00"
    assert report["workers"] == 1


@pytest.mark.django_db
async def test_a_part_that_never_started_is_not_running() -> None:
    report = await _seen(Liveness())
    assert report["status"] == "degraded"
    assert report["parts"]["clock"] == {"status": "not running"}


async def test_without_a_broker_the_parts_are_unknown(settings: Any) -> None:
    settings.VALKEY_FRAMES_URL = "unix:///nowhere/valkey.sock?db=2"
    liveness = Liveness()
    watching = asyncio.create_task(liveness.watch("8000@host.internal"))
    async with asyncio.timeout(30):
        while liveness.report()["broker"] != SILENT:
            await asyncio.sleep(0.05)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert {part["status"] for part in liveness.report()["parts"].values()} == {UNKNOWN}
    assert liveness.count("frames") == 0


def test_a_process_that_ended_normally_is_not_silent(valkey: redis.Redis) -> None:
    writer = HeartbeatWriter("frames", "frames1@host.internal")
    writer.beat()
    assert 0 < valkey.ttl(f"{PREFIX}frames:frames1@host.internal") <= FORGOTTEN_AFTER_S
    writer.stop()
    assert not valkey.keys(f"{PREFIX}*")


def test_heartbeats_continue_while_valkey_does_not_answer(settings: Any) -> None:
    settings.VALKEY_FRAMES_URL = "unix:///nowhere/valkey.sock?db=2"
    writer = HeartbeatWriter("frames", "frames1@host.internal")
    writer.beat()
    writer.stop()
    with pytest.raises(redis.RedisError):
        redis.Redis.from_url(settings.VALKEY_FRAMES_URL).ping()


async def test_ages_use_one_clock(valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    _beat_all()
    # This machine's clock is an hour ahead.
    monkeypatch.setattr(time, "time", lambda: 1e10)
    reader = HeartbeatReader()
    found = await reader.read()
    await reader.close()
    assert len(found) == len(NAMES)
    assert not any(each.is_silent for each in found)


async def _ask(method: str = "GET", path: str = "/health/") -> tuple[int, bytes, bool]:
    """Return the status, the body, and whether the application behind was called."""
    sent: list[dict[str, Any]] = []
    asked = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    await HealthEndpoint(behind)({"type": "http", "path": path, "method": method, "headers": []}, None, send)
    return sent[0]["status"], sent[1]["body"], bool(asked)


async def test_health_calls_nothing_behind_it_and_names_no_host() -> None:
    status, body, asked = await _ask()
    assert (status, asked) == (503, False)
    report = json.loads(body)
    assert set(report) == {"status", "database", "broker", "workers", "parts"}
    assert b"host.internal" not in body
    assert await _ask("HEAD") == (503, b"", False)
    assert (await _ask("POST"))[0] == 405
    assert (await _ask(path="/health"))[2]
