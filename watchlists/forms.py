"""Forms for lists, entries, photographs, evidence holds and thresholds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from recognition import cohort
from recognition.cohort import CohortResult
from recognition.imaging import UnreadableImage
from watchlists.choices import (
    KEEPING_OF,
    Age,
    Category,
    Consulted,
    DataSubject,
    LegalBasis,
    Marker,
    Seriousness,
    Source,
    Tier,
)
from watchlists.confirmation import name_of
from watchlists.engine import identity
from watchlists.engines import current_engine
from watchlists.enrolment import Enrolment, FaceChoice, read_photograph
from watchlists.evidence import GroupFigures
from watchlists.holds import LONGEST_REASON
from watchlists.models import (
    BiasEvidence,
    Calibration,
    EvidenceGroup,
    Person,
    Photograph,
    VolunteerAttributes,
    Watchlist,
)
from watchlists.people import PARTICULARS, PROVENANCE, Provenance, provenance_problems

_DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class WatchlistForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Watchlist
        fields = ("name", "purpose", "is_blue")
        widgets = {"purpose": forms.Textarea(attrs={"rows": 3})}


class PhotographForm(forms.Form):
    """A photograph, and which of its faces to use if there are several.

    face: the number of the face, counted from the left. frame: left, top, width and height as shares of the picture,
    drawn by a person around a face that the detector missed.
    """

    photograph = forms.FileField(
        help_text="JPEG, PNG, WebP, TIFF or BMP, up to 20 MB. One face, seen from the front, sharp and well lit.",
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )
    face = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    frame = forms.CharField(required=False, max_length=80, widget=forms.HiddenInput)

    enrolment: Enrolment

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.faces: list[list[float]] = []

    def clean_frame(self) -> list[float] | None:
        text = self.cleaned_data["frame"]
        if not text:
            return None
        try:
            shares = [float(part) for part in text.split(",")]
        except ValueError:
            shares = []
        left, top, width, height = shares if len(shares) == 4 else (0.0, 0.0, 0.0, 0.0)
        if not (0 <= left < 1 and 0 <= top < 1 and 0 < width <= 1 - left and 0 < height <= 1 - top):
            raise forms.ValidationError("The frame must be inside the picture. Draw it again.")
        return shares

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        upload = cleaned.get("photograph")
        if isinstance(upload, UploadedFile) and "frame" in cleaned:
            try:
                self.enrolment = read_photograph(upload.read(), cleaned.get("face"), cleaned["frame"])
            except UnreadableImage as error:
                self.add_error("photograph", str(error))
            except FaceChoice as error:
                self.faces = error.faces
                self.add_error("photograph", str(error))
        return cleaned


class ProvenanceForm(forms.ModelForm):  # type: ignore[type-arg]
    """Where a photograph comes from, why the force may hold it, and when it was taken."""

    class Meta:
        model = Photograph
        fields: tuple[str, ...] = PROVENANCE
        widgets = {"taken_on": _DATE}
        labels = {"lawful_hold": "Why the force may hold it", "taken_on": "Date taken, if known"}
        help_texts = {
            "lawful_hold": "For example, a custody record and its date, consent, or the date of its MoPI review"
        }

    source = forms.ChoiceField(choices=[("", "Select where it comes from"), *Source.choices])
    keeping = forms.ChoiceField(
        label="Why it may be kept",
        choices=[
            ("", "Select, for a photograph of one of these kinds"),
            *(
                (Source(source).label, [(each.value, each.label) for each in allowed])
                for source, allowed in KEEPING_OF.items()
            ),
        ],
        required=False,
    )

    def clean_taken_on(self) -> Any:
        day = self.cleaned_data["taken_on"]
        if day is not None and day > timezone.localdate():
            raise forms.ValidationError("The date taken must be today or in the past.")
        return day

    def _post_clean(self) -> None:
        """Skip model validation: `people.add_photograph` applies the policy, with better messages."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if bool(cleaned.get("confirmed_by")) != bool(cleaned.get("confirmed_at")):
            self.add_error("confirmed_by", "Enter both who confirmed the photographs and when, or neither.")
        elif cleaned.get("source"):
            given = {name: cleaned.get(name) for name in ("keeping", "confirmed_by")}
            texts = {name: value or "" for name, value in given.items()}
            problems = provenance_problems(
                Provenance(cleaned["source"], "", None, **texts, confirmed_at=cleaned.get("confirmed_at"))
            )
            for name, problem in problems.items():
                self.add_error(name, problem)
        return cleaned

    @property
    def provenance(self) -> Provenance:
        return Provenance(**{name: self.cleaned_data[name] for name in PROVENANCE})


