"""Filters of the log."""

from __future__ import annotations

import logging


class RefusalsInOneLine(logging.Filter):
    """Drop the stack trace of responses with a 4xx status: a refused request is no fault of the program.

    Django gives each record of a response its `status_code`. Records without one, and those of 5xx, are left whole.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if 400 <= getattr(record, "status_code", 0) < 500:
            record.exc_info = record.exc_text = None
        return True
