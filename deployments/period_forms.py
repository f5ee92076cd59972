"""Forms of what is recorded for a period before its cameras are on: watchlists, signs, briefing, officers, passes."""

from __future__ import annotations

from typing import Any

from django import forms

from deployments import signs
from deployments.models import Period
from deployments.signs import FURTHEST_M
from watchlists.models import Watchlist


class ListForm(forms.Form):
    """A choice of sealed watchlist for a period, or of its blue watchlist."""

    watchlist = forms.ModelChoiceField(queryset=Watchlist.objects.none(), empty_label="Select a sealed watchlist")

    def __init__(self, *args: Any, is_blue: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sealed = Watchlist.objects.filter(state=Watchlist.State.SEALED, is_blue=is_blue)
        field: Any = self.fields["watchlist"]
        field.queryset = sealed.filter(periods__isnull=True, blue_periods__isnull=True)
        field.label = "Blue watchlist" if is_blue else "Watchlist"


class SignForm(forms.Form):
    """A sign that is up on one of the approaches of a period."""

    approach = forms.ChoiceField()
    place = forms.CharField(label="Location of the sign", max_length=200)
    distance_m = forms.IntegerField(label="Metres from the zone", min_value=0, max_value=FURTHEST_M)
    photograph = forms.FileField(label="Photograph of the sign", help_text="Faces in it are made unrecognisable.")

    def __init__(self, *args: Any, period: Period, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["approach"]
        unsigned = signs.missing(period)
        field.choices = [(each, each) for each in [*unsigned, *(a for a in period.approach_list if a not in unsigned)]]


class BriefingForm(forms.Form):
    briefing = forms.CharField(label="What was briefed and by whom", max_length=400)


class OfficersForm(forms.Form):
    count = forms.IntegerField(label="Officers present", min_value=0, max_value=1000)


class PassForm(forms.Form):
    """The camera and the member of staff of one pass."""

    camera = forms.UUIDField()
    person = forms.UUIDField()
