"""Forms for what browsers and handsets send about an alert."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib.auth import get_user_model
from django.http import QueryDict

from alerts.act_rules import ActInput
from alerts.acts import CORRECTIONS, ENDINGS
from alerts.choices import (
    Feature,
    Finding,
    IdentityMethod,
    InconclusiveReason,
    SecondFinding,
    StandDownReason,
)
from alerts.models import Alert, PersonAttributes
from alerts.states import CODES, MET, OVER, AlertState
from core.errors import Refused

TEAM, USER = "team:", "user:"


def act_input_in(post: QueryDict) -> ActInput:
    """Return the input of an act from a submitted form.

    Fields: key, revision, ago_ms, feature_NAME (alike or differs), reasons, code, leaflet (yes or no), to (user:ID,
    team:NAME, or empty for every officer posted).

    Raises:
        Refused: a field has a value that is not allowed.
    """
    found: dict[str, list[str]] = {finding: [] for finding in Finding.values}
    for feature in Feature.values:
        finding = post.get(f"feature_{feature}", "")
        if finding:
            if finding not in found:
                raise Refused("Mark each feature as alike or as different.")
            found[finding].append(feature)
    return ActInput(
        key=_uuid(post.get("key", "")),
        revision=_number(post.get("revision", ""), 2**31) if post.get("revision") else None,
        ago=dt.timedelta(milliseconds=_number(post.get("ago_ms") or "0", 10**12)),
        alike=found[Finding.ALIKE],
        differ=found[Finding.DIFFERS],
        reasons=post.getlist("reasons"),
        code=post.get("code", ""),
        leaflet={"yes": True, "no": False}.get(post.get("leaflet", "")),
        **_handed_to(post.get("to", "")),
    )


def chosen_uuid(post: QueryDict, name: str, message: str) -> uuid.UUID:
    """Return the UUID in a field. Raise `Refused` with the message if there is none."""
    try:
        return uuid.UUID(post.get(name, ""))
    except ValueError as error:
        raise Refused(message) from error


def _uuid(text: str) -> uuid.UUID:
    if not text:
        return uuid.uuid4()
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Refused("The key of an act must be a UUID.") from error


def _number(text: str, most: int) -> int:
    """Return a whole number from 0 to `most`. Values outside are clamped, because a wrong clock can cause them."""
    try:
        return min(max(int(float(text)), 0), most)
    except (ValueError, OverflowError) as error:
        raise Refused("Enter a number.") from error


def _handed_to(to: str) -> Mapping[str, Any]:
    if to.startswith(TEAM):
        return {"to_team": to.removeprefix(TEAM)}
    if to.startswith(USER):
        number = _number(to.removeprefix(USER), 2**31)
        user = get_user_model().objects.filter(pk=number, is_active=True).first()
        if user is None:
            raise Refused("There is no such officer. Select another officer.")
        return {"to_user": user}
    if to:
        raise Refused("Select an officer, a team or every officer posted.")
    return {}


# Codes, grouped by the outcome that they belong to.
_TITLES: dict[str, str] = {
    AlertState.ARRESTED: "Arrested for",
    AlertState.OTHER_DISPOSAL: "Other disposal",
    AlertState.NO_ACTION: "Reason for no action",
    AlertState.NO_ENGAGEMENT: "Reason for no engagement",
    AlertState.CONFIRMED_FALSE: "Not the person: reason",
}
GROUPED_CODES: tuple[tuple[str, list[tuple[str, str]]], ...] = tuple(
    (_TITLES[state], [(value, str(label)) for value, label in codes.choices])
    for state, codes in CODES.items()
    if state in OVER
)


_MESSAGES = {
    "ending": "Select an outcome.",
    "code": "Select one of the codes offered for this step.",
    "engaged_by": "Select an officer from the list.",
    "engaged_at": "Enter when the officer spoke to the person, as a date and a time.",
    "identity_method": "Select how an officer established who the person is.",
    "reason": "Enter the reason for the correction, in 300 characters or fewer.",
}


class EndingForm(forms.Form):
    """The outcome of an alert, recorded once the cameras are off."""

    ending = forms.ChoiceField(label="Outcome")
    code = forms.ChoiceField(label="Offence or reason", required=False)
    engaged_by = forms.ChoiceField(label="Officer who spoke to the person", required=False)
    engaged_at = forms.DateTimeField(
        label="When",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    identity_method = forms.ChoiceField(
        label="How identity was established", choices=[("", "–"), *IdentityMethod.choices], required=False
    )

    def __init__(self, *args: Any, alert: Alert, officers: Iterable[Any], **kwargs: Any) -> None:
        """officers: those who may have spoken to the person (`alerts.act_rules.who_may_engage`)."""
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        self._officers = {str(officer.pk): officer for officer in officers}
        fields["ending"].choices = [("", "Select an outcome"), *self._endings(alert)]
        fields["code"].choices = [("", "–"), *GROUPED_CODES]
        fields["engaged_by"].choices = [("", "Nobody"), *((pk, str(user)) for pk, user in self._officers.items())]
        if not self.is_bound:
            # Asked for only if an outcome needs it and no handset recorded it. If sent all the same, it is refused.
            may_have_met = any(state in MET for state, _ in self._endings(alert))
            known = {"engaged_by": alert.engaged_at, "engaged_at": alert.engaged_at}
            for name, recorded in {**known, "identity_method": alert.identity_method}.items():
                if recorded or not may_have_met:
                    del fields[name]

    def clean_engaged_by(self) -> Any:
        return self._officers.get(self.cleaned_data["engaged_by"])

    @property
    def what_is_missing(self) -> str:
        """The message about the first field that is missing or cannot be read."""
        return _MESSAGES[next(name for name in self.fields if name in self.errors)]

    def _endings(self, alert: Alert) -> list[tuple[str, str]]:
        offered = [state for state, kind in ENDINGS.items() if self.is_bound or alert.state in kind.step.sources]
        return [(state, str(Alert.State(state).label)) for state in offered]


class StandDownForm(forms.Form):
    """The thing that is matched again and again in a part of a camera's picture."""

    reason = forms.ChoiceField(choices=StandDownReason.choices)
    detail = forms.CharField(max_length=200, required=False)


