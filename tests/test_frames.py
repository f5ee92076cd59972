"""The gate of one waiting frame, on a real Valkey."""

from __future__ import annotations

import uuid

import pytest

from alerts.frames import Frame, FrameGate, FrameSource


def _frame(number: int) -> Frame:
    return Frame(number, 1000.0 + number, float(number), "reply!1", b"\xff\xd8" + bytes([number]))


@pytest.fixture
def camera() -> str:
    return str(uuid.uuid4())


async def test_newest_wins_and_one_turn_is_out_at_a_time(camera: str) -> None:
    gate, source = FrameGate(), FrameSource()
    turn = await gate.offer(camera, _frame(1))
    assert turn is not None
    assert await gate.offer(camera, _frame(2)) is None
    assert source.take(camera, turn) == (_frame(2), None)
    assert source.take(camera, turn) is None
    # While it is worked on, a newer one waits for its turn.
    assert await gate.offer(camera, _frame(3)) is None
    following = source.done(camera, turn, "[1]")
    assert following is not None
    assert source.take(camera, following) == (_frame(3), b"[1]")
    assert source.done(camera, following) is None
    assert await gate.offer(camera, _frame(4)) is not None
    await gate.close()


async def test_a_turn_that_passed_on_takes_and_ends_nothing(camera: str) -> None:
    gate, source = FrameGate(), FrameSource()
    old = await gate.offer(camera, _frame(1))
    assert old is not None
    with source._valkey as valkey:
        valkey.delete(f"pending:{camera}")
    new = await gate.offer(camera, _frame(2))
    assert new is not None
    assert source.take(camera, old) is None
    assert source.done(camera, old, "[1]") is None
    assert source.take(camera, new) == (_frame(2), None)
    await gate.close()


async def test_a_frame_is_gone_when_nobody_takes_it(camera: str) -> None:
    gate, source = FrameGate(), FrameSource()
    await gate.offer(camera, _frame(1))
    with source._valkey as valkey:
        assert 0 < valkey.pttl(f"frame:{camera}") <= 2000
        assert 0 < valkey.pttl(f"pending:{camera}") <= 3000
    await gate.close()


async def test_one_holder_a_camera(camera: str) -> None:
    gate = FrameGate()
    assert await gate.hold(camera, "a")
    assert not await gate.hold(camera, "b")
    assert not await gate.keep_hold(camera, "b")
    await gate.release(camera, "b")
    assert await gate.keep_hold(camera, "a")
    await gate.release(camera, "a")
    assert await gate.hold(camera, "b")
    await gate.close()


async def test_a_turn_without_a_frame_leaves_the_tracks_as_they_were(camera: str) -> None:
    gate, source = FrameGate(), FrameSource()
    first = await gate.offer(camera, _frame(1))
    assert first is not None
    source.take(camera, first)
    source.done(camera, first, "[1]")
    second = await gate.offer(camera, _frame(2))
    assert second is not None
    following = source.done(camera, second)
    assert following is not None
    assert source.take(camera, following) == (_frame(2), b"[1]")
    await gate.close()
