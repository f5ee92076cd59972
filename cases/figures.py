"""How many cases there were, how they were answered, and how many in time. No case can be recognised in it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

from django.utils import timezone

from cases import time_limits
from cases.choices import CaseKind, CaseOutcome
from cases.models import Case, CaseState


@dataclass
class KindFigures:
    """The cases of one kind received in one calendar year. late: with a time limit missed, closed or not."""

    year: int
    kind: CaseKind
    received: int = 0
    unfinished: int = 0
    withdrawn: int = 0
    late: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        return self.outcomes.total()

    @property
    def outcome_words(self) -> str:
        """How many had which outcome, in words."""
        found = [
            f"{str(CaseOutcome(outcome).label).lower()}: {count:,}" for outcome, count in sorted(self.outcomes.items())
        ]
        return "; ".join(found) or "–"


def by_year(at: dt.datetime | None = None) -> list[KindFigures]:
    """Return the figures of every year and kind with a case, the last year first."""
    now = at or timezone.now()
    found: dict[tuple[int, str], KindFigures] = {}
    for case in Case.objects.prefetch_related("waits").defer("sealed"):
        year = timezone.localdate(case.received_at).year
        figures = found.setdefault((year, case.kind), KindFigures(year, CaseKind(case.kind)))
        figures.received += 1
        figures.unfinished += not case.is_closed
        figures.withdrawn += case.state == CaseState.WITHDRAWN
        if case.outcome:
            figures.outcomes[case.outcome] += 1
        figures.late += any(limit.is_late(now) for limit in time_limits.limits_of(case, now))
    order = list(CaseKind)
    return sorted(found.values(), key=lambda each: (-each.year, order.index(each.kind)))
