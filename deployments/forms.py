"""What people type about deployments."""

from __future__ import annotations

from typing import Any

from django import forms

from deployments.models import Camera, Deployment
from deployments.operations import NewCamera
from watchlists.models import Watchlist


class DeploymentForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Deployment
        fields = ("name", "place", "purpose", "starts_at", "ends_at", "watchlist")
        widgets = {
            "purpose": forms.Textarea(attrs={"rows": 4}),
            "starts_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
            "ends_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sealed: Any = self.fields["watchlist"]
        sealed.queryset = Watchlist.objects.filter(state=Watchlist.State.SEALED)
        sealed.empty_label = "Choose a sealed watchlist"


class CameraForm(forms.Form):
    """One camera; an empty name means none."""

    name = forms.CharField(max_length=80, required=False)
    kind = forms.ChoiceField(choices=Camera.Kind.choices)
    smallest_face = forms.IntegerField(
        label="Smallest face (pixels)", min_value=16, max_value=400, initial=32, required=False
    )


CameraFormSet = forms.formset_factory(CameraForm, extra=3, max_num=12, absolute_max=12)


def cameras_of(formset: Any) -> list[NewCamera]:
    """The cameras that were named."""
    return [
        NewCamera(form.cleaned_data["name"], form.cleaned_data["kind"], form.cleaned_data.get("smallest_face") or 32)
        for form in formset
        if form.cleaned_data.get("name")
    ]
