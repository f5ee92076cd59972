"""The forms of the register of training."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model

from training.models import Task

_DAY = forms.DateInput(attrs={"type": "date"})


class TrainingForm(forms.Form):
    """A course that a user completed."""

    user: Any = forms.ModelChoiceField(label="Person", queryset=None, empty_label="Select")
    task = forms.ChoiceField(label="Trained as", choices=[("", "Select"), *Task.choices])
    course = forms.CharField(max_length=120, help_text="Its title, and who gave it.")
    completed_on = forms.DateField(label="Completed on", widget=_DAY)
    valid_until = forms.DateField(label="Counts until", widget=_DAY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["user"]
        field.queryset = get_user_model().objects.filter(is_active=True).order_by("username")
