"""Logging filters."""

from __future__ import annotations

import logging


class RefusalsInOneLine(logging.Filter):
    """Drop the stack trace of responses with a 4xx status: a refused request is not a program error.

    Django gives each record of a response its `status_code`. Records without one or with 5xx are left unchanged.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if 400 <= getattr(record, "status_code", 0) < 500:
            record.exc_info = record.exc_text = None
        return True
