"""The queue of camera frames, on a real Valkey."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.parse
import uuid
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import pytest
import redis
from django.conf import settings

from capture import frame_queue
from capture.answers import Answer, FrameFailed, FrameRead, FrameRefused, NotLiveAnswer, Send, packed, unpacked
from capture.frame_queue import Frame, FrameGate, FrameSource
from capture.frame_scripts import SEND

CAMERA = str(uuid.UUID(int=1))
ANSWER = FrameFailed(1, "A reason")


@pytest.fixture(autouse=True)
def valkey() -> Iterator[redis.Redis]:
    """Return a client of an empty Valkey."""
    with redis.Redis.from_url(settings.VALKEY_FRAMES_URL, decode_responses=True) as client:
        client.flushdb()
        yield client


@pytest.fixture
async def gate() -> AsyncIterator[FrameGate]:
    gate = FrameGate()
    yield gate
    await gate.close()


def _frame(number: int, reply_to: str = "nobody") -> Frame:
    return Frame(number, 1000.0 + number, float(number), reply_to, b"\xff\xd8" + bytes([number]))


async def test_the_newest_frame_wins_and_a_cameras_frames_are_processed_in_turn(gate: FrameGate) -> None:
    source = FrameSource()
    await gate.offer(CAMERA, _frame(1))
    await gate.offer(CAMERA, _frame(2))
    first, _ = source.take()
    assert first is not None
    assert (first.camera_id, first.frame, first.tracks) == (CAMERA, _frame(2), None)
    # While a frame is processed, a newer one waits, whichever worker asks.
    await gate.offer(CAMERA, _frame(3))
    assert source.take()[0] is None
    second, _ = source.done(first, ANSWER, "[1]")
    assert second is not None
    assert (second.frame, second.tracks) == (_frame(3), b"[1]")
    assert source.done(second, ANSWER) == (None, False)


async def test_only_one_call_is_outstanding_while_cameras_are_ready(gate: FrameGate) -> None:
    source = FrameSource()
    cameras = [str(uuid.UUID(int=number)) for number in range(1, 4)]
    assert [await gate.offer(camera, _frame(1)) for camera in cameras] == [True, False, False]
    # A worker that follows the call takes one frame and calls another worker for the rest.
    first, calling = source.take()
    assert first is not None
    assert calling
    second, calling = source.take()
    assert second is not None
    assert calling
    third, calling = source.done(first, ANSWER)
    assert third is not None
    assert not calling
    assert [turn.camera_id for turn in (first, second, third)] == cameras
    # The outstanding call finds nothing; the next frame calls again.
    assert source.take() == (None, False)
    assert await gate.offer(cameras[0], _frame(2))


async def test_a_call_that_no_worker_followed_is_repeated(gate: FrameGate, valkey: redis.Redis) -> None:
    assert await gate.offer(CAMERA, _frame(1))
    assert not await gate.offer(CAMERA, _frame(2))
    assert 0 < valkey.ttl("frames:called") <= 2
    valkey.delete("frames:called")
    assert await gate.offer(CAMERA, _frame(3))


async def test_a_worker_that_stops_leaves_the_next_frame_and_calls_for_it(gate: FrameGate) -> None:
    source = FrameSource()
    await gate.offer(CAMERA, _frame(1))
    turn, _ = source.take()
    assert turn is not None
    await gate.offer(CAMERA, _frame(2))
    assert source.done(turn, ANSWER, going_on=False) == (None, True)
    following, _ = source.take()
    assert following is not None
    assert following.frame == _frame(2)


async def test_no_camera_waits_for_several_frames_of_another(gate: FrameGate) -> None:
    source = FrameSource()
    busy, quiet = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
    await gate.offer(busy, _frame(1))
    turn, _ = source.take()
    assert turn is not None
    await gate.offer(busy, _frame(2))
    await gate.offer(quiet, _frame(1))
    turn, _ = source.done(turn, ANSWER)
    assert turn is not None
    assert turn.camera_id == quiet


async def test_an_expired_turn_has_no_effect(gate: FrameGate, valkey: redis.Redis) -> None:
    source = FrameSource()
    await gate.offer(CAMERA, _frame(1))
    old, _ = source.take()
    assert old is not None
    valkey.delete(f"pending:{CAMERA}")
    await gate.offer(CAMERA, _frame(2))
    new, _ = source.done(old, ANSWER, "[1]")
    assert new is not None
    assert (new.frame, new.tracks) == (_frame(2), None)
    assert new.name != old.name


async def test_a_frame_expires_if_no_worker_takes_it(gate: FrameGate, valkey: redis.Redis) -> None:
    source = FrameSource()
    await gate.offer(CAMERA, _frame(1))
    assert 0 < valkey.pttl(f"frame:{CAMERA}") <= 2000
    assert 0 < valkey.pttl(f"pending:{CAMERA}") <= 3000
    valkey.delete(f"frame:{CAMERA}")
    assert source.take() == (None, False)
    # Its place in the queue expired with it: the camera is ready again with its next frame.
    await gate.offer(CAMERA, _frame(2))
    turn, _ = source.take()
    assert turn is not None
    assert turn.frame == _frame(2)


async def test_a_turn_without_tracks_leaves_them_unchanged(gate: FrameGate) -> None:
    source = FrameSource()
    seen = []
    for number, tracks in enumerate(("[1]", "", "")):
        await gate.offer(CAMERA, _frame(number))
        turn, _ = source.take()
        assert turn is not None
        seen.append(turn.tracks)
        source.done(turn, ANSWER, tracks)
    assert seen == [None, b"[1]", b"[1]"]


async def test_only_the_socket_that_sent_a_frame_gets_the_answer(gate: FrameGate) -> None:
    other, source = FrameGate(), FrameSource()
    await gate.listen()
    await other.listen()
    for number in range(1, 4):
        await gate.offer(CAMERA, _frame(number, gate.name))
        turn, _ = source.take()
        assert turn is not None
        source.done(turn, FrameFailed(number, ""))
    answers = gate.answers()
    told = [(await asyncio.wait_for(anext(answers), 2))[0] for _ in range(3)]
    assert told == [FrameFailed(number, "") for number in (1, 2, 3)]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(other.answers()), 0.2)
    await other.close()


async def test_a_camera_has_one_lease_holder(gate: FrameGate) -> None:
    other = FrameGate()
    camera = str(uuid.uuid4())
    assert await gate.hold(camera)
    assert not await other.hold(camera)
    assert not await other.keep_hold()
    await other.release()
    assert await gate.keep_hold()
    await gate.release()
    assert await other.hold(camera)
    await other.close()


async def test_a_lease_released_during_renewal_is_free(gate: FrameGate, valkey: redis.Redis) -> None:
    for acts in (("release", "keep_hold"), ("keep_hold", "release"), ("release", "keep_hold", "keep_hold")):
        for _ in range(20):
            assert await gate.hold(CAMERA)
            await asyncio.gather(*(getattr(gate, act)() for act in acts))
            assert not valkey.exists(f"holder:{CAMERA}")


async def test_a_lease_that_valkey_has_lost_is_taken_again(gate: FrameGate, valkey: redis.Redis) -> None:
    assert await gate.hold(CAMERA)
    valkey.flushdb()
    assert await gate.keep_hold()
    assert valkey.get(f"holder:{CAMERA}") == gate.name


async def test_a_subscription_with_a_dead_connection_is_renewed(
    settings: Any, monkeypatch: pytest.MonkeyPatch, valkey: redis.Redis
) -> None:
    monkeypatch.setattr(frame_queue, "QUIET_S", 0.2)
    async with _line(settings) as silenced:
        gate = FrameGate()
        await gate.listen()
        answers = gate.answers()
        waiting = asyncio.ensure_future(anext(answers))
        # The connection is quiet but alive, so it keeps waiting.
        await asyncio.sleep(1)
        assert not waiting.done()
        silenced.set()
        with pytest.raises(redis.ConnectionError):
            await asyncio.wait_for(waiting, 5)
        silenced.clear()
        waiting = asyncio.ensure_future(anext(gate.answers()))
        async with asyncio.timeout(5):
            while not waiting.done():
                valkey.publish(gate.name, f"0{SEND}")
                await asyncio.sleep(0.05)
        assert waiting.result() == (Send(), False)
        await gate.close()


@contextlib.asynccontextmanager
async def _line(settings: Any) -> AsyncIterator[asyncio.Event]:
    """Relay new connections to Valkey within the block; yield an event that silences the relay.

    While the event is set, the relay stays open but carries nothing. Connections that were open then stay silent.
    """
    silenced = asyncio.Event()
    carrying: list[asyncio.Task[None]] = []
    path = urllib.parse.urlsplit(settings.VALKEY_FRAMES_URL).path

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_dead = False
        try:
            while data := await reader.read(4096):
                is_dead = is_dead or silenced.is_set()
                if not is_dead:
                    writer.write(data)
                    await writer.drain()
        finally:
            writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward = await asyncio.open_unix_connection(path)
        carrying.extend([asyncio.create_task(carry(reader, onward)), asyncio.create_task(carry(onward_reader, writer))])

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    settings.VALKEY_FRAMES_URL = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/2"
    try:
        yield silenced
    finally:
        server.close()
        for each in carrying:
            each.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


@contextlib.asynccontextmanager
async def _cameras(count: int) -> AsyncIterator[dict[str, FrameGate]]:
    """Return gates of cameras, each listening and holding its camera's lease."""
    gates = {str(uuid.UUID(int=number + 1)): FrameGate() for number in range(count)}
    for camera, gate in gates.items():
        await gate.listen()
        await gate.hold(camera)
    yield gates
    for gate in gates.values():
        await gate.close()


