"""The capture socket: who may stream, what is taken, what is refused, and what happens when parts of the line die."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import struct
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed, InvalidStatus

from capture.camera_clock import TRIPS
from recognition.imaging import encode_jpeg
from tests.cast import portrait_jpeg
from tests.live.system import LiveDeployment, LiveSystem, LiveUser, Socket, eventually, go_live, socket


def _frame(number: int, jpeg: bytes) -> bytes:
    return struct.pack(">I", number) + jpeg


def _giant() -> bytes:
    """A whole JPEG whose header claims 20,000 pixels a side."""
    jpeg = bytearray(portrait_jpeg())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 20_000, 20_000)
    return bytes(jpeg)


def _saved(**options: Any) -> bytes:
    """The portrait as Pillow saves it."""
    stream = io.BytesIO()
    Image.open(io.BytesIO(portrait_jpeg())).save(stream, "JPEG", **options)
    return stream.getvalue()


def _scans(jpeg: bytes, count: int) -> bytes:
    """The same picture with its scan's header so often, each with nothing behind it but the last."""
    at = jpeg.index(b"\xff\xda")
    length = struct.unpack_from(">H", jpeg, at + 2)[0]
    return jpeg[:at] + jpeg[at : at + 2 + length] * (count - 1) + jpeg[at:]


@pytest.fixture(scope="module")
def deployment(live: LiveSystem) -> LiveDeployment:
    return go_live(live, {"Test Portrait": portrait_jpeg()}, ("North", "South"))


@pytest.fixture(scope="module")
def tokens(live: LiveSystem, deployment: LiveDeployment) -> list[str]:
    return [live.user("commander").token(camera) for camera in deployment.cameras]


def _path(deployment: LiveDeployment, index: int = 0) -> str:
    return f"/ws/cameras/{deployment.cameras[index]}/"


async def _refusal(live: LiveSystem, path: str, **headers: str) -> tuple[int, str]:
    async with socket(live, path, **headers) as capture:
        closing = await capture.until("closing")
        with pytest.raises(ConnectionClosed):
            await capture.connection.recv()
        assert capture.connection.close_code == closing["code"]
        return closing["code"], closing["reason"]


async def test_a_frame_is_read_and_its_faces_are_told(
    live: LiveSystem, deployment: LiveDeployment, tokens: list[str]
) -> None:
    async with socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as capture:
        assert (await capture.until("ready"))["frame_rate"] == 5
        for number in (1, 2, 3):
            assert await capture.until("send") == {"type": "send"}
            await capture.connection.send(_frame(number, portrait_jpeg()))
            read = await capture.until("read")
            assert read["frame"] == number
            ((left, top, _, _),) = read["boxes"]
            assert (left, top) == pytest.approx((0.35, 0.12), abs=0.04)
            assert set(read) == {"type", "frame", "boxes", "engine_ms", "held_ms"}
    assert eventually(lambda: live.sql("SELECT sum(faces_seen) FROM deployments_camera")[0][0] >= 1)


async def test_a_camera_is_told_how_long_its_line_is(
    live: LiveSystem, deployment: LiveDeployment, tokens: list[str]
) -> None:
    async with socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as capture:
        for _ in range(TRIPS):
            asked = await capture.until("clock")
            await asyncio.sleep(0.05)
            await capture.connection.send(json.dumps({"type": "clock", "id": asked["id"], "at_ms": time.time() * 1000}))
        line = await capture.until("line")
        assert set(line) == {"type", "round_trip_ms"}
        assert line["round_trip_ms"] >= 49


async def test_nobody_streams_without_leave(live: LiveSystem, deployment: LiveDeployment, tokens: list[str]) -> None:
    path = _path(deployment)
    assert await _refusal(live, path) == (4401, "Sign in to stream from this camera.")
    code, reason = await _refusal(live, path, Authorization=f"Bearer {tokens[1]}")
    assert (code, "not this camera's" in reason) == (4403, True)
    assert (await _refusal(live, path, Authorization="Bearer nonsense"))[0] == 4403
    for role in ("watchlist_admin", "authority", "officer", "compliance"):
        assert (await _refusal(live, path, Cookie=live.user(role).cookie))[0] == 4403
    unknown = "/ws/cameras/00000000-0000-4000-8000-000000000000/"
    assert (await _refusal(live, unknown, Cookie=live.user("operator").cookie))[0] == 4403


