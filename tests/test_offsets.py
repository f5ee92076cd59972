"""Clock offsets from round trips: delay is not mistaken for an offset and does not hide one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.offsets import ClockMoved, Offset, RoundTrip, beyond, estimate, excess, kept, measure, within

DELAY = st.floats(0, 60_000)
# Precision that floating point loses for milliseconds since 1970.
ROUNDING = 0.01


@given(
    true_offset=st.floats(-1e9, 1e9),
    delays=st.lists(st.tuples(DELAY, DELAY), min_size=1, max_size=8),
    start=st.floats(1.7e12, 1.8e12),
)
def test_the_truth_always_lies_within_the_uncertainty(
    true_offset: float, delays: list[tuple[float, float]], start: float
) -> None:
    trips = [RoundTrip(start, start + there + true_offset, start + there + back) for there, back in delays]
    found = estimate(trips)
    assert abs(found.ms - true_offset) <= found.uncertainty_ms + ROUNDING
    assert excess(found) <= abs(true_offset) + ROUNDING
    assert found.uncertainty_ms <= min(there + back for there, back in delays) / 2 + ROUNDING


def test_a_slow_round_trip_with_a_right_clock_exceeds_no_limit() -> None:
    """The whole delay may be on one way, as for a request that waits 2.4 s for its turn."""
    for remote in (0.0, 1200.0, 2400.0):
        assert excess(estimate([RoundTrip(0, remote, 2400)])) == 0


def test_a_wrong_clock_exceeds_the_uncertainty_of_a_slow_line() -> None:
    assert excess(estimate([RoundTrip(0, 1200 + 5000, 2400)])) == 3800
    assert excess(estimate([RoundTrip(0, 1200 - 5000, 2400)])) == 3800


def test_the_shortest_trip_counts() -> None:
    found = estimate([RoundTrip(0, 5000, 9000), RoundTrip(10_000, 10_030, 10_040), RoundTrip(20_000, 20_100, 20_100)])
    assert found == Offset(10, 20)


def test_an_invalid_measurement_gives_no_offset() -> None:
    for trips in ([], [RoundTrip(10, 10, 9)]):
        with pytest.raises(ValueError, match="round trips"):
            estimate(trips)
    for ms, uncertainty in ((math.nan, 1), (math.inf, 1), (1, math.inf), (1, math.nan), (1, -1)):
        with pytest.raises(ValueError, match="finite"):
            Offset(ms, uncertainty)
    assert kept(None, None) is None
    assert kept(5.0, 2.0) == Offset(5.0, 2.0)


def _readings(*steps: float) -> Iterator[float]:
    """Return a clock that advances by these seconds at each reading, and then stops."""
    at = 1000.0
    yield at
    for step in steps:
        at += step
        yield at
    while True:
        yield at


def test_a_trip_during_which_the_clock_was_set_does_not_count() -> None:
    """During the first trip the clock jumps by a minute while the stopwatch advances by 10 ms."""
    wall, stopwatch = _readings(60, 0, 0.01), _readings(0.01, 0, 0.01)
    found = measure(lambda: 1_060_005.0, trips=1, wall=lambda: next(wall), stopwatch=lambda: next(stopwatch))
    assert found.ms == pytest.approx(0, abs=1e-6)
    assert found.uncertainty_ms == pytest.approx(5)


def test_a_clock_that_is_set_again_and_again_is_not_measured() -> None:
    wall, stopwatch = _readings(*[60] * 40), _readings()
    with pytest.raises(ClockMoved):
        measure(lambda: 0.0, wall=lambda: next(wall), stopwatch=lambda: next(stopwatch))


def test_an_offset_is_described_in_words() -> None:
    found = {
        "the commander's device": Offset(-80, 40),
        "the database": Offset(0.2, 0.3),
        "camera North": Offset(150, 9),
    }
    assert within(found) == (
        "The commander's device is within 0.08 s, the database within 0.00 s, camera North within 0.15 s of this "
        "server, with an uncertainty of up to 0.04 s."
    )
    assert beyond("camera North", Offset(-3500, 400)) == (
        "The clock of camera North is at least 3.1 s behind this server's."
    )
