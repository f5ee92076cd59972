"""Filters for the audit log."""

from __future__ import annotations

from django.forms import DateInput
from django_filters import CharFilter, ChoiceFilter, DateFilter, FilterSet

from audit.actions import Action, Verb
from audit.models import Entry, EntryQuerySet

_ACTIONS = sorted(Action.choices, key=lambda choice: str(choice[1]))


class EntryFilter(FilterSet):
    """Filters by words, action, verb of section 62, and day."""

    q = CharFilter(label="User, action, record or ID", method="matching", max_length=100)
    action = ChoiceFilter(choices=_ACTIONS, empty_label="Any")
    verb = ChoiceFilter(choices=Verb.choices, empty_label="Any")
    since = DateFilter(field_name="at", lookup_expr="date__gte", label="From", widget=DateInput({"type": "date"}))
    until = DateFilter(field_name="at", lookup_expr="date__lte", label="To", widget=DateInput({"type": "date"}))

    class Meta:
        model = Entry
        fields = ()

    def matching(self, entries: EntryQuerySet, name: str, words: str) -> EntryQuerySet:
        return entries.matching(words.strip())
