"""What people type about people and lists."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from recognition.imaging import UnreadableImage
from watchlists.enrolment import Enrolment, FaceChoice, read_photograph
from watchlists.models import Category, Person, Watchlist


class WatchlistForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Watchlist
        fields = ("name", "purpose")
        widgets = {"purpose": forms.Textarea(attrs={"rows": 3})}


class PhotographForm(forms.Form):
    """A photograph, and which of its faces is meant (counted from the left) when there are several."""

    photograph = forms.FileField(
        help_text="JPEG, PNG, WebP, TIFF or BMP, up to 20 MB: one face, from the front, sharp and well lit.",
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )
    face = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    enrolment: Enrolment

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.faces: list[list[float]] = []

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        upload = cleaned.get("photograph")
        if isinstance(upload, UploadedFile):
            try:
                self.enrolment = read_photograph(upload.read(), cleaned.get("face"))
            except UnreadableImage as error:
                self.add_error("photograph", str(error))
            except FaceChoice as error:
                self.faces = error.faces
                self.add_error("photograph", str(error))
        return cleaned


class PersonForm(PhotographForm):
    """A person to add to a list, with the photograph they are looked for by."""

    name = forms.CharField(max_length=120)
    reference = forms.CharField(
        label="Nominal reference", max_length=40, help_text=Person._meta.get_field("reference").help_text
    )
    category = forms.ChoiceField(choices=[("", "Choose the lawful ground"), *Category.choices])
    reason = forms.CharField(label="Why sought", max_length=300, help_text=Person._meta.get_field("reason").help_text)
    field_order = ("photograph", "face", "name", "reference", "category", "reason")


class HeldPerson(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}, {obj.reference}"


class HeldPersonForm(forms.Form):
    """Somebody held already, who is not on this list."""

    person = HeldPerson(queryset=Person.objects.none(), label="Person", empty_label="Choose")

    def __init__(self, *args: Any, watchlist: Watchlist, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["person"]
        choice.queryset = Person.objects.exclude(entries__watchlist=watchlist)


class ReasonForm(forms.Form):
    """The reason of a decision."""

    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
