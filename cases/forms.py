"""Forms of cases."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone

from alerts.models import Alert
from cases.choices import ON_A_GROUND, OUTCOMES, CaseKind, Channel, Ground, IdentityProof, WaitFor
from cases.content import CaseContent, Found, content_of
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


class _Text(forms.CharField):
    """Text of several lines, with line ends of one kind."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n").replace("\r", "\n")


def _text(label: str, rows: int = 4, help_text: str = "", missing: str = "") -> forms.CharField:
    """Return a field for text. missing: the error if it is empty; it may be empty without one."""
    return _Text(
        label=label,
        max_length=_WORDS,
        required=bool(missing),
        widget=forms.Textarea({"rows": rows}),
        help_text=help_text,
        error_messages={"required": missing},
    )


_NO_LETTER = "Enter the words of the letter."


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
    contact = _text(
        "How to reach them", 3, "The address for letters, or an email address.", "Enter how to reach the person."
    )
    request = _text(
        "What they ask", 6, "In their words, with the day and the place if they say them.", "Enter what they ask."
    )
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
    facts = _text(
        "What happened",
        6,
        "Which data, of whom and of how many people, and when. Name nobody.",
        "Enter what happened.",
    )
    effects = _text("Effects", 3, "What it means for the people whose data these are, as far as you know.")
    deployment = _deployments()

    def received_at(self) -> dt.datetime:
        found: dt.datetime = self.cleaned_data["aware_at"]
        return found

    def about(self) -> CaseContent:
        return CaseContent(request=self.cleaned_data["facts"], effects=self.cleaned_data["effects"])


class NoteForm(forms.Form):
    words = _text("Note", 3, "Kept with the case; never sent.", "Enter the note.")


class IdentityForm(forms.Form):
    proof = forms.ChoiceField(
        label="How identity was established",
        choices=_choices(IdentityProof),
        error_messages={"required": "Select how identity was established."},
    )
    on = _day("Proof received on", "If you asked for it, the month begins on this day.")


class CorrectForm(OpenCaseForm):
    """What a case says about who asks and what, to be corrected."""

    words = _text("What was wrong", 2, "Kept with the case.", "Enter what was wrong.")

    def __init__(self, *args: Any, case: Case, **kwargs: Any) -> None:
        about = content_of(case) or CaseContent()
        known = {"name": about.name, "contact": about.contact, "request": about.request}
        kwargs["initial"] = {"received_on": timezone.localdate(case.received_at), **known}
        super().__init__(*args, **kwargs)
        del self.fields["channel"], self.fields["deployment"]

    def as_given(self) -> dict[str, Any]:
        """Return the arguments of the act."""
        return {"about": self.about(), "received_at": self.received_at(), "words": self.cleaned_data["words"]}


class AskForm(forms.Form):
    """What the person must send. Proof of identity is offered where it is needed."""

    wanted = forms.ChoiceField(
        label="What you need", choices=_choices(WaitFor), error_messages={"required": "Select what you need."}
    )
    words = _text(
        "Letter",
        4,
        "What the person must send, and where to. The system adds what it means for the time.",
        "Enter what the person must send.",
    )

    def __init__(self, *args: Any, case: Case, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not case.is_of_own_data or case.identity_on is not None:
            field: Any = self.fields["wanted"]
            field.choices = [each for each in _choices(WaitFor) if each[0] != WaitFor.IDENTITY]


class ResumeForm(forms.Form):
    on = _day("Reply received on")
    words = _text("What the person replied", 4, missing="Enter what the person replied.")


class AcknowledgeForm(forms.Form):
    words = _text("Letter", 4, "The system adds the day of receipt and by when the answer comes.", _NO_LETTER)


class ExtendForm(forms.Form):
    words = _text(
        "Letter: why more time is needed",
        4,
        "How complex the request is, or how many there are. The system adds the last day and the right to complain.",
        "Enter why more time is needed.",
    )


class ReportForm(forms.Form):
    at = LocalMomentField(label="When", error_messages={"required": "Enter when the Commissioner was told."})
    words = _text("The Commissioner’s reference", 2, missing="Enter the Commissioner’s reference.")
    late_reason = _text("Why it is late (only after 72 hours)", 2)


class TellForm(forms.Form):
    words = _text("How many people were told, and how", 3, missing="Enter how many people were told, and how.")


class WithdrawForm(forms.Form):
    words = _text(
        "Why the case ends without an answer",
        2,
        "For example that the person withdrew it, or that it was opened by mistake.",
        "Enter why the case ends without an answer.",
    )


class SearchForm(forms.Form):
    """Whom to search for."""

    reference = forms.CharField(
        label="Nominal reference",
        max_length=40,
        required=False,
        help_text="Lists, imports, possible matches, evidence, past lists and other cases.",
    )
    name = forms.CharField(
        label="Name",
        max_length=200,
        required=False,
        help_text="Found where names still are: not on past lists.",
    )


class DeploymentForm(forms.Form):
    deployment = forms.ModelChoiceField(
        queryset=Deployment.objects.order_by("-created_at"), required=False, empty_label="None in particular"
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

    search = forms.CharField(widget=forms.HiddenInput, required=False, max_length=36)
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
    words = _text("Letter", 10, "What you tell the person. The system adds the rights they have.", _NO_LETTER)
    effects = _text("Effects", 3, "What it means for the people whose data these are.", "Enter the effects.")
    reasons = _text(
        "Reasons, not in the letter",
        3,
        "Where something is withheld, declined or not reported. Kept for the Information Commissioner.",
    )

    def __init__(self, *args: Any, case: Case, search: str, found: list[Found], effects: str, **kwargs: Any) -> None:
        """search, found: the id of the last search, and what it found. effects: of a breach, as recorded so far."""
        kwargs["initial"] = {"search": search, "effects": effects}
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
            fields["words"].error_messages["required"] = "Enter what was done about it."
            fields["words"].help_text = "How the effects were limited, and what prevents it from happening again."

        else:
            del fields["effects"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("ground") and given.get("outcome") not in ON_A_GROUND:
            self.add_error("ground", "Select a ground only where information is withheld.")
        return given