async def test_another_sites_page_cannot_use_the_session(live: LiveSystem, deployment: LiveDeployment) -> None:
    with pytest.raises(InvalidStatus):
        async with socket(
            live, _path(deployment), Cookie=live.user("operator").cookie, Origin="https://elsewhere.example"
        ):
            pass


async def test_one_source_a_camera(live: LiveSystem, deployment: LiveDeployment, tokens: list[str]) -> None:
    headers = {"Authorization": f"Bearer {tokens[0]}"}
    async with socket(live, _path(deployment), **headers) as first:
        await first.until("ready")
        code, reason = await _refusal(live, _path(deployment), **headers)
        assert (code, "streaming from another place" in reason) == (4423, True)
    async with socket(live, _path(deployment), **headers) as again:
        await again.until("ready")


@pytest.mark.parametrize(
    ("jpeg", "says"),
    [
        (np.random.default_rng(1).bytes(50_000), "must be a JPEG"),
        (portrait_jpeg()[:-4000], "frame is incomplete"),
        (b"", "binary"),
        (encode_jpeg(np.random.default_rng(2).integers(0, 255, (1600, 1600, 3), np.uint8), 95), "2 MB"),
        (encode_jpeg(np.zeros((16, 4096, 3), np.uint8)), "3840"),
        (_giant(), "3840"),
        (_saved(progressive=True), "baseline"),
        (_scans(portrait_jpeg(), 3), "one scan"),
    ],
)
async def test_a_bad_frame_is_refused_and_the_next_is_read(
    live: LiveSystem, deployment: LiveDeployment, tokens: list[str], jpeg: bytes, says: str
) -> None:
    async with socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as capture:
        await capture.until("ready")
        await capture.connection.send(_frame(1, jpeg))
        assert says in (await capture.until("refused_frame"))["reason"]
        await capture.connection.send(_frame(2, portrait_jpeg()))
        assert (await capture.until("read"))["frame"] == 2


async def test_fifty_megabytes_of_noise_close_this_socket_only(
    live: LiveSystem, deployment: LiveDeployment, tokens: list[str]
) -> None:
    async with socket(live, _path(deployment, 1), Authorization=f"Bearer {tokens[1]}") as other:
        await other.until("ready")
        async with socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as capture:
            await capture.until("ready")
            with pytest.raises(ConnectionClosed):
                await capture.connection.send(np.random.default_rng(3).bytes(50 * 2**20))
                await capture.until("never")
            assert capture.connection.close_code == 1009
        await other.connection.send(_frame(1, portrait_jpeg()))
        assert (await other.until("read"))["frame"] == 1
    assert live.health()["status"] == "ok"


async def test_who_sends_nothing_but_noise_is_closed(
    live: LiveSystem, deployment: LiveDeployment, tokens: list[str]
) -> None:
    async with socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as capture:
        await capture.until("ready")
        for number in range(1, 41):
            await capture.connection.send(_frame(number, b"noise"))
        assert (await capture.until("closing"))["code"] == 4400
    # Its place is free at once, and stays so.
    await _streams(live, deployment, tokens)


async def test_leaving_in_the_middle_of_anything_frees_the_place(
    live: LiveSystem, deployment: LiveDeployment, tokens: list[str]
) -> None:
    for _ in range(5):
        async with socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as capture:
            capture.connection.transport.abort()
    await asyncio.sleep(0.5)
    await _streams(live, deployment, tokens)
    async with socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as capture:
        await capture.until("ready")
        for number in (1, 2):
            await capture.connection.send(_frame(number, portrait_jpeg()))
        capture.connection.transport.abort()
    await asyncio.sleep(0.5)
    await _streams(live, deployment, tokens)
    opened, closed = (
        live.sql(f"SELECT count(*) FROM audit_entry WHERE action = 'camera.{word}'")[0][0]
        for word in ("connected", "disconnected")
    )
    assert opened - closed <= 1


async def test_a_replaced_token_closes_the_socket_it_opened(live: LiveSystem, deployment: LiveDeployment) -> None:
    first = live.user("commander").token(deployment.cameras[1])
    async with socket(live, _path(deployment, 1), Authorization=f"Bearer {first}") as capture:
        await capture.until("ready")
        live.user("commander").token(deployment.cameras[1])
        closing = await capture.until("closing", 12)
        assert closing["code"] == 4403


