"""The parts that documents are made of: sections, tables, and how values are written in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils import timezone

from deployments.models import Deployment


@dataclass(frozen=True)
class Section:
    """A section of a document: text, named values, a table whose first row is the header, and plans.

    numeric: the columns of the table that hold numbers, which are set to the right. after: text below the table.
    """

    heading: str
    text: str = ""
    rows: Sequence[tuple[str, str]] = ()
    table: Sequence[Sequence[str]] = ()
    numeric: Sequence[int] = ()
    after: str = ""
    plans: Sequence[dict[str, Any]] = field(default_factory=list)
    # The file of a picture beside the rows, in the folder; empty for none.
    picture: str = ""
    # The file of a chart above the table, across the page; empty for none.
    chart: str = ""


@dataclass(frozen=True)
class Content:
    """The content of one kind of document: named facts, then sections. The folder is for pictures of plans."""

    facts: Callable[[Deployment], Sequence[tuple[str, str]]]
    sections: Callable[[Deployment, Path], Iterable[Section]]


# Begins the first cell of a line that is a part of a line above it.
PART = "\u2003"


def table(
    title: str,
    head: Sequence[str],
    lines: Sequence[Sequence[str]],
    *,
    none: str = "",
    numeric: Sequence[int] = (),
    after: str = "",
) -> Section:
    """Return a section with a table, or with the text `none` if there are no lines."""
    return Section(title, table=[head, *lines], numeric=numeric, after=after) if lines else Section(title, none)


def span(time: dt.timedelta) -> str:
    """Return a time in words."""
    minutes = round(time.total_seconds() / 60)
    if not minutes:
        return "moments"
    return f"{minutes // 60} hours" if minutes % 60 == 0 else f"{minutes} minutes"


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun. many: the plural, if it is not made with "s"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def broken(digest: str) -> str:
    """Return a digest with zero-width spaces, at which a line can break."""
    return "\u200b".join(digest[start : start + 16] for start in range(0, len(digest), 16))


def moment(at: dt.datetime | None) -> str:
    """Return a time with its date and zone."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    # The zone is needed: when the clocks go back, one hour occurs twice.
    return f"{local.day} {local:%B %Y, %H:%M %Z}"


def day(date: dt.date | None) -> str:
    """Return a date."""
    return f"{date.day} {date:%B %Y}" if date else "–"


def person(user: Any) -> str:
    """Return a user as documents name them."""
    return str(user) if user is not None else "–"
