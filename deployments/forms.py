"""Forms of deployments."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone

from core.errors import Refused
from deployments import staffing
from deployments.applications import FIELDS, CameraDraft, PeriodDraft
from deployments.choices import CHOSEN_HALTS, Collateral, UseCase
from deployments.models import LONGEST_APPROACH, Camera, Deployment, GoverningDocument
from deployments.offsets import Offset
from watchlists.choices import LISTED_CATEGORIES, Seriousness, Tier
from watchlists.engines import current_engine
from watchlists.models import OperatingPoint

# The sections of the application's page, and the fields in each.
PARTS = (
    ("Purpose", ("name", "use_case", "objective")),
    ("Why here, why now", ("why_here", "intelligence_reference", "intelligence_expires_on", "why_now")),
    (
        "Watchlist",
        (
            "list_criteria",
            "list_categories",
            "list_seriousness",
            "list_tiers",
            "list_size_asked",
            "list_under_18",
            "footfall",
            "subjects_expected",
        ),
    ),
    ("Proportionality", ("alternatives", "collateral", "collateral_measures", "article_8", "article_10", "article_11")),
    ("Community, public notice and officers", ("community_impact", "signage_plan", "officers_planned")),
    ("Engine and threshold", ("operating_point", "threshold_reason")),
    ("Documents and controller", ("governing", "controller", "lender", "staff_from")),
    ("Urgency", ("is_urgent", "urgent_reason")),
)
LONG = forms.Textarea(attrs={"rows": 3})
LONG_ONES = (
    "objective",
    "why_here",
    "why_now",
    "list_criteria",
    "alternatives",
    "collateral_measures",
    "article_8",
    "article_10",
    "article_11",
    "community_impact",
    "signage_plan",
    "threshold_reason",
    "urgent_reason",
)
MOMENT = "%Y-%m-%dT%H:%M"


class NewDeploymentForm(forms.Form):
    """The name of a new draft."""

    name = forms.CharField(max_length=120, help_text="Include the place and the purpose.")
    taken_from: Any = forms.ModelChoiceField(
        label="Begin from an application that was authorised",
        queryset=None,
        required=False,
        empty_label="None: begin with an empty one",
        help_text="Its texts, places, approaches and cameras are copied. Times, intelligence and why now are not.",
    )

    def __init__(self, *args: Any, earlier: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["taken_from"]
        field.queryset = earlier.filter(authorised_at__isnull=False).order_by("-authorised_at")
        field.label_from_instance = lambda each: f"{each.name}, {timezone.localtime(each.authorised_at):%d %B %Y}"


class LocalMomentField(forms.DateTimeField):
    """A local date and time. On the two nights a year when the clocks change, some do not exist or occur twice."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT)

    def to_python(self, value: Any) -> dt.datetime | None:
        try:
            found: dt.datetime | None = super().to_python(value)
        except ValidationError as error:
            naive = _naive(value)
            if naive is None:
                raise
            raise ValidationError(_of_the_night(naive)) from error
        return found


def _naive(value: Any) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _of_the_night(naive: dt.datetime) -> str:
    zone = timezone.get_current_timezone()
    first = naive.replace(tzinfo=zone, fold=0)
    if first.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None) != naive:
        return f"{naive:%H:%M} does not exist on this date, because the clocks go forward. Enter another time."
    return f"{naive:%H:%M} occurs twice on this date, because the clocks go back. Enter another time."


def _several(label: str, choices: list[tuple[str, str]]) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(label=label, choices=choices, widget=forms.CheckboxSelectMultiple, required=False)


