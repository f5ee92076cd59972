"""Filters for the possible matches of a deployment."""

from __future__ import annotations

from django_filters import ChoiceFilter, FilterSet

from alerts.models import Alert
from alerts.querysets import AlertQuerySet
from alerts.states import NEVER_REFERRED, AlertState
from watchlists.choices import Tier

_HIDDEN = {AlertState.BLUE, AlertState.CONTROL}


class AlertFilter(FilterSet):
    """Filters by what is still to record, state and response."""

    show = ChoiceFilter(
        label="Show",
        choices=[("open", "Still open"), ("referred", "Referred to officers")],
        method="shown",
        empty_label="All",
    )
    state = ChoiceFilter(
        choices=[(state.value, state.label) for state in AlertState if state not in _HIDDEN], empty_label="Any"
    )
    tier = ChoiceFilter(label="Response", choices=Tier.choices, empty_label="Any")

    class Meta:
        model = Alert
        fields = ()

    def shown(self, alerts: AlertQuerySet, name: str, which: str) -> AlertQuerySet:
        return alerts.unsettled() if which == "open" else alerts.exclude(state__in=NEVER_REFERRED)
