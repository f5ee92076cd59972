"""The record of the Algorithmic Transparency Recording Standard: what the system knows, and what is asked.

Fields and their order: co-cddo/algorithmic-transparency-recording-standard, version 4.0. An empty field is
"N/A". What the system can say is computed from its settings, tables and rows; the rest is asked of people and
kept (`AtrsAnswer`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core import retention
from core.errors import Refused
from core.permissions import require
from deployments import fairness, governing
from deployments.models import REQUIRED, GoverningDocument
from deployments.permissions import KEEP_DOCUMENTS
from reports.models import AtrsAnswer
from reports.publishing import latest
from training.models import Task
from watchlists import thresholds
from watchlists.models import BiasEvidence, Engine
from watchlists.operations import refuse_names_on_file

VERSION = "4.0"
EMPTY = "N/A"
LONGEST = 4000
# The parts of the record, each with how the numbers of its fields start; before them is what has no number.
SECTIONS = {
    "1.": "1 Summary",
    "2.1": "2.1 Owner and responsibility",
    "2.2": "2.2 Description and rationale",
    "2.3": "2.3 Use",
    "2.4": "2.4 Specification and data",
    "2.5": "2.5 Impact and risks",
}
# Metadata of the publisher's schema that is the same for every force.
METADATA = {"function": "public-order-and-safety", "capability": "computer-vision", "atrs_version": VERSION}


@dataclass(frozen=True)
class Field:
    """One field. computed: what the system says; None if people are asked. hint: to them."""

    number: str
    name: str
    computed: Callable[[], str] | None = None
    hint: str = ""

    @property
    def heading(self) -> str:
        """The number, for a field that has one, and the name."""
        return f"{self.number} {self.name}" if self.number[0].isdigit() else self.name

    @property
    def section(self) -> str:
        """The heading of the part of the record that the field is in."""
        return next((name for start, name in SECTIONS.items() if self.number.startswith(start)), "About this record")


@dataclass(frozen=True)
class Entry:
    """A field with its text. asked: whether people answer it. by, at: the last answer."""

    field: Field
    text: str
    asked: bool
    answer: AtrsAnswer | None

    @property
    def is_missing(self) -> bool:
        return self.asked and self.answer is None


def _engine() -> Engine | None:
    return Engine.objects.order_by("-registered_at").first()


def _description() -> str:
    return (
        "Cameras in a public place compare the faces of passers-by with a sealed list of people sought, for some "
        "hours, under a written authority. Similar faces are shown to an operator, who compares them; an officer "
        "establishes identity by ordinary means. A face that matches nobody is deleted at once."
    )


def _scale() -> str:
    published = latest()
    faces, alerts = sum(each.faces for each in published), sum(each.alerts for each in published)
    return f"{len(published):,} deployments with published results: {faces:,} faces seen, {alerts:,} possible matches."


def _training() -> str:
    tasks = ", ".join(str(task.label) for task in Task)
    return f"Nobody acts without recorded training that has not expired, for each of these tasks: {tasks}."


def _models() -> str:
    engine = _engine()
    if engine is None:
        return EMPTY
    second = f"; {engine.second_model}, SHA-256 {engine.second_digest}" if engine.second_model else ""
    return f"{engine.model}, SHA-256 {engine.digest}; preprocessing {engine.preprocessing}{second}."


def _version() -> str:
    engine = _engine()
    return EMPTY if engine is None else f"SHA-256 {engine.digest}"


def _performance() -> str:
    engine = _engine()
    point = engine.operating_points.first() if engine is not None else None
    if engine is None or point is None:
        return EMPTY
    evidence = thresholds.support(point, timezone.localdate())
    bias = fairness.NONE if evidence is None else _without_names(evidence)
    return f"{point.basis} Equality evidence: {bias}"


def _without_names(evidence: BiasEvidence) -> str:
    if evidence.is_risk:
        until = f"{evidence.expires_on:%d %B %Y}"
        return f"nothing was measured by group; a risk is accepted until {until}. {evidence.finding}"
    return f"{evidence.title}, measured by {evidence.laboratory}. {evidence.finding}"


def _datasets() -> str:
    engine = _engine()
    found = engine.calibrations.all() if engine is not None else []
    sets = [f"{each.dataset} (measured on {each.measured_on:%d %B %Y})" for each in found]
    return f"Calibration, to choose thresholds: {'; '.join(sets)}." if sets else EMPTY


def _storage() -> str:
    lines = [retention.line(key) for key in ("stranger", "alert", "watchlist", "hold", "ledger", "audit_log")]
    return " ".join(f"{line.what}: {line.kept}." for line in lines)


def _sharing() -> str:
    agreements = GoverningDocument.objects.in_force(timezone.localdate()).filter(kind=GoverningDocument.Kind.MUTUAL_AID)
    names = [str(each) for each in agreements.defer("file")]
    return "; ".join(names) or "No agreement with another force is in force."


def _assessments() -> str:
    known = {each.kind: each for each in governing.current(timezone.localdate())}
    return "; ".join(f"{known[kind]}, SHA-256 {known[kind].file_sha256}" for kind in REQUIRED if kind in known) or EMPTY


FIELDS: tuple[Field, ...] = (
    Field("title", "Title", lambda: f"Live facial recognition, {settings.LFR_FORCE}"),
    Field("organisation", "Organisation", lambda: settings.LFR_FORCE),
    Field("phase", "Phase", None, "Pre-deployment, beta or pilot, private beta, public beta, production, or retired."),
    Field("region", "Region", None, "Where the force works."),
    Field("sentence", "One-sentence description", lambda: "Finds people sought by the police among passers-by."),
    Field("1.1", "Name", lambda: "Live facial recognition"),
    Field("1.2", "Description", _description),
    Field("1.3", "Website URL", None, "The address of the public pages."),
    Field("1.4", "Contact e-mail", None, "Of the team, not of a person."),
    Field("2.1.1", "Organisation", lambda: settings.LFR_FORCE),
    Field("2.1.2", "Team", None, "The team that answers for it."),
    Field("2.1.3", "Senior responsible owner", None, "The title of the role, not a name."),
    Field("2.1.4", "Third-party involvement", None, "Yes or No."),
    Field("2.1.4.1", "Third party", None, "Its name."),
    Field("2.1.4.2", "Companies House number", None, ""),
    Field("2.1.4.3", "Role of the third party", None, ""),
    Field("2.1.4.4", "Procurement procedure", None, ""),
    Field("2.1.4.5", "Data access terms", None, ""),
    Field("2.2.1", "Detailed description", _description),
    Field("2.2.2", "Benefits", None, ""),
    Field("2.2.3", "Previous process", None, "How people sought were found before."),
    Field("2.2.4", "Alternatives considered", None, ""),
    Field(
        "2.3.1",
        "Integration into the broader operational process",
        lambda: (
            "It proposes; people decide. An application is authorised by an officer of rank who does not run it; "
            "a possible match is compared by an operator, referred to officers, and ends with an outcome that a "
            "person records."
        ),
    ),
    Field(
        "2.3.2",
        "Human review",
        lambda: (
            "Every possible match is decided by an operator before anything is done, and by an officer before anybody "
            "is identified. A sample of decisions is made again by somebody else, and operators are checked with pairs "
            "of pictures of different people."
        ),
    ),
    Field("2.3.3", "Frequency and scale of use", _scale),
    Field("2.3.4", "Required training", _training),
    Field(
        "2.3.5",
        "Appeals and review",
        lambda: "The public pages say how to ask whether one was on a list and how to complain.",
    ),
    Field(
        "2.4.1.1",
        "System architecture",
        lambda: "A web application, workers that read camera frames, a PostgreSQL database and a memory store.",
    ),
    Field("2.4.1.2", "System-level input", lambda: "Camera frames, and photographs of the people on a list."),
    Field(
        "2.4.1.3",
        "System-level output",
        lambda: "Possible matches: a face from a camera beside a photograph from the list, for a person to compare.",
    ),
    Field("2.4.1.4", "Maintenance", None, "How often and by whom it is maintained and updated."),
    Field("2.4.1.5", "Models", _models),
    Field("2.4.2.1", "Model name", lambda: engine.model if (engine := _engine()) else EMPTY),
    Field("2.4.2.2", "Model version", _version),
    Field("2.4.2.3", "Model task", lambda: "Turns the picture of a face into numbers that can be compared."),
    Field("2.4.2.4", "Model input", lambda: "A picture of one face, aligned by five points."),
    Field(
        "2.4.2.5", "Model output", lambda: f"{engine.dimension} numbers" if (engine := _engine()) is not None else EMPTY
    ),
    Field("2.4.2.6", "Model architecture", lambda: "A convolutional neural network."),
    Field("2.4.2.7", "Model performance", _performance),
    Field("2.4.2.8", "Datasets and their purposes", _datasets),
    Field("2.4.3", "Development data", None, "Leave empty if the models are used as published."),
    Field("2.4.4.1", "Data sources", lambda: "Camera frames, and photographs of the people on a list."),
    Field(
        "2.4.4.2",
        "Sensitive attributes",
        lambda: (
            "Biometric data of everybody who passes. Ethnicity, sex and age only as people say them or officers see "
            "them, after an engagement, for the equality report."
        ),
    ),
    Field("2.4.4.3", "Data processing", lambda: "Faces are detected, followed, measured, and compared with the list."),
    Field("2.4.4.4", "Data access and storage", _storage),
    Field("2.4.4.5", "Sharing agreements", _sharing),
    Field("2.5.1", "Impact assessments", _assessments),
    Field("2.5.2", "Risks and mitigations", None, "Of data, use, model, outputs, organisation and the public."),
)
_ASKED = {field.number: field for field in FIELDS if field.computed is None}


def entries() -> list[Entry]:
    """Return every field with its text, in their order."""
    newest: dict[str, AtrsAnswer] = {}
    for answer in AtrsAnswer.objects.select_related("answered_by"):
        newest.setdefault(answer.field, answer)
    return [_entry(field, newest.get(field.number)) for field in FIELDS]


def _entry(field: Field, answer: AtrsAnswer | None) -> Entry:
    if field.computed is not None:
        return Entry(field, field.computed() or EMPTY, False, None)
    return Entry(field, answer.text if answer is not None and answer.text else EMPTY, True, answer)


@transaction.atomic
def answer(number: str, text: str, *, actor: AbstractBaseUser) -> AtrsAnswer:
    """Keep what people say about a field. An empty text is an answer, too: N/A.

    Raises:
        Refused: the system answers this field itself, the text is too long, or it names somebody on a watchlist.
    """
    require(actor, KEEP_DOCUMENTS)
    if number not in _ASKED:
        raise Refused("Select a field that is asked.")
    if len(text) > LONGEST:
        raise Refused(f"The answer must be {LONGEST:,} characters or fewer.")
    refuse_names_on_file(text)
    made = AtrsAnswer.objects.create(field=number, text=text.strip(), answered_by_id=actor.pk)
    record(Action.ATRS_ANSWERED, actor=actor, target=made, data={"field": number})
    return made


def as_json() -> dict[str, Any]:
    """Return the record as data: metadata and fields by number."""
    found = entries()
    fields = [{"number": each.field.number, "name": each.field.name, "text": each.text} for each in found]
    return {**METADATA, "organisation": settings.LFR_FORCE, "fields": fields}
