"""Telemetry of a camera's stream, and the agent's choice of picture quality."""

from __future__ import annotations

import time

import pytest

from agent.line import ENCODINGS, FIRST_ENCODING, LONGEST_TRANSFER_S, SIZES, Line
from capture.telemetry import StreamTelemetry
from deployments.cameras import FrameCounts


def test_numbers_that_are_left_out_are_pictures_passed_over() -> None:
    telemetry = StreamTelemetry()
    # The first number of a connection says nothing of what was before it.
    assert [telemetry.note_arrival(number, None) for number in (7, 8, 11, 11, 3, 12)] == [0, 0, 2, 0, 0, 0]


def test_the_interval_is_that_of_pictures_due_and_not_of_those_that_were_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    telemetry = StreamTelemetry()
    for number in (1, 5, 9):
        telemetry.note_arrival(number, None)
        now += 0.8
    assert telemetry.interval_s == pytest.approx(0.2)
    now -= 0.75
    assert telemetry.due_in_s(0.7) == pytest.approx(0.14 - 0.05)
    now += 10
    assert telemetry.due_in_s(0.7) == 0


def test_the_rate_of_due_pictures_is_that_of_the_camera_whatever_the_line_and_the_machine_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Five a second: over a line that delivers in pairs, then one frame read every 1.4 s."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    telemetry = StreamTelemetry()
    for number in range(1, 42):
        now = 100 + (number - number % 2) * 0.2 + (number % 2) * 0.03
        telemetry.note_arrival(number, None)
        if number % 10 == 0:
            assert telemetry.health(FrameCounts(received=10)).due_rate == pytest.approx(5, rel=0.12)
    for number in range(48, 120, 7):
        now = 100 + number * 0.2
        telemetry.note_arrival(number, None)
        assert telemetry.health(FrameCounts(received=1, passed_over=6)).due_rate == pytest.approx(5, rel=0.12)


def test_health_counts_what_was_due(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    telemetry = StreamTelemetry()
    telemetry.note_arrival(1, 99.7)
    telemetry.note_turn(0.4)
    telemetry.note_answer(0.05, (120.0, 80.0))
    now = 102.0
    telemetry.note_arrival(11, 101.7)
    health = telemetry.health(FrameCounts(received=4, processed=3, dropped=1, passed_over=6))
    assert (health.rate, health.due_rate, health.dropped) == (1.5, 5.0, 0.7)
    assert (health.latency_ms, health.turn_wait_ms, health.line_ms) == (50, 400, 300)
    assert (health.brightness, health.sharpness) == (120.0, 80.0)
    # A frame that arrives stands for all that were passed over; until the next one the camera still has pictures.
    now = 104.0
    assert telemetry.health(FrameCounts(), is_waiting=True).due_rate == 5.0
    telemetry.note_arrival(21, 103.7)
    assert telemetry.health(FrameCounts(received=1, passed_over=9)).due_rate == pytest.approx(5.0)
    # One that does not wait for its turn, and sends nothing, has none.
    idle = telemetry.health(FrameCounts())
    assert (idle.rate, idle.due_rate, idle.dropped, idle.latency_ms, idle.turn_wait_ms) == (0, 0, 0, None, 0)


def test_a_slow_line_is_sent_smaller_pictures_and_a_fast_one_better_ones() -> None:
    line = Line()
    # Until the line is known, frames are small, but in full scale.
    assert line.encoding == ENCODINGS[FIRST_ENCODING] == min(each for each in ENCODINGS if each[1] == 1.0)
    line.note(SIZES[FIRST_ENCODING] * LONGEST_TRANSFER_S)
    assert line.encoding == ENCODINGS[0]
    line.note(LONGEST_TRANSFER_S * 1.1)
    assert line.encoding == ENCODINGS[1]
    line.note(LONGEST_TRANSFER_S * 20)
    assert line.encoding == ENCODINGS[-1]
    # Neither slow nor fast: nothing changes.
    for _ in range(200):
        line.note(LONGEST_TRANSFER_S * 0.9)
    assert line.encoding == ENCODINGS[-1]
    for _ in range(200):
        line.note(LONGEST_TRANSFER_S * 0.01)
    assert line.encoding == ENCODINGS[0]


def test_one_late_frame_changes_nothing() -> None:
    line = Line()
    for transit in (0.002, 0.002, LONGEST_TRANSFER_S * 2, 0.002):
        line.note(transit)
    assert line.encoding == ENCODINGS[0]


def test_a_long_round_trip_is_no_slow_line() -> None:
    line = Line()
    line.note_round_trip(0.3)
    for _ in range(50):
        line.note(0.3 + SIZES[FIRST_ENCODING] * LONGEST_TRANSFER_S * 0.9)
    assert line.encoding == ENCODINGS[0]
    # Nor does a long one hide a slow line.
    for _ in range(50):
        line.note(0.3 + LONGEST_TRANSFER_S * 20)
    assert line.encoding == ENCODINGS[-1]


def test_no_frame_is_quicker_than_the_round_trip_that_is_believed() -> None:
    line = Line()
    # Measured while the line was full; the first frame shows that it is shorter.
    line.note_round_trip(2.0)
    line.note(0.01)
    for _ in range(50):
        line.note(0.01 + LONGEST_TRANSFER_S * 20)
    assert line.encoding == ENCODINGS[-1]
