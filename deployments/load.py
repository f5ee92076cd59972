"""Load: whether the machine reads all frames of its cameras, and what it would need to."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployments.models import Camera

# Below this share of the pictures due, cameras are held back and somebody is told.
FULL_SHARE = 0.85
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Load:
    """Frames that all streaming cameras have, and frames that are read.

    read, due: frames a second. workers: recognition workers, one a core.
    """

    read: float
    due: float
    cameras: int
    workers: int

    @property
    def is_saturated(self) -> bool:
        """Whether cameras have more frames than the workers read."""
        return self.due > 0 and self.read < FULL_SHARE * self.due

    @property
    def cameras_borne(self) -> int:
        """How many cameras the machine reads in full at their present rate."""
        return max(int(self.cameras * self.read / self.due), 1) if self.due else self.cameras

    @property
    def cores_missing(self) -> int:
        """How many more workers, each on its own core, would read everything."""
        if self.read <= 0:
            return 0
        return max(math.ceil(self.workers * self.due / self.read) - self.workers, 1)

    @property
    def sentence(self) -> str:
        """Return the load in a sentence with figures."""
        return (
            f"This machine reads {self.read:.0f} of {self.due:.0f} frames a second: enough for "
            f"{_count(self.cameras_borne, 'camera')} at this rate. "
            f"{'It needs' if self.cameras == 1 else f'All {_word(self.cameras)} need'} "
            f"{_count(self.cores_missing, 'more core')}."
        )


def load_of(cameras: Iterable[Camera], workers: int) -> Load | None:
    """The load of these cameras, as far as they wait for the workers; None while none of them streams.

    A camera whose line is what is slow (`Camera.is_line_slow`) is left out: more workers would not help it.
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