async def _asked(gates: dict[str, FrameGate]) -> list[str]:
    """Return the cameras that have now been asked to send."""
    told = await asyncio.gather(*(_told(gate) for gate in gates.values()))
    return [camera for camera, message in zip(gates, told, strict=True) if message == Send()]


async def _told(gate: FrameGate) -> Answer | None:
    try:
        return (await asyncio.wait_for(anext(gate.answers()), 0.5))[0]
    except TimeoutError:
        return None


async def test_cameras_are_asked_in_turn_and_only_as_fast_as_workers_are_free() -> None:
    source = FrameSource()
    async with _cameras(6) as gates:
        names = list(gates)
        for camera, gate in gates.items():
            await gate.want(camera, 0)
        # One worker is free.
        assert await _asked(gates) == names[:1]
        await gates[names[0]].offer(names[0], _frame(1, gates[names[0]].name))
        turn, _ = source.take()
        assert turn is not None
        # Whenever a frame is taken, the next camera is asked.
        for camera, following in pairwise(names[:3]):
            assert turn.camera_id == camera
            assert await _asked(dict(list(gates.items())[1:])) == [following]
            await gates[following].offer(following, _frame(1, gates[following].name))
            await gates[following].ask()
            assert await _asked(gates) == []
            turn, _ = source.done(turn, ANSWER)
            assert turn is not None


