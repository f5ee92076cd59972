"""A camera's clock, measured over its socket."""

from __future__ import annotations

import json
import time

import pytest

from capture.camera_clock import TRIPS, CameraClock


def _answer(clock: CameraClock, ahead_ms: float = 0.0, number: int | None = None) -> bool | None:
    asked = clock.ask()
    answer = {"type": "clock", "id": asked if number is None else number, "at_ms": time.time() * 1000 + ahead_ms}
    return clock.hear(json.dumps(answer))


@pytest.mark.parametrize("ahead_ms", [0.0, 90_000.0, -3_600_000.0])
def test_enough_round_trips_give_an_offset_that_covers_the_truth(ahead_ms: float) -> None:
    clock = CameraClock()
    for _ in range(TRIPS):
        assert clock.result() is None
        assert _answer(clock, ahead_ms)
    offset = clock.result()
    assert offset is not None
    # Allow a millisecond for this test's own two readings.
    assert abs(offset.ms - ahead_ms) <= offset.uncertainty_ms + 1
    assert clock.result() is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"type": "clock", "id": 1}',
        '{"type": "clock", "id": 1, "at_ms": "soon"}',
        '{"type": "clock", "id": 1, "at_ms": NaN}',
        '{"type": "clock", "id": 1, "at_ms": -1}',
        '{"type": "frame", "id": 1, "at_ms": 1}',
        '{"type": "clock", "id": 1, "at_ms": 1, "more": "' + "x" * 400 + '"}',
        "[" * 150,
    ],
)
def test_invalid_answers_are_ignored(text: str) -> None:
    clock = CameraClock()
    clock.ask()
    assert clock.hear(text) is None


def test_unrequested_answers_are_ignored() -> None:
    clock = CameraClock()
    assert clock.hear('{"type": "clock", "id": 0, "at_ms": 1}') is False
    assert _answer(clock)
    assert clock.hear('{"type": "clock", "id": 1, "at_ms": 1}') is False


def test_a_late_answer_does_not_count() -> None:
    clock = CameraClock()
    first, second = clock.ask(), clock.ask()
    answers = [json.dumps({"type": "clock", "id": number, "at_ms": time.time() * 1000}) for number in (first, second)]
    assert [clock.hear(answer) for answer in answers] == [False, True]