class ComparedForm(ProvenanceForm):
    """The same, for a user who has the photograph before them and compares it with the record themselves."""

    class Meta(ProvenanceForm.Meta):
        fields = PROVENANCE[:4]

    is_of_person = forms.BooleanField(
        label="I have compared this photograph with the record: it is of this person",
        error_messages={"required": "Compare the photograph with the record, and confirm that it is of this person."},
    )

    def compared_by(self, user: AbstractBaseUser) -> Provenance:
        """Return the provenance, with the user and the present time as its confirmation."""
        given = {name: self.cleaned_data[name] for name in PROVENANCE[:4]}
        return Provenance(**given, confirmed_by=name_of(user), confirmed_at=timezone.now())


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    """The particulars of an entry."""

    class Meta:
        model = Person
        fields = PARTICULARS
        widgets = {
            "date_of_birth": _DATE,
            "expires_on": _DATE,
            "rationale": forms.Textarea(attrs={"rows": 2}),
            "minor_rationale": forms.Textarea(attrs={"rows": 2}),
        }
        labels = {"rationale": "Rationale for an associate, witness or victim"}

    age = forms.ChoiceField(
        label="Age, if the date of birth is not known",
        choices=[("", "The date of birth is known"), *Age.choices],
        required=False,
    )
    category = forms.ChoiceField(choices=[("", "Select the lawful ground"), *Category.choices])
    seriousness = forms.ChoiceField(choices=[("", "Select how serious it is"), *Seriousness.choices])
    data_subject = forms.ChoiceField(
        label="Category of data subject (section 38)", choices=[("", "Select the category"), *DataSubject.choices]
    )
    legal_basis = forms.ChoiceField(choices=[("", "Select the power or duty"), *LegalBasis.choices])
    tier = forms.ChoiceField(label="Response", choices=[("", "Select the response"), *Tier.choices])
    markers = forms.MultipleChoiceField(
        label="Risk markers", choices=Marker.choices, required=False, widget=forms.CheckboxSelectMultiple
    )

    def _post_clean(self) -> None:
        """Skip model validation: `people.add_person` applies the policy, with better messages."""

    def particulars(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in PARTICULARS}


class ImportForm(forms.Form):
    """The two files of a bulk import."""

    table = forms.FileField(label="People (CSV)", widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}))
    archive = forms.FileField(label="Photographs (ZIP)", widget=forms.FileInput(attrs={"accept": ".zip"}))


class ConsultedForm(forms.Form):
    """The source that was consulted to see whether people are still sought."""

    source = forms.ChoiceField(label="Source consulted", choices=[("", "Select"), *Consulted.choices])


