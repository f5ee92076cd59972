"""Forms of acts that change the terms of an authority, of the documents it rests on, and of its public notice."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

from deployments.models import Camera, GoverningDocument, PublicNotice
from watchlists.models import OperatingPoint


class ChangeForm(forms.Form):
    """A proposal of another threshold for a deployment."""

    after = forms.ModelChoiceField(
        label="Threshold", queryset=OperatingPoint.objects.none(), empty_label="Select an approved threshold"
    )
    evidence = forms.CharField(
        label="Evidence that the present threshold is wrong for this place",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, before: OperatingPoint | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["after"]
        if before is not None:
            field.queryset = OperatingPoint.objects.filter(engine=before.engine).exclude(pk=before.pk)
        field.label_from_instance = lambda point: f"{point.threshold:.3f}"


class WidenForm(forms.Form):
    """An amendment by which a camera looks at more than was authorised."""

    camera: Any = forms.ModelChoiceField(queryset=Camera.objects.none(), empty_label="Select a camera")
    smallest_face = forms.IntegerField(label="Minimum face width (pixels)", min_value=16, max_value=400, initial=32)
    reason = forms.CharField(label="Why it must look at more", max_length=400)

    def __init__(self, *args: Any, cameras: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["camera"]
        field.queryset = cameras


class GoverningForm(forms.Form):
    """A version of a governing document."""

    kind = forms.ChoiceField(label="Document", choices=[("", "Select"), *GoverningDocument.Kind.choices])
    version = forms.CharField(max_length=40)
    owner = forms.CharField(max_length=120, help_text="The role that answers for it.")
    in_force_from = forms.DateField(label="In force from", widget=forms.DateInput(attrs={"type": "date"}))
    in_force_until = forms.DateField(label="Until", widget=forms.DateInput(attrs={"type": "date"}))
    file = forms.FileField()


class NoticeForm(forms.ModelForm):  # type: ignore[type-arg]
    """Where and when the notice was published."""

    class Meta:
        model = PublicNotice
        fields = ("channel", "address", "published_at")
        widgets: ClassVar[dict[str, Any]] = {
            "published_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        }
