"""Filters of the list of cases."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.forms import HiddenInput
from django_filters import ChoiceFilter, FilterSet, NumberFilter

from cases.choices import CaseKind
from cases.models import Case
from cases.querysets import CaseQuerySet


class CaseFilter(FilterSet):
    """Filters by number, kind and whether a case is closed."""

    number = NumberFilter(label="Number", min_value=1)
    kind = ChoiceFilter(choices=CaseKind.choices, empty_label="Any")
    show = ChoiceFilter(label="Show", choices=[("closed", "Closed")], method="shown", widget=HiddenInput)

    class Meta:
        model = Case
        fields = ()

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found = super().filter_queryset(queryset)
        wanted = self.form.cleaned_data
        return found if wanted.get("show") or wanted.get("number") else found.filter(closed_at__isnull=True)

    def shown(self, cases: CaseQuerySet, name: str, which: str) -> CaseQuerySet:
        return cases.filter(closed_at__isnull=False)
