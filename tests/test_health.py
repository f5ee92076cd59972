"""Heartbeats on a real Valkey, and what everybody is told of them."""

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
    """However slow this machine is, a heartbeat of now is no silence; those of long ago are."""
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
    """The report once it has been made for the first time."""
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
async def test_everything_that_beats_is_well() -> None:
    _beat_all()
    liveness = Liveness()
    report = await _seen(liveness)
    assert report["status"] == "ok"
    assert {part["status"] for part in report["parts"].values()} == {OK}
    assert (report["workers"], liveness.count("frames"), liveness.count("nothing")) == (1, 1, 0)


@pytest.mark.django_db
async def test_what_is_silent_is_named_with_the_time_since(valkey: redis.Redis) -> None:
    _beat_all()
    valkey.set(f"{PREFIX}frames:frames2@host.internal", 1_790_000_000)
    report = await _seen(Liveness())
    workers = report["parts"]["recognition workers"]
    assert (report["status"], workers["status"], workers["running"]) == ("degraded", "silent", 1)
    assert workers["silent_since"] == "2026-09-21T14:13:20+00:00"
    assert report["workers"] == 1


@pytest.mark.django_db
async def test_what_never_began_is_not_running() -> None:
    report = await _seen(Liveness())
    assert report["status"] == "degraded"
    assert report["parts"]["clock"] == {"status": "not running"}


async def test_without_a_broker_nothing_is_known_of_the_parts(settings: Any) -> None:
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


def test_a_process_that_ends_on_purpose_is_not_silent(valkey: redis.Redis) -> None:
    writer = HeartbeatWriter("frames", "frames1@host.internal")
    writer.beat()
    assert 0 < valkey.ttl(f"{PREFIX}frames:frames1@host.internal") <= FORGOTTEN_AFTER_S
    writer.stop()
    assert not valkey.keys(f"{PREFIX}*")


def test_a_heart_that_cannot_be_heard_beats_on(settings: Any) -> None:
    settings.VALKEY_FRAMES_URL = "unix:///nowhere/valkey.sock?db=2"
    writer = HeartbeatWriter("frames", "frames1@host.internal")
    writer.beat()
    writer.stop()
    with pytest.raises(redis.RedisError):
        redis.Redis.from_url(settings.VALKEY_FRAMES_URL).ping()


async def test_ages_are_of_one_clock(valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    _beat_all()
    # This machine's clock is an hour ahead.
    monkeypatch.setattr(time, "time", lambda: 1e10)
    reader = HeartbeatReader()
    found = await reader.read()
    await reader.close()
    assert len(found) == len(NAMES)
    assert not any(each.is_silent for each in found)


async def _ask(method: str = "GET", path: str = "/health/") -> tuple[int, bytes, bool]:
    """Status, body, and whether the application behind was asked."""
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


async def test_health_asks_nothing_behind_it_and_names_no_host() -> None:
    status, body, asked = await _ask()
    assert (status, asked) == (503, False)
    report = json.loads(body)
    assert set(report) == {"status", "database", "broker", "workers", "parts"}
    assert b"host.internal" not in body
    assert await _ask("HEAD") == (503, b"", False)
    assert (await _ask("POST"))[0] == 405
    assert (await _ask(path="/health"))[2]
