"""Typed messages from workers and the frame queue to a camera's socket. They travel as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

# Messages shown to the sender.
NOT_LIVE = "The deployment is not live. Cameras are off."
NOT_READY = "The system is not ready."
TOO_LATE = "A frame was not processed in time."
NO_BROKER = "The message broker is not responding."
NO_WORKER = "No recognition worker is responding."


@dataclass(frozen=True)
class Send:
    """The camera may send its newest picture."""


@dataclass(frozen=True)
class FrameRead:
    """A frame was read. It says where faces are and how many are new, not who anybody is.

    boxes: left, top, width, height as shares of the frame's width and height. engine_ms: without raising alerts. light:
    brightness and sharpness, once a second.
    """

    frame: int
    boxes: list[list[float]]
    new_faces: int
    engine_ms: float
    light: tuple[float, float] | None = None


@dataclass(frozen=True)
class FrameRefused:
    """The frame cannot be used, for a reason that its sender can change."""

    frame: int
    reason: str


@dataclass(frozen=True)
class FrameFailed:
    """The frame could not be read, for a reason on this side."""

    frame: int
    reason: str


@dataclass(frozen=True)
class NotLiveAnswer:
    """The camera's deployment is not live now."""


Answer = Send | FrameRead | FrameRefused | FrameFailed | NotLiveAnswer
_TYPES: dict[str, type[Answer]] = {
    "send": Send,
    "read": FrameRead,
    "refused": FrameRefused,
    "failed": FrameFailed,
    "not_live": NotLiveAnswer,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}


def packed(answer: Answer) -> str:
    """Return the answer as JSON."""
    return json.dumps({"type": _NAMES[type(answer)], **asdict(answer)}, separators=(",", ":"))


def unpacked(text: str | bytes) -> Answer:
    """Return the answer of a JSON text.

    Raises:
        KeyError, TypeError: the text is no answer; only a worker of another version sends one.
    """
    fields = json.loads(text)
    if fields.get("light") is not None:
        fields["light"] = tuple(fields["light"])
    return _TYPES[fields.pop("type")](**fields)
