"""What an act answers when it is not done. Messages are for the person who tried."""

from __future__ import annotations


class Refused(Exception):
    """The act is not possible as asked; nothing was changed. The message says why and what to do."""


class Conflict(Refused):
    """Somebody or something else was first; nothing was changed."""
