"""Filters for the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.forms import CheckboxInput, DateInput, Form
from django_filters import BooleanFilter, CharFilter, ChoiceFilter, DateFilter, FilterSet, ModelChoiceFilter

from audit.actions import Action, Verb
from audit.models import Entry, EntryQuerySet
from deployments.models import Deployment
from reports.audit_log import OF_MACHINES, about_deployment, about_list
from watchlists.models import Watchlist

_ACTIONS = sorted(Action.choices, key=lambda choice: str(choice[1]))


class _EntryForm(Form):
    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("since") and given.get("until") and given["until"] < given["since"]:
            self.add_error("until", "Enter a day that is not before “From”.")
        return given


class EntryFilter(FilterSet):
    """Filters by who acted, what they did, to what and when. All of them are combined."""

    q = CharFilter(label="Words, or an ID", method="matching", max_length=100)
    actor = ModelChoiceFilter(
        label="User", queryset=get_user_model().objects.order_by("username"), empty_label="Anyone", method="by_user"
    )
    role = ModelChoiceFilter(
        label="Role held then", queryset=Group.objects.order_by("name"), empty_label="Any", method="by_role"
    )
    action = ChoiceFilter(choices=_ACTIONS, empty_label="Any")
    verb = ChoiceFilter(choices=Verb.choices, empty_label="Any")
    deployment = ModelChoiceFilter(
        label="Deployment",
        queryset=Deployment.objects.order_by("-created_at"),
        empty_label="Any",
        method="on_deployment",
    )
    watchlist = ModelChoiceFilter(
        label="Watchlist", queryset=Watchlist.objects.order_by("-created_at"), empty_label="Any", method="on_watchlist"
    )
    record = CharFilter(label="One record, by name or ID", method="on_record", max_length=100)
    since = DateFilter(field_name="at", lookup_expr="date__gte", label="From", widget=DateInput({"type": "date"}))
    until = DateFilter(field_name="at", lookup_expr="date__lte", label="To", widget=DateInput({"type": "date"}))
    machines = BooleanFilter(label="With machines’ rows", widget=CheckboxInput, method="with_machines")

    class Meta:
        model = Entry
        fields = ()
        form = _EntryForm

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found = super().filter_queryset(queryset)
        wanted = self.form.cleaned_data
        is_asked_for = wanted.get("machines") or wanted.get("action") in OF_MACHINES
        return found if is_asked_for else found.exclude(action__in=OF_MACHINES)

    def matching(self, entries: EntryQuerySet, name: str, words: str) -> EntryQuerySet:
        return entries.matching(words.strip())

    def by_user(self, entries: EntryQuerySet, name: str, user: Any) -> EntryQuerySet:
        return entries.filter(actor_id=str(user.pk))

    def by_role(self, entries: EntryQuerySet, name: str, role: Group) -> EntryQuerySet:
        return entries.filter(roles__contains=[role.name])

    def on_deployment(self, entries: EntryQuerySet, name: str, deployment: Deployment) -> EntryQuerySet:
        return entries.filter(about_deployment(deployment))

    def on_watchlist(self, entries: EntryQuerySet, name: str, watchlist: Watchlist) -> EntryQuerySet:
        return entries.filter(about_list(watchlist))

    def on_record(self, entries: EntryQuerySet, name: str, words: str) -> EntryQuerySet:
        return entries.filter(Q(target_id=words.strip()) | Q(target__iexact=words.strip()))

    def with_machines(self, entries: EntryQuerySet, name: str, wanted: bool) -> EntryQuerySet:
        return entries