class CorrectionForm(EndingForm):
    reason = forms.CharField(max_length=300, help_text="Do not enter anyone’s name. The reason is kept permanently.")

    def _endings(self, alert: Alert) -> list[tuple[str, str]]:
        offered = [state for state in CORRECTIONS if self.is_bound or state != alert.state]
        return [(state, str(Alert.State(state).label)) for state in offered]


class AttributesForm(forms.ModelForm):  # type: ignore[type-arg]
    """What the person said about themselves and what the officer saw."""

    class Meta:
        model = PersonAttributes
        fields = ("self_defined", "officer_defined", "sex", "age_band")
        help_texts: ClassVar = {
            "self_defined": "As the person says it, even if you disagree. “Not stated” if they did not answer.",
            "officer_defined": "As you saw it.",
        }

    def __init__(self, *args: Any, alert: Alert, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if alert.engaged_at is None:
            # Nobody was asked.
            del self.fields["self_defined"]

    def _post_clean(self) -> None:
        """The operation checks what was chosen, and stores it."""


REASONS = InconclusiveReason.choices
FEATURES = Feature.choices


class SecondLookForm(forms.Form):
    """The finding of a user who compares the faces of a decided possible match."""

    finding = forms.ChoiceField(label="What you find", choices=SecondFinding.choices, widget=forms.RadioSelect)
    remark = forms.CharField(
        label="What you see",
        max_length=400,
        required=False,
        help_text="Needed if your finding differs from the decision. Do not name anyone.",
    )