async def test_a_camera_keeps_its_place_however_often_it_asks(valkey: redis.Redis) -> None:
    async with _cameras(4) as gates:
        names = list(gates)
        for camera in [*names, *names[2:], names[3]]:
            await gates[camera].want(camera, 0)
        assert valkey.zrange("frames:waiting", 0, -1) == names[1:]


async def test_a_camera_that_left_is_skipped(gate: FrameGate) -> None:
    async with _cameras(1) as gates:
        ((camera, own),) = gates.items()
        for gone in range(100, 103):
            await gate.want(str(uuid.UUID(int=gone)), 0)
        await own.want(camera, 0)
        assert await _asked(gates) == [camera]


async def test_a_camera_may_send_at_once_only_while_no_other_waits() -> None:
    source = FrameSource()
    async with _cameras(2) as gates:
        (one, first), (two, second) = gates.items()
        for waits, at_once in ((False, True), (True, False)):
            await first.offer(one, _frame(1, first.name))
            if waits:
                await second.offer(two, _frame(1, second.name))
            turn, _ = source.take()
            assert turn is not None
            source.done(turn, ANSWER)
            assert await asyncio.wait_for(anext(first.answers()), 2) == (ANSWER, at_once)


async def test_cameras_on_slow_lines_are_asked_early_enough(gate: FrameGate, valkey: redis.Redis) -> None:
    # A line delay of forty seconds and ten seconds for each frame, so that the test's own time does not matter.
    valkey.set("frames:turn_ms", "10000")
    async with _cameras(4) as gates:
        for camera, own in gates.items():
            await own.want(camera, 40_000)
        first = await _asked(gates)
        assert first == list(gates)[:1]
        seconds, _ = valkey.time()
        for left, asked in ((39_900, []), (15_000, list(gates)[1:2])):
            # The frame on its way arrives in `left` ms; another is asked for only if that one is read by then.
            arrives = f"{seconds * 1000 + left}:{seconds * 1000 + 90_000}"
            valkey.hset("frames:coming", mapping=dict.fromkeys(first, arrives))
            await gate.ask()
            assert await _asked(dict(list(gates.items())[1:])) == asked


