"""Filters of the list of cases."""

from __future__ import annotations

from django_filters import ChoiceFilter, FilterSet, NumberFilter

from cases.choices import CaseKind
from cases.models import Case
from cases.querysets import CaseQuerySet


class CaseFilter(FilterSet):
    """Filters by number, kind and whether a case is closed."""

    number = NumberFilter(label="Number", min_value=1)
    kind = ChoiceFilter(choices=CaseKind.choices, empty_label="Any")
    show = ChoiceFilter(
        label="Show", choices=[("open", "In progress"), ("closed", "Closed")], method="shown", empty_label="All"
    )

    class Meta:
        model = Case
        fields = ()

    def shown(self, cases: CaseQuerySet, name: str, which: str) -> CaseQuerySet:
        return cases.unfinished() if which == "open" else cases.filter(closed_at__isnull=False)
