"""The messages about cameras that have more frames than the machine can process."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from deployments.load import Load, load_of
from deployments.models import Camera


def _camera(rate: float, due: float, wait_ms: int = 0, line_ms: int = 0, *, silent: bool = False) -> Camera:
    seen = timezone.now() - (dt.timedelta(minutes=1) if silent else dt.timedelta(0))
    return Camera(
        last_seen_at=seen,
        rate_now=rate,
        due_rate_now=due,
        dropped_now=1 - rate / due,
        turn_wait_now_ms=wait_ms,
        line_now_ms=line_ms,
    )


def test_saturation_is_reported_in_figures() -> None:
    load = load_of([_camera(1.7, 5, 400) for _ in range(10)], workers=2)
    assert load is not None
    assert load.is_saturated
    assert load.sentence == (
        "This machine reads 17 of 50 frames per second, enough for three cameras at this rate. "
        "All ten need four more cores."
    )


def test_one_camera_and_one_core_are_singular() -> None:
    sentence = Load(read=4, due=5.5, cameras=1, workers=2).sentence
    assert "enough for one camera at this rate. It needs one more core." in sentence


@pytest.mark.parametrize(
    ("cameras", "saturated"),
    [
        ([(5, 5)], False),
        ([(4.4, 5, 100)], False),
        ([(2, 5, 300)], True),
        # A camera on a slow line does not need more cores.
        ([(2, 5, 20, 600), (5, 5)], False),
    ],
)
def test_only_cameras_that_wait_for_workers_count(cameras: list[tuple[float, ...]], saturated: bool) -> None:
    load = load_of([_camera(*each) for each in cameras], workers=2)  # type: ignore[arg-type]
    assert load is not None
    assert load.is_saturated is saturated


def test_no_camera_streams() -> None:
    assert load_of([], workers=2) is None
    assert load_of([_camera(5, 5, silent=True)], workers=2) is None


@pytest.mark.parametrize(
    ("camera", "says"),
    [
        ((1.7, 5, 400), "Machine at capacity: 1.7 of 5.0 frames per second read"),
        ((2, 5, 20, 600), "Slow connection: 2.0 of 5.0 frames per second read"),
        ((3, 5), "40% of frames lost"),
    ],
)
def test_a_camera_reports_why_few_of_its_frames_are_processed(camera: tuple[float, ...], says: str) -> None:
    assert says in _camera(*camera).warnings  # type: ignore[arg-type]
