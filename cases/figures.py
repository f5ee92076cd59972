"""How many cases there were, how they were answered, and how many in time."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

from django.db.models import Count
from django.db.models.functions import ExtractYear
from django.utils import timezone

from cases import time_limits
from cases.choices import OF_OWN_DATA, CaseKind, CaseOutcome
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

    @property
    def public_outcome_words(self) -> str:
        """The same for the public: of requests about one's own data, nothing.

        Whoever asked could otherwise see, from the page before and after their letter, what it may not tell.
        """
        return "not published" if self.kind in OF_OWN_DATA else self.outcome_words


def by_year(at: dt.datetime | None = None) -> list[KindFigures]:
    """Return the figures of every year and kind with a case, the last year first."""
    now = at or timezone.now()
    found: dict[tuple[int, str], KindFigures] = {}

    def of(year: int, kind: str) -> KindFigures:
        return found.setdefault((year, kind), KindFigures(year, CaseKind(kind)))

    closed = Case.objects.filter(closed_at__isnull=False).order_by()
    rows = closed.annotate(year=ExtractYear("received_at")).values_list("year", "kind", "state", "outcome", "was_late")
    for year, kind, state, outcome, was_late, count in rows.annotate(count=Count("pk")):
        figures = of(year, kind)
        figures.received += count
        figures.withdrawn += count if state == CaseState.WITHDRAWN else 0
        figures.late += count if was_late else 0
        if outcome:
            figures.outcomes[outcome] += count
    for case in Case.objects.unfinished().prefetch_related("waits").defer("sealed"):
        figures = of(timezone.localdate(case.received_at).year, case.kind)
        figures.received += 1
        figures.unfinished += 1
        figures.late += time_limits.was_late(case, now)
    order = list(CaseKind)
    return sorted(found.values(), key=lambda each: (-each.year, order.index(each.kind)))
