"""Load: whether this machine reads all frames of its cameras, and what it would need to do so."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployments.models import Camera

# If a smaller share than this of the frames due is read, the commander is warned.
FULL_SHARE = 0.85
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Load:
    """Frames that all streaming cameras have due, and frames that are read.

    read, due: frames per second. workers: recognition workers, one per core.
    """

    read: float
    due: float
    cameras: int
    workers: int

    @property
    def is_saturated(self) -> bool:
        """Whether the cameras have more frames due than the workers read."""
        return self.due > 0 and self.read < FULL_SHARE * self.due

    @property
    def cameras_borne(self) -> int:
        """The number of cameras that this machine can read in full at their present rate."""
        return max(int(self.cameras * self.read / self.due), 1) if self.due else self.cameras

    @property
    def cores_missing(self) -> int:
        """The number of additional workers, each on its own core, needed to read everything."""
        if self.read <= 0:
            return 0
        return max(math.ceil(self.workers * self.due / self.read) - self.workers, 1)

    @property
    def sentence(self) -> str:
        """Return the load in a sentence with figures."""
        return (
            f"This machine reads {self.read:.0f} of {self.due:.0f} frames per second, enough for "
            f"{_count(self.cameras_borne, 'camera')} at this rate. "
            f"{'It needs' if self.cameras == 1 else f'All {_word(self.cameras)} need'} "
            f"{_count(self.cores_missing, 'more core')}."
        )


def load_of(cameras: Iterable[Camera], workers: int) -> Load | None:
    """Return the load of those cameras that are limited by the workers; None if there are none.

    Cameras with a slow connection (`Camera.is_line_slow`) are left out: more workers would not help them.
    """
    streaming = [camera for camera in cameras if camera.is_streaming and not camera.is_line_slow]
    if not streaming:
        return None
    read = sum(camera.rate_now or 0.0 for camera in streaming)
    due = sum(camera.due_rate_now for camera in streaming)
    return Load(read, due, len(streaming), max(workers, 1))


def _count(number: int, noun: str) -> str:
    return f"{_word(number)} {noun}{'' if number == 1 else 's'}"


def _word(number: int) -> str:
    return _WORDS[number] if number < len(_WORDS) else str(number)
