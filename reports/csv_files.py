"""CSV as this system writes it: a header, times in ISO 8601 with their offset, no cell that is a formula."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable

from django.utils import timezone


def iso(moment: dt.datetime | None) -> str:
    """Return a time in ISO 8601 with its offset; empty for none."""
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else ""


def csv_text(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a CSV file as text."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(header)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return stream.getvalue()


def _harmless(value: object) -> object:
    """Return a cell that no spreadsheet treats as a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
