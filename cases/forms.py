"""Forms of cases."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone

from alerts.models import Alert
from cases.choices import ON_A_GROUND, OUTCOMES, CaseKind, Channel, Ground, IdentityProof, WaitFor
from cases.content import CaseContent, Found
from cases.models import Case
from deployments.forms import LocalMomentField
from deployments.models import Deployment

_WORDS = 8000
ADVICE = {
    CaseKind.ACCESS: "Somebody asks whether they are or were on a list, or what is held about them.",
    CaseKind.RECTIFICATION: "Somebody says that data about them are wrong.",
    CaseKind.ERASURE: "Somebody asks for data about them to be erased.",
    CaseKind.COMPLAINT: "Somebody complains about a deployment, an engagement or how their data are used.",
    CaseKind.BREACH: "Personal data were lost, altered, disclosed or read without authority.",
    CaseKind.FOI: "Somebody asks for recorded information that is not about themselves.",
}


def _choices(of: Any) -> list[tuple[str, str]]:
    return [("", "Select"), *of.choices]


def _text(label: str, rows: int = 4, help_text: str = "", *, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=_WORDS,
        required=required,
        widget=forms.Textarea({"rows": rows}),
        help_text=help_text,
        error_messages={"required": f"Enter: {label.lower()}."},
    )


def _day(label: str, help_text: str = "") -> forms.DateField:
    return forms.DateField(
        label=label,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        initial=timezone.localdate,
        help_text=help_text,
        error_messages={"required": "Enter the day.", "invalid": "Enter a date, such as 2026-11-30."},
    )


def _deployments() -> forms.ModelChoiceField:  # type: ignore[type-arg]
    return forms.ModelChoiceField(
        label="Deployment",
        queryset=Deployment.objects.order_by("-created_at"),
        required=False,
        empty_label="Not known, or none in particular",
    )


class OpenCaseForm(forms.Form):
    """A request or a complaint, as it arrived."""

    received_on = _day("Received on", "The time limits count from this day.")
    channel = forms.ChoiceField(
        label="How it arrived",
        choices=[each for each in _choices(Channel) if each[0] != Channel.FORCE],
        error_messages={"required": "Select how it arrived."},
    )
    name = forms.CharField(
        label="Name of the person", max_length=200, error_messages={"required": "Enter the name of the person."}
    )
    contact = _text("How to reach them", 3, "The address for letters, or an email address.")
    request = _text("What they ask", 6, "In their words, with the day and the place if they say them.")
    deployment = _deployments()

    def received_at(self) -> dt.datetime:
        return timezone.make_aware(dt.datetime.combine(self.cleaned_data["received_on"], dt.time.min))

    def about(self) -> CaseContent:
        given = self.cleaned_data
        return CaseContent(given["name"], given["contact"], given["request"])


class OpenBreachForm(forms.Form):
    """A personal data breach, as the force became aware of it."""

    aware_at = LocalMomentField(
        label="When the force became aware",
        help_text="The 72 hours count from this moment.",
        error_messages={"required": "Enter when the force became aware."},
    )
    channel = forms.ChoiceField(
        label="How it was found",
        choices=_choices(Channel),
        initial=Channel.FORCE,
        error_messages={"required": "Select how it was found."},
    )
    facts = _text("What happened", 6, "Which data, of whom and of how many people, and when. Name nobody.")
    effects = _text("Effects", 3, "What it means for the people whose data these are.", required=False)
    deployment = _deployments()

    def received_at(self) -> dt.datetime:
        found: dt.datetime = self.cleaned_data["aware_at"]
        return found

    def about(self) -> CaseContent:
        return CaseContent(request=self.cleaned_data["facts"], effects=self.cleaned_data["effects"])


class NoteForm(forms.Form):
    words = _text("Note", 3, "Kept with the case; never sent.")


class IdentityForm(forms.Form):
    proof = forms.ChoiceField(
        label="How identity was established",
        choices=_choices(IdentityProof),
        error_messages={"required": "Select how identity was established."},
    )
    on = _day("On")


class AskForm(forms.Form):
    """What the person must send. Proof of identity is offered where it is needed."""

    wanted = forms.ChoiceField(
        label="What you need", choices=_choices(WaitFor), error_messages={"required": "Select what you need."}
    )
    words = _text("Letter", 4, "What the person must send, and where to. The system adds what it means for the time.")

    def __init__(self, *args: Any, case: Case, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not case.is_of_own_data or case.identity_on is not None:
            field: Any = self.fields["wanted"]
            field.choices = [each for each in _choices(WaitFor) if each[0] != WaitFor.IDENTITY]


class ResumeForm(forms.Form):
    on = _day("Reply received on")
    words = _text("What the person replied", 4)


class AcknowledgeForm(forms.Form):
    words = _text("Letter", 4, "The system adds the day of receipt and by when the answer comes.")


class ExtendForm(forms.Form):
    words = _text("Letter: why more time is needed", 4, "The system adds the new last day and the right to complain.")


class ReportForm(forms.Form):
    at = LocalMomentField(label="When", error_messages={"required": "Enter when the Commissioner was told."})
    words = _text("Reference, and why it is late if it is", 3)


class TellForm(forms.Form):
    words = _text("How many people were told, and how", 3)


class WithdrawForm(forms.Form):
    words = _text("Why the case ends without an answer", 2)


class SearchForm(forms.Form):
    """Whom to search for."""

    reference = forms.CharField(
        label="Nominal reference",
        max_length=40,
        help_text="Lists, imports, possible matches, evidence and past lists.",
        error_messages={"required": "Enter the nominal reference."},
    )
    name = forms.CharField(
        label="Name (optional)",
        max_length=200,
        required=False,
        help_text="Found where names still are: not on past lists.",
    )


class DeploymentForm(forms.Form):
    deployment = forms.ModelChoiceField(
        queryset=Deployment.objects.order_by("-created_at"),
        empty_label="Select",
        error_messages={"required": "Select the deployment."},
    )


class ReceiptForm(forms.Form):
    """The code of the receipt that the person was given."""

    code = forms.CharField(
        label="Code of the receipt", max_length=40, error_messages={"required": "Enter the code of the receipt."}
    )


class AlertsForm(forms.Form):
    """The possible matches that a case is about."""

    alerts = forms.ModelMultipleChoiceField(
        queryset=Alert.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Select the possible matches that the case is about."},
    )

    def __init__(self, *args: Any, case: Case, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["alerts"]
        field.queryset = Alert.objects.filter(deployment=case.deployment_id).public().exclude(cases=case)


class AnswerForm(forms.Form):
    """The answer. Which fields it has depends on the kind of case and on what the last search found."""

    outcome = forms.ChoiceField(error_messages={"required": "Select the outcome."})
    ground = forms.ChoiceField(
        label="Ground of section 45(4)",
        choices=_choices(Ground),
        required=False,
        help_text="Only where information is withheld.",
    )
    given = forms.TypedMultipleChoiceField(
        label="What the letter tells",
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Of what the last search found. Nothing else of it is in the letter.",
    )
    words = _text("Letter", 10, "What you tell the person. The system adds the rights they have.")
    reasons = _text(
        "Reasons, not in the letter",
        3,
        "Where something is withheld, declined or not reported. Kept for the Information Commissioner.",
        required=False,
    )

    def __init__(self, *args: Any, case: Case, found: list[Found], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["outcome"].choices = [("", "Select"), *((each.value, each.label) for each in OUTCOMES[case.kind])]
        if case.kind != CaseKind.ACCESS:
            del fields["ground"]
        if case.kind != CaseKind.ACCESS or not found:
            del fields["given"]
        else:
            fields["given"].choices = [(position, each.words) for position, each in enumerate(found)]
        if case.is_breach:
            fields["words"].label = "What was done about it"
            fields["words"].help_text = "How the effects were limited, and what prevents it from happening again."

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("ground") and given.get("outcome") not in ON_A_GROUND:
            self.add_error("ground", "Select a ground only where information is withheld.")
        return given