class SizeReasonForm(forms.Form):
    """The reason why a list must be larger than usual."""

    size_reason = forms.CharField(
        label="Why the list must be this large",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ReasonForm(forms.Form):
    """The reason for a decision."""

    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class VolunteerForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a member of staff on a blue watchlist says about themselves."""

    class Meta:
        model = VolunteerAttributes
        fields = ("self_defined", "sex", "age_band")

    def _post_clean(self) -> None:
        """The operation checks what was chosen, and stores it."""


class HoldForm(forms.Form):
    """The reason for an evidence hold, and the date of its review."""

    reason = forms.CharField(
        label="What this is evidence of", max_length=LONGEST_REASON, help_text="Do not name anyone."
    )
    review_on = forms.DateField(label="Date of review", widget=_DATE)


class ReleaseForm(forms.Form):
    """The reason for releasing an evidence hold."""

    reason = forms.CharField(
        label="Why this is no longer needed as evidence",
        max_length=LONGEST_REASON,
        help_text="Kept in the audit log. Do not name anyone.",
    )


class ThresholdForm(forms.Form):
    """The list, number of faces and rate that a threshold is chosen for."""

    calibration = forms.ModelChoiceField(queryset=Calibration.objects.none(), empty_label=None)
    list_size = forms.IntegerField(label="People on the list", min_value=1, max_value=100_000, initial=500)
    footfall = forms.IntegerField(label="Faces expected", min_value=1, max_value=10_000_000, initial=10_000)
    wanted_fpir = forms.DecimalField(
        label="Highest share of strangers above the threshold (percent)",
        min_value=Decimal("0.01"),
        max_value=Decimal(20),
        initial=Decimal("0.3"),
        help_text="A stranger is a person who passes the cameras and is not on the list.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["calibration"]
        field.queryset = current_engine().calibrations.all()

    def clean_wanted_fpir(self) -> float:
        return float(self.cleaned_data["wanted_fpir"]) / 100


_RANGE = {
    "lowest_threshold": forms.FloatField(label="Lowest threshold", min_value=0.001, max_value=0.999),
    "highest_threshold": forms.FloatField(label="Highest threshold", min_value=0.001, max_value=0.999),
}


class RiskForm(forms.Form):
    """A risk acceptance."""

    title = forms.CharField(max_length=200)
    finding = forms.CharField(
        label="Why the risk is accepted, and what limits it", max_length=4000, widget=forms.Textarea(attrs={"rows": 3})
    )
    lowest_threshold = _RANGE["lowest_threshold"]
    highest_threshold = _RANGE["highest_threshold"]
    expires_on = forms.DateField(label="Until", widget=forms.DateInput(attrs={"type": "date"}))


# The most bytes of a file of a cohort.
LARGEST_COHORT = 1024 * 1024


class EvidenceForm(forms.Form):
    """Measured evidence, with the figures of each group and the laboratory's report."""

    title = forms.CharField(max_length=200)
    laboratory = forms.CharField(label="Measured by", max_length=200)
    independence = forms.ChoiceField(label="Independence", choices=[("", "Select"), *BiasEvidence.Independence.choices])
    finding = forms.CharField(
        label="Finding, with its limits", max_length=4000, widget=forms.Textarea(attrs={"rows": 3})
    )
    lowest_threshold = _RANGE["lowest_threshold"]
    highest_threshold = _RANGE["highest_threshold"]
    groups = forms.CharField(
        label="Figures of each group",
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text="One line for each group: ethnicity, sex or age; the group; passes of volunteers on the list; of "
        "these recognised; searches for people on no list; of these with a false match. For example: "
        "sex; women; 210; 171; 4000; 3. Leave it empty if the report is a file of “measure_cohort”, which has them.",
    )
    report = forms.FileField(label="The laboratory’s report", help_text="Its SHA-256 is recorded with it.")
    expires_on = forms.DateField(label="To be renewed by", widget=forms.DateInput(attrs={"type": "date"}))

    def clean_groups(self) -> list[GroupFigures]:
        found = []
        for number, line in enumerate(filter(str.strip, self.cleaned_data["groups"].splitlines()), start=1):
            cells = [cell.strip() for cell in line.split(";")]
            try:
                characteristic, name, *figures = cells
                counted = [int(figure) for figure in figures]
                if len(counted) != 4 or characteristic.lower() not in EvidenceGroup.Characteristic.values:
                    raise ValueError
            except ValueError as error:
                raise forms.ValidationError(
                    f"Line {number} must have ethnicity, sex or age, then the group and four whole numbers, separated "
                    "by semicolons."
                ) from error
            found.append(GroupFigures(characteristic.lower(), name[:60], *counted))
        return found

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        report = given.get("report")
        measured = self._measured(report) if report is not None else None
        if measured is None:
            return given
        if measured.engine != identity():
            self.add_error("report", "This cohort was measured with another engine than the present one.")
        ends = (given.get("lowest_threshold"), given.get("highest_threshold"))
        if ends != (measured.lowest_threshold, measured.highest_threshold):
            self.add_error(
                "report",
                f"This cohort was measured for thresholds of {measured.lowest_threshold:g} to "
                f"{measured.highest_threshold:g}. Enter these.",
            )
        if given.get("groups"):
            self.add_error("groups", "Leave the figures empty: the report has them.")
        given["groups"] = [
            GroupFigures(
                each.characteristic, each.group, each.passes, each.recognised, each.searches, each.false_matches
            )
            for each in measured.groups
            if each.passes and each.searches
        ]
        return given

    def _measured(self, report: Any) -> CohortResult | None:
        """Return the measurement of a cohort that was attached; None if something else was."""
        if report.size > LARGEST_COHORT:
            if report.name.lower().endswith(".json"):
                self.add_error("report", "This file is too large for one of “measure_cohort”.")
            return None
        try:
            text = report.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            return None
        finally:
            report.seek(0)
        try:
            return cohort.result_in(text)
        except cohort.WrongCohort as error:
            self.add_error("report", str(error))
            return None