async def test_a_camera_that_sends_nothing_after_being_asked_is_skipped(valkey: redis.Redis) -> None:
    async with _cameras(3) as gates:
        for camera, gate in gates.items():
            await gate.want(camera, 0)
        names = list(gates)
        assert await _asked(gates) == names[:1]
        valkey.hset("frames:coming", names[0], "0:0")
        await gates[names[2]].want(names[2], 0)
        assert await _asked(gates) == names[1:2]


async def test_a_renewed_turn_keeps_the_camera_from_a_second_worker(gate: FrameGate, valkey: redis.Redis) -> None:
    source, other = FrameSource(), FrameSource()
    await gate.offer(CAMERA, _frame(1))
    turn, _ = source.take()
    assert turn is not None
    valkey.pexpire(f"pending:{CAMERA}", 200)
    assert source.renew(turn)
    assert valkey.pttl(f"pending:{CAMERA}") > 2000
    await gate.offer(CAMERA, _frame(2))
    assert other.take()[0] is None
    valkey.delete(f"pending:{CAMERA}")
    assert not source.renew(turn)


async def test_cameras_are_asked_again_after_all_workers_were_away(valkey: redis.Redis) -> None:
    async with _cameras(4) as gates:
        for camera, gate in gates.items():
            await gate.offer(camera, _frame(1, gate.name))
        # No worker follows the call: frames, turns and the call expire, and their places in the queue stay.
        valkey.delete("frames:called", *valkey.keys("frame:*"), *valkey.keys("pending:*"))
        assert valkey.llen("frames:ready") == 4
        for camera, gate in gates.items():
            await gate.want(camera, 0)
        asked = await _asked(gates)
        assert asked == list(gates)[:1]
        # The next frame calls a worker.
        assert await gates[asked[0]].offer(asked[0], _frame(2, gates[asked[0]].name))
        turn, _ = FrameSource().take()
        assert turn is not None
        assert turn.camera_id == asked[0]


async def test_a_camera_that_asks_repeats_a_lost_call(gate: FrameGate, valkey: redis.Redis) -> None:
    other = str(uuid.UUID(int=2))
    assert await gate.offer(CAMERA, _frame(1))
    assert not await gate.want(other, 0)
    valkey.delete("frames:called")
    assert await gate.want(other, 0)
    valkey.delete("frames:called")
    assert await gate.ask()


@pytest.mark.parametrize(
    "answer",
    [
        Send(),
        FrameRead(3, [[0.1, 0.2, 0.3, 0.4]], new_faces=1, engine_ms=12.5, light=(90.0, 4.5)),
        FrameRead(4, [], new_faces=0, engine_ms=3.0),
        FrameRefused(5, "Not a JPEG"),
        ANSWER,
        NotLiveAnswer(),
    ],
)
def test_an_answer_arrives_as_it_was_sent(answer: Answer) -> None:
    assert unpacked(packed(answer)) == answer
