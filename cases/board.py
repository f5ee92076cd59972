"""Cases by what has to be done next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cases import time_limits
from cases.models import Case
from cases.time_limits import TimeLimit


@dataclass(frozen=True)
class CaseRow:
    """A case with what has to be done next; limit: None once nothing has to be. style: of its badge."""

    case: Case
    limit: TimeLimit | None
    words: str
    style: str


def by_urgency(cases: Iterable[Case], at: dt.datetime) -> list[CaseRow]:
    """Return cases with what is next: those in progress first, by when it is due; closed ones by number."""
    return sorted((_row(case, at) for case in cases), key=_urgency)


def in_progress(at: dt.datetime) -> list[CaseRow]:
    """Return the cases that are not closed."""
    return by_urgency(Case.objects.unfinished().prefetch_related("waits").defer("sealed"), at)


def _row(case: Case, at: dt.datetime) -> CaseRow:
    limit = None if case.is_closed else time_limits.next_of(case, at)
    return CaseRow(case, limit, limit.words(at) if limit else "", limit.style(at) if limit else "")


def _urgency(row: CaseRow) -> tuple[bool, bool, Any, int]:
    due = row.limit.due if row.limit is not None else None
    return row.case.is_closed, due is None, due or 0, -row.case.number
