"""Forms of what is recorded around a deployment: equipment and media, loans, disclosures, cards and the review."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils import timezone

from deployments.forms import LocalMomentField
from deployments.models import Disclosure, EquipmentLoan, GoverningDocument, Kit
from deployments.signs import MOST_CARDS


class CardsForm(forms.Form):
    count = forms.IntegerField(label="Cards handed out", min_value=0, max_value=MOST_CARDS)


class KitForm(forms.Form):
    """Equipment or a medium that may hold data."""

    kind = forms.ChoiceField(label="What it is", choices=[("", "Select"), *Kit.Kind.choices])
    description = forms.CharField(max_length=200)
    serial = forms.CharField(label="Serial or asset number", max_length=80)
    lender = forms.CharField(max_length=120, required=False, help_text="For equipment lent by another force only.")


class KitWipedForm(forms.Form):
    wiping = forms.CharField(label="What was wiped and how this was checked", max_length=300)
    witness = forms.CharField(label="Witness", max_length=120)


class ReviewForm(forms.Form):
    review = forms.CharField(
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Whether the objective and conditions were met, what went well and what did not. Do not name anyone.",
    )
    media_used = forms.TypedChoiceField(
        label="Were removable media used?",
        choices=[("", "Select"), ("yes", "Yes: they are on the register"), ("no", "No")],
        coerce=lambda value: value == "yes",
    )


class LoanForm(forms.ModelForm):  # type: ignore[type-arg]
    """Equipment that is lent to another force."""

    class Meta:
        model = EquipmentLoan
        fields = (
            "description",
            "serial",
            "borrower",
            "controller",
            "staff",
            "purpose",
            "agreement",
            "due_back_on",
        )
        widgets: ClassVar[dict[str, Any]] = {"due_back_on": forms.DateInput(attrs={"type": "date"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["agreement"]
        in_force = GoverningDocument.objects.in_force(timezone.localdate())
        field.queryset = in_force.filter(kind=GoverningDocument.Kind.MUTUAL_AID).defer("file")
        field.label, field.empty_label = "Agreement of mutual aid", "Select"

    def _post_clean(self) -> None:
        """Skip model validation: `sharing.lend` checks it, with better messages."""


class DisclosureForm(forms.ModelForm):  # type: ignore[type-arg]
    """Something that was given to somebody outside the force."""

    class Meta:
        model = Disclosure
        fields = ("deployment", "what", "recipient", "purpose", "basis", "disclosed_at")
        help_texts: ClassVar[dict[str, str]] = {
            "what": "For example the record of a deployment, or a possible match held as evidence. Do not name anyone.",
            "recipient": "The organisation and the role, or the case number of the person themselves. Not a name.",
        }

    basis = forms.ChoiceField(choices=[("", "Select"), *Disclosure.Basis.choices])
    disclosed_at = LocalMomentField(label="When")

    def __init__(self, *args: Any, deployments: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["deployment"]
        field.queryset, field.empty_label = deployments, "None in particular"

    def _post_clean(self) -> None:
        """Skip model validation: `sharing.disclose` checks it, with better messages."""
