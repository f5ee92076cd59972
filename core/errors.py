"""The errors of an act that was not done. Their messages are for the person who tried."""

from __future__ import annotations


class Refused(Exception):
    """The act is not possible as requested and nothing was changed. The message says why and what to do."""


class Conflict(Refused):
    """Another person or process acted first and nothing was changed."""
