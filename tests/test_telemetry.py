"""Telemetry of a camera's stream, and the agent's choice of picture quality."""

from __future__ import annotations

import time

import pytest

from agent.line import ENCODINGS, FIRST_ENCODING, LONGEST_TRANSFER_S, SIZES, Line
from capture.telemetry import StreamTelemetry
from deployments.cameras import FrameCounts


def test_missing_numbers_are_pictures_that_were_skipped() -> None:
    telemetry = StreamTelemetry()
    # The first number of a connection says nothing about earlier pictures.
    assert [telemetry.note_arrival(number, None) for number in (7, 8, 11, 11, 3, 12)] == [0, 0, 2, 0, 0, 0]


def test_the_interval_is_of_pictures_due_and_not_of_pictures_sent(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_the_rate_of_due_pictures_does_not_depend_on_line_or_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Five a second, over a line that delivers in pairs, then with one frame read every 1.4 s."""
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


def test_light_is_measured_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays due while frames are lost, and whichever worker reads them."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    telemetry = StreamTelemetry()
    assert telemetry.light_is_due()
    telemetry.note_answer(0.05, None)
    assert telemetry.light_is_due()
    telemetry.note_answer(0.05, (120.0, 80.0))
    assert not telemetry.light_is_due()
    now = 101.0
    assert telemetry.light_is_due()


def test_health_counts_pictures_due(monkeypatch: pytest.MonkeyPatch) -> None:
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
    # A frame that arrives accounts for all skipped ones; until the next one the camera still has pictures.
    now = 104.0
    assert telemetry.health(FrameCounts(), is_waiting=True).due_rate == 5.0
    telemetry.note_arrival(21, 103.7)
    assert telemetry.health(FrameCounts(received=1, passed_over=9)).due_rate == pytest.approx(5.0)
    # A camera that does not wait for its turn and sends nothing has no pictures.
    idle = telemetry.health(FrameCounts())
    assert (idle.rate, idle.due_rate, idle.dropped, idle.latency_ms, idle.turn_wait_ms) == (0, 0, 0, None, 0)


def test_a_slow_line_gets_smaller_pictures_and_a_fast_line_better_ones() -> None:
    line = Line()
    # Until the line has been measured, frames are small but at full scale.
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


def test_a_long_round_trip_does_not_make_a_line_slow() -> None:
    line = Line()
    line.note_round_trip(0.3)
    for _ in range(50):
        line.note(0.3 + SIZES[FIRST_ENCODING] * LONGEST_TRANSFER_S * 0.9)
    assert line.encoding == ENCODINGS[0]
    # Nor does a long round trip hide a slow line.
    for _ in range(50):
        line.note(0.3 + LONGEST_TRANSFER_S * 20)
    assert line.encoding == ENCODINGS[-1]


def test_a_frame_faster_than_the_round_trip_corrects_it() -> None:
    line = Line()
    # Measured while the line was full; the first frame shows that the round trip is shorter.
    line.note_round_trip(2.0)
    line.note(0.01)
    for _ in range(50):
        line.note(0.01 + LONGEST_TRANSFER_S * 20)
    assert line.encoding == ENCODINGS[-1]
