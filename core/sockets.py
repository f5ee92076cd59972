"""The words of the sockets, written once: close codes, live events, and the messages to a camera.

`manage.py write_docs` writes them for the browser as static/js/protocol.js. The agent, which imports no other package,
has its own copy of the final codes; a test compares it with these.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class CloseCode(IntEnum):
    """Why the server closes a socket. Those of 4400 and above are this project's own (RFC 6455, section 7.4.2)."""

    TOO_LARGE = 1009
    NOT_READY = 1013
    MISUSE = 4400
    NOT_SIGNED_IN = 4401
    NOT_ALLOWED = 4403
    NOT_LIVE = 4409
    OVER = 4410
    BUSY = 4423

    @property
    def is_final(self) -> bool:
        """Whether trying again cannot help."""
        return self in (CloseCode.MISUSE, CloseCode.NOT_SIGNED_IN, CloseCode.NOT_ALLOWED, CloseCode.OVER)


class Event(StrEnum):
    """A live event to consoles, handsets and live operations: `{"kind", "id"}`."""

    HELLO = "hello"
    BEAT = "beat"
    ALERT_RAISED = "alert.raised"
    ALERT_SHOT_ADDED = "alert.shot_added"
    ALERT_CHANGED = "alert.changed"
    # To handsets, instead of all of an alert's events: without an id, since it may not be theirs.
    STREET_CHANGED = "street.changed"
    DEPLOYMENT_LIVE = "deployment.live"
    DEPLOYMENT_CHANGED = "deployment.changed"
    DEPLOYMENT_TEST = "deployment.test"
    # Cameras must not be on now: paused, stood down, or a recognition test is over.
    DEPLOYMENT_NOT_LIVE = "deployment.not_live"
    DEPLOYMENT_ENDED = "deployment.ended"


class CameraMessage(StrEnum):
    """The type of a message to a camera, `{"type", …}`."""

    READY = "ready"
    SEND = "send"
    CLOCK = "clock"
    LINE = "line"
    READ = "read"
    DROPPED = "dropped"
    REFUSED_FRAME = "refused_frame"
    PROBLEM = "problem"
    CLOSING = "closing"
