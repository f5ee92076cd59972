"""Filters for the people on a list and for the lines of an import."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django_filters import CharFilter, ChoiceFilter, FilterSet

from watchlists import operations
from watchlists.choices import Category, Tier
from watchlists.models import Flag, ImportRow, Person
from watchlists.querysets import PersonQuerySet

EXPIRING_WITHIN = dt.timedelta(days=7)


class PersonFilter(FilterSet):
    """Filters by name or reference, category, response, and what is still to do."""

    q = CharFilter(label="Name or reference", method="matching", max_length=100)
    category = ChoiceFilter(choices=Category.choices, empty_label="Any")
    tier = ChoiceFilter(label="Response", choices=Tier.choices, empty_label="Any")
    show = ChoiceFilter(
        label="Show",
        choices=[
            ("flagged", "With open flags"),
            ("unchecked", "Not confirmed within 24 hours"),
            ("minors", "Under 18"),
            ("expiring", "Sought until a date in the next 7 days"),
        ],
        method="shown",
        empty_label="Everyone",
    )
    flag = ChoiceFilter(
        label="Flag", field_name="flags__kind", choices=Flag.Kind.choices, empty_label="Any", distinct=True
    )

    class Meta:
        model = Person
        fields = ()

    def matching(self, people: PersonQuerySet, name: str, words: str) -> PersonQuerySet:
        return people.matching(words)

    def shown(self, people: PersonQuerySet, name: str, which: str) -> PersonQuerySet:
        if which == "flagged":
            return people.flagged()
        if which == "unchecked":
            return people.not_current(timezone.now() - operations.CURRENT_FOR)
        if which == "minors":
            return people.filter(pk__in=[person.pk for person in people.perhaps_minors() if person.is_minor()])
        return people.filter(expires_on__lte=timezone.localdate() + EXPIRING_WITHIN)


class ImportRowFilter(FilterSet):
    """Filters by what becomes of a line."""

    verdict = ChoiceFilter(choices=ImportRow.Verdict.choices, empty_label="Every line")

    class Meta:
        model = ImportRow
        fields = ()