class ApplicationForm(forms.ModelForm):  # type: ignore[type-arg]
    """The application without its periods. In a draft, every field except the name may be empty."""

    collateral = forms.MultipleChoiceField(
        label="Sensitive places and groups nearby",
        choices=Collateral.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Select everything that is within sight of the cameras or on the way to them.",
    )

    list_categories = _several("Lawful grounds on the watchlist", LISTED_CATEGORIES)
    list_seriousness = _several("Seriousness of what people are sought for", Seriousness.choices)
    list_tiers = _several("Responses", Tier.choices)

    governing: Any = forms.ModelMultipleChoiceField(
        label="Governing documents",
        queryset=GoverningDocument.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="One version of each. Those in force were selected when the application was started.",
    )

    class Meta:
        model = Deployment
        fields = FIELDS
        widgets = {
            **dict.fromkeys(LONG_ONES, LONG),
            "intelligence_expires_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        points: Any = self.fields["operating_point"]
        points.queryset = OperatingPoint.objects.filter(engine=current_engine()).select_related("engine")
        points.label_from_instance = lambda point: f"{point.threshold:.3f}, set {point.set_at:%d %B %Y}"
        points.empty_label = "Select an approved threshold"
        documents: Any = self.fields["governing"]
        documents.queryset = _selectable(self.instance)
        documents.initial = list(self.instance.governing.values_list("pk", flat=True))
        use_case: Any = self.fields["use_case"]
        use_case.choices = [("", "Select a use case"), *UseCase.choices]

    def section(self, *names: str) -> list[Any]:
        """Return the fields of one section of the page."""
        return [self[name] for name in names]

    @property
    def given(self) -> dict[str, Any]:
        """The valid values by field; each other field has an error."""
        return {name: self.cleaned_data[name] for name in (*FIELDS, "governing") if name in self.cleaned_data}


def _selectable(deployment: Deployment) -> Any:
    """Return the approved documents that have not ended, and those that the application has in any case."""
    stands = Q(approved_at__isnull=False, withdrawn_at__isnull=True, in_force_until__gte=timezone.localdate())
    return GoverningDocument.objects.filter(stands | Q(deployments=deployment)).defer("file").distinct()


_OF_PERIOD = ("place", "approaches", "alternative_route")
_TIMES = ("starts_at", "ends_at")


class PeriodForm(forms.Form):
    """One period. A form that is left empty adds none."""

    id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    place = forms.CharField(
        max_length=200, required=False, help_text="Street and town, and between which points people will be seen."
    )
    approaches = forms.CharField(
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Every way on which people come into the zones, one a line. A sign is put up on each.",
    )
    alternative_route = forms.CharField(
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="How people can go who would rather not pass the cameras.",
    )
    starts_at = LocalMomentField(label="Start", required=False)
    ends_at = LocalMomentField(label="End", required=False)
    remove = forms.BooleanField(label="Remove this period", required=False)

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if any(len(line) > LONGEST_APPROACH for line in given.get("approaches", "").splitlines()):
            self.add_error("approaches", f"Each approach can have {LONGEST_APPROACH} characters at most.")
        if given.get("starts_at") and given.get("ends_at") and given["ends_at"] <= given["starts_at"]:
            self.add_error("ends_at", "The end must be after the start.")
        return given


class CameraForm(forms.Form):
    """One camera. `period` is the index of its period in the form; a form without a name adds none."""

    id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    period = forms.IntegerField(widget=forms.HiddenInput)
    name = forms.CharField(max_length=80, required=False)
    kind = forms.ChoiceField(choices=Camera.Kind.choices)
    smallest_face = forms.IntegerField(
        label="Minimum face width (pixels)", min_value=16, max_value=400, initial=32, required=False
    )
    frame_rate = forms.IntegerField(label="Frames per second", min_value=1, max_value=30, initial=5, required=False)
    remove = forms.BooleanField(label="Remove", required=False)

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        # The application is saved as people type: clearing a name to enter another must not delete the camera.
        if given.get("id") and not given.get("name") and not given.get("remove"):
            self.add_error("name", "Enter a name for the camera, or remove it.")
        return given


PeriodFormSet = forms.formset_factory(PeriodForm, extra=0, max_num=6, absolute_max=6)
CameraFormSet = forms.formset_factory(CameraForm, extra=0, max_num=24, absolute_max=24)


def periods_as_typed(deployment: Deployment) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the initial data of both formsets: the saved periods and cameras, and an empty camera per period."""
    periods: list[dict[str, Any]] = []
    cameras: list[dict[str, Any]] = []
    for index, period in enumerate(deployment.periods.prefetch_related("cameras")):
        periods.append({name: getattr(period, name) for name in ("id", *_OF_PERIOD, *_TIMES)})
        cameras += [
            {
                "id": camera.id,
                "period": index,
                "name": camera.name,
                "kind": camera.kind,
                "smallest_face": camera.smallest_face,
                "frame_rate": camera.frame_rate,
            }
            for camera in period.cameras.all()
        ]
        cameras.append({"period": index, "smallest_face": 32, "frame_rate": 5})
    return periods, cameras


def drafts_of(periods: Any, cameras: Any) -> list[PeriodDraft]:
    """Return the drafts of the periods that the two valid formsets describe."""
    found = []
    for index, form in enumerate(periods):
        given = form.cleaned_data
        own = [
            CameraDraft(
                camera.cleaned_data["name"],
                camera.cleaned_data["kind"],
                camera.cleaned_data.get("smallest_face") or 32,
                camera.cleaned_data.get("frame_rate") or 5,
                camera.cleaned_data.get("id"),
            )
            for camera in cameras
            if camera.cleaned_data.get("name")
            and camera.cleaned_data.get("period") == index
            and not camera.cleaned_data.get("remove")
        ]
        if given.get("remove"):
            continue
        if own or any(given.get(name) for name in ("id", *_OF_PERIOD, *_TIMES)):
            texts = {name: given.get(name) or "" for name in _OF_PERIOD}
            found.append(
                PeriodDraft(
                    **texts,
                    starts_at=given.get("starts_at"),
                    ends_at=given.get("ends_at"),
                    cameras=own,
                    id=given.get("id"),
                )
            )
    return found


class DecisionForm(forms.Form):
    """An authorising officer's decision."""

    revision = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label="Reasons: necessity and proportionality", max_length=4000, widget=forms.Textarea(attrs={"rows": 4})
    )
    conditions = forms.CharField(
        label="Conditions (optional)", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    ends_at = LocalMomentField(
        label="Authority ends",
        required=False,
        help_text="Leave empty to end with the last period. The authority cannot end later than that.",
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=400)


class HaltForm(forms.Form):
    """The reason for pausing, ending or stopping."""

    code = forms.ChoiceField(
        label="Reason", choices=[("", "Select a reason")] + [(h.value, h.label) for h in CHOSEN_HALTS]
    )
    detail = forms.CharField(label="What happened", max_length=300, required=False)


class ContinueForm(forms.Form):
    false_alerts = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(label="Why the deployment should continue", max_length=1000)


class PostingForm(forms.Form):
    user: Any = forms.ModelChoiceField(queryset=None, label="Operator or officer")
    team = forms.CharField(label="Team or call sign", max_length=40, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["user"]
        field.queryset = staffing.postable()
        field.label_from_instance = _with_roles


def _with_roles(user: Any) -> str:
    roles = ", ".join(group.name for group in user.groups.all())
    return f"{user.get_full_name() or user.username} ({roles})"


class LimitsForm(forms.Form):
    smallest_face = forms.IntegerField(label="Minimum face width (pixels)", min_value=16, max_value=400)
    frame_rate = forms.IntegerField(label="Maximum frames per second", min_value=1, max_value=30)


def shape_of(post: Mapping[str, Any], name: str) -> Any:
    """Return a shape drawn in the browser, read from JSON; None if it is not valid JSON."""
    try:
        return json.loads(post.get(name, ""))
    except ValueError:
        return None


_MILLISECONDS = re.compile(r"-?[0-9]{1,15}", re.ASCII)


def device_offset(post: Mapping[str, Any]) -> Offset:
    """Return how far a browser measured its device's clock to be ahead of the server's, in whole milliseconds.

    Raises:
        Refused: the browser did not send valid numbers.
    """
    texts = [str(post.get(name, "")) for name in ("offset_ms", "uncertainty_ms")]
    try:
        if not all(_MILLISECONDS.fullmatch(text) for text in texts):
            raise ValueError
        return Offset(*map(float, texts))
    except ValueError as error:
        raise Refused("Your browser did not measure its clock. Reload the page and compare clocks again.") from error
