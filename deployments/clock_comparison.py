"""Comparison of the clocks that a period relies on with this server's clock."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import connection

from deployments import offsets
from deployments.models import Period
from deployments.offsets import Offset

# How long a comparison of clocks stays valid.
HOLDS = dt.timedelta(hours=1)
# A slow connection makes a comparison uncertain; one that is more uncertain than this is refused.
MOST_UNCERTAIN_MS = 30_000
FIELDS = (
    "clock_checked_at",
    "device_offset_ms",
    "device_uncertainty_ms",
    "database_offset_ms",
    "database_uncertainty_ms",
)


def database_offset() -> Offset:
    """Measure the database's clock.

    Raises:
        deployments.offsets.ClockMoved: this server's clock was set during every measurement.
    """
    return offsets.measure(_database_ms)


def _database_ms() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp()) * 1000")
        return float(cursor.fetchone()[0])


def finding(period: Period, now: dt.datetime) -> tuple[bool, str]:
    """Return whether every clock is close enough to this server's, and a sentence that says so."""
    at, device, database = period.clock_checked_at, period.device_offset, period.database_offset
    # While a period is running, the system itself watches for a clock that jumps.
    is_old = at is None or (now - at > HOLDS and not period.is_running)
    if is_old or device is None or database is None:
        return False, "The clocks have not been compared in the last hour."
    people = {"the commander's device": device, "the database": database}
    cameras = _camera_offsets(period, now)
    wrong = [
        *(f"{offsets.beyond(*each)} Correct it and compare again." for each in people.items() if _is_far(each[1])),
        *(f"{offsets.beyond(*each)} {_CAMERA_AGAIN}" for each in cameras.items() if _is_far(each[1])),
    ]
    return not wrong, " ".join(wrong) or offsets.within(people | cameras)


_CAMERA_AGAIN = "Correct it. It is compared again while the camera is connected."


def _is_far(offset: Offset) -> bool:
    """Return whether a clock is wrong by more than the tolerance, even allowing for a slow connection."""
    return offsets.excess(offset) > settings.LFR_CLOCK_TOLERANCE_MS


def _camera_offsets(period: Period, now: dt.datetime) -> dict[str, Offset]:
    """Return the offsets of cameras measured within HOLDS; other cameras do not fail the check."""
    lately = period.cameras.filter(clock_checked_at__gt=now - HOLDS)
    found = ((f"camera {camera.name}", camera.clock_offset) for camera in lately)
    return {name: offset for name, offset in found if offset is not None}