async def test_a_user_who_signs_out_stops_streaming(live: LiveSystem, deployment: LiveDeployment) -> None:
    operator = LiveUser(live, "operator")
    async with socket(live, _path(deployment), Cookie=operator.cookie) as capture:
        await capture.until("ready")
        operator.post("/accounts/logout/")
        assert (await capture.until("closing", 12))["code"] == 4401


async def test_newest_frame_wins_and_every_other_is_counted(
    live: LiveSystem, deployment: LiveDeployment, tokens: list[str]
) -> None:
    async with socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as capture:
        await capture.until("ready")
        for number in range(1, 61):
            await capture.connection.send(_frame(number, portrait_jpeg()))
        read: list[int] = []
        dropped: list[int] = []
        async with asyncio.timeout(15):
            async for text in capture.connection:
                message = json.loads(text)
                if "frame" in message:
                    (read if message["type"] == "read" else dropped).append(message["frame"])
                if len(read) + len(dropped) == 60:
                    break
    assert sorted(read + dropped) == list(range(1, 61))
    assert read[-1] == 60
    assert read == sorted(read)
    assert len(dropped) > 10


async def test_a_killed_worker_costs_a_moment(live: LiveSystem, deployment: LiveDeployment, tokens: list[str]) -> None:
    async with socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as capture:
        await capture.until("ready")
        await capture.connection.send(_frame(1, portrait_jpeg()))
        await capture.until("read")
        await capture.connection.send(_frame(2, portrait_jpeg()))
        workers = live.pids("celery", "frames")
        assert len(workers) == 2
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        await capture.connection.send(_frame(3, portrait_jpeg()))
        problem = await capture.until("problem", 15)
        # It depends on how soon the supervisor has started others.
        assert problem["text"] in ("A frame was not processed in time.", "No recognition worker is responding.")
        await _until_read_again(capture, 4)
    assert eventually(lambda: live.health().get("workers") == 2)


async def test_a_restarted_valkey_is_survived(live: LiveSystem, deployment: LiveDeployment, tokens: list[str]) -> None:
    async with socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as capture:
        await capture.until("ready")
        (valkey,) = live.pids("unixsocket:")
        os.kill(valkey, signal.SIGKILL)
        await _until_read_again(capture, 1)
    assert eventually(lambda: live.health().get("status") == "ok")


async def test_a_lost_database_is_survived(live: LiveSystem, deployment: LiveDeployment, tokens: list[str]) -> None:
    async with socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as capture:
        await capture.until("ready")
        await capture.connection.send(_frame(1, portrait_jpeg()))
        await capture.until("read")
        live.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'lfr'"
        )
        await _until_read_again(capture, 2)
    assert live.health()["database"] == "ok"


async def _streams(live: LiveSystem, deployment: LiveDeployment, tokens: list[str]) -> None:
    async with socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as capture:
        await capture.until("ready")
        await capture.connection.send(_frame(1, portrait_jpeg()))
        await capture.until("read")


async def _until_read_again(capture: Socket, number: int, patience: float = 40) -> None:
    """Keep sending, as a camera does, until a frame is read again over the same socket."""
    async with asyncio.timeout(patience):
        while True:
            await capture.connection.send(_frame(number, portrait_jpeg()))
            try:
                await capture.until("read", 1.5)
                return
            except TimeoutError:
                number += 1


async def test_a_pause_shuts_every_socket_and_a_resumption_lets_them_in(
    live: LiveSystem, deployment: LiveDeployment
) -> None:
    commander = live.user("commander")
    tokens = [commander.token(camera) for camera in deployment.cameras]
    async with (
        socket(live, _path(deployment), Authorization=f"Bearer {tokens[0]}") as north,
        socket(live, _path(deployment, 1), Authorization=f"Bearer {tokens[1]}") as south,
    ):
        for capture in (north, south):
            await capture.until("ready")
        pause = {"code": "fault", "detail": "A lens is wet"}
        await asyncio.to_thread(commander.post, f"/deployments/{deployment.id}/pause/", pause)
        for capture in (north, south):
            assert (await capture.until("closing"))["code"] == 4409
    assert (await _refusal(live, _path(deployment), Authorization=f"Bearer {tokens[0]}"))[0] == 4409
    await asyncio.to_thread(commander.post, f"/deployments/{deployment.id}/resume/")
    await _streams(live, deployment, tokens)
