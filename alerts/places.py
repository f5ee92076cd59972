"""Where in a camera's picture a face is, to tell a poster that is matched again from a person elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

# Two boxes are at the same place if their centres are at most this far apart, in widths and heights of the larger one.
NEAR = 0.75
# And if neither is more than this many times as large as the other: somebody nearer to the camera is somebody else.
SAME_SIZE = 1.6
# A region is grown on each side by this share of the box, because detected boxes of one object differ a little.
MARGIN = 0.5


@dataclass(frozen=True)
class Place:
    """A rectangle in a picture, as shares of the picture's width and height."""

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def of_box(cls, box: Sequence[float], frame_width: int, frame_height: int) -> Place:
        """Return the place of a box. box: left, top, width, height, in pixels like the frame's size."""
        left, top, width, height = box
        return cls(left / frame_width, top / frame_height, width / frame_width, height / frame_height)

    def as_list(self) -> list[float]:
        return [round(value, 4) for value in astuple(self)]

    def as_percent(self) -> dict[str, float]:
        return {name: round(100 * value, 1) for name, value in vars(self).items()}

    def is_near(self, other: Place) -> bool:
        """Return whether a face of about the same size is at the same place."""
        width, height = max(self.width, other.width), max(self.height, other.height)
        across = abs((self.left + self.width / 2) - (other.left + other.width / 2))
        down = abs((self.top + self.height / 2) - (other.top + other.height / 2))
        is_same_size = max(width / min(self.width, other.width), height / min(self.height, other.height)) <= SAME_SIZE
        return is_same_size and across <= NEAR * width and down <= NEAR * height

    def holds(self, other: Place) -> bool:
        """Return whether another rectangle lies completely in this one."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and other.left + other.width <= self.left + self.width
            and other.top + other.height <= self.top + self.height
        )


def region_around(face: Place, others: Iterable[Place]) -> Place:
    """Return the part of the picture around a face and the others at the same place, within the picture's edges."""
    near = [face, *(each for each in others if each.is_near(face))]
    left = min(each.left - MARGIN * each.width for each in near)
    top = min(each.top - MARGIN * each.height for each in near)
    right = max(each.left + (1 + MARGIN) * each.width for each in near)
    bottom = max(each.top + (1 + MARGIN) * each.height for each in near)
    left, top = max(left, 0.0), max(top, 0.0)
    return Place(left, top, min(right, 1.0) - left, min(bottom, 1.0) - top)
