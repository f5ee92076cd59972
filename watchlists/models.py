"""People, their photographs, the lists they are on, and what the engine makes of them."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import numpy as np
from django.conf import settings
from django.db import models
from django.db.models import Func
from django.db.models.functions import Coalesce
from pgvector.django import VectorField

import recognition.calibration
import recognition.engine
from audit.actions import Action
from audit.machine import Step
from watchlists.querysets import PersonQuerySet, SealedTemplateQuerySet, WatchlistQuerySet


class Category(models.TextChoices):
    """The lawful grounds of the College of Policing's practice. There is no "other": Bridges [2020] EWCA Civ 1058."""

    WANTED = "wanted", "Wanted by the courts"
    SUSPECT = "suspect", "Suspected of an offence"
    RESTRICTED = "restricted", "Subject to bail conditions or a court order"
    MISSING = "missing", "Missing and at increased risk of harm"
    RISK = "risk", "Poses a risk of harm to self or others"
    ASSOCIATE = "associate", "Associate of a person in the categories above"
    WITNESS = "witness", "Witness"
    VICTIM = "victim", "Victim"


class Engine(models.Model):
    """A recognition engine: what a template depends on. Templates of two engines are never compared.

    second_*: of the model that takes a close look at candidates; empty and 0 for an engine without one.
    """

    model = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)
    preprocessing = models.CharField(max_length=60)
    dimension = models.PositiveSmallIntegerField()
    second_model = models.CharField(max_length=40, default="", blank=True)
    second_digest = models.CharField(max_length=64, default="", blank=True)
    second_dimension = models.PositiveSmallIntegerField(default=0)
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["model", "digest", "preprocessing", "second_digest"], name="one_row_an_engine"
            ),
            # What templates point at, so that none of another length can belong to this engine (migration 0004).
            models.UniqueConstraint(fields=["id", "dimension"], name="engine_with_its_dimension"),
            models.UniqueConstraint(fields=["id", "dimension", "second_dimension"], name="engine_with_its_dimensions"),
        )

    def __str__(self) -> str:
        return f"{self.model} {self.digest[:12]}"


class Calibration(models.Model):
    """How an engine's scores came out on one set of photographs: what a threshold can be chosen from. Never changed.

    scores: recognition.calibration.Calibration as JSON: counts and scores, of nobody in particular.
    """

    engine = models.ForeignKey(Engine, on_delete=models.PROTECT, related_name="calibrations")
    dataset = models.CharField(max_length=120, help_text="What the photographs are, for people.")
    dataset_digest = models.CharField(max_length=64, help_text="SHA-256 over the photographs' names and contents.")
    measured_on = models.DateField()
    scores: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-added_at", "-pk")

    def __str__(self) -> str:
        return f"{self.dataset}, {self.measured_on:%d %B %Y}"

    @property
    def measured(self) -> recognition.calibration.Calibration:
        return recognition.calibration.Calibration.from_json(self.scores)


class OperatingPoint(models.Model):
    """A threshold on one engine's scores, and the measurement it rests on. Never changed: a new one is a new row."""

    engine = models.ForeignKey(Engine, on_delete=models.PROTECT, related_name="operating_points")
    calibration = models.ForeignKey(Calibration, on_delete=models.PROTECT, related_name="+", null=True)
    threshold = models.FloatField(help_text="Score from which a face is a possible match; 0 to 1, and no percentage.")
    basis = models.TextField(help_text="Which measurement, on which data, this threshold was chosen from.")
    set_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-set_at", "-pk")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(threshold__gt=0, threshold__lt=1), name="threshold_between_0_and_1"
            ),
        )

    def __str__(self) -> str:
        return f"{self.engine} at {self.threshold:.2f}"


class Person(models.Model):
    """Somebody a force has a lawful reason to look for."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(
        "nominal reference", max_length=40, unique=True, help_text="The person's number in the force's records system."
    )
    name = models.CharField(max_length=120)
    category = models.CharField(max_length=12, choices=Category.choices)
    reason = models.CharField("why sought", max_length=300, help_text="Offence or harm, and the warrant or order.")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "people"
        ordering = ("name", "reference")

    def __str__(self) -> str:
        # What the journal keeps for ever: no name, no force reference.
        return f"person {str(self.id)[:8]}"


class Photograph(models.Model):
    """One lawful photograph of a person, re-encoded without metadata, with the face that was chosen on it.

    It lives in the database beside the rows that explain it, so that both are written, and destroyed, together
    (docs/adr/0001).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="photographs")
    jpeg = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    face_box: models.JSONField[list[float], list[float]] = models.JSONField(
        help_text="Left, top, width, height of the chosen face, in pixels."
    )
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("added_at",)

    def __str__(self) -> str:
        return f"photograph {str(self.id)[:8]}"


def _dimension_of(column: str) -> models.GeneratedField:
    """The length of a vector, which the database itself works out."""
    length = Coalesce(Func(models.F(column), function="vector_dims"), 0)
    return models.GeneratedField(expression=length, output_field=models.PositiveSmallIntegerField(), db_persist=True)


class Template(models.Model):
    """What one engine made of one photograph, never changed: vectors of that engine's lengths, or the row is refused.

    second: of the model that takes a close look, for an engine that has one.
    """

    photograph = models.ForeignKey(Photograph, on_delete=models.CASCADE, related_name="templates")
    engine = models.ForeignKey(Engine, on_delete=models.PROTECT, related_name="+")
    embedding = VectorField()
    second = VectorField(null=True)
    dimension = _dimension_of("embedding")
    second_dimension = _dimension_of("second")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["photograph", "engine"], name="one_template_a_photograph_and_engine"),
        )

    def __str__(self) -> str:
        return f"template of {self.photograph_id}"

    @property
    def of_engine(self) -> recognition.engine.Template:
        """As the engine takes it."""
        second = None if self.second is None else np.asarray(self.second, np.float32)
        return recognition.engine.Template(np.asarray(self.embedding, np.float32), second)


class Watchlist(models.Model):
    """A named list of people for one purpose. States and steps: STEPS."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        COMPILED = "compiled", "Awaiting approval"
        AUTHORISED = "authorised", "Approved"
        SEALED = "sealed", "Sealed"
        LIVE = "live", "Live"
        CLOSED = "closed", "Closed"
        DESTROYED = "destroyed", "Destroyed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    purpose = models.TextField(help_text="What the list is for: the operation, and the policing need it meets.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    compiled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    authorised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    decision_reason = models.TextField(blank=True, editable=False)
    engine = models.ForeignKey(Engine, on_delete=models.PROTECT, related_name="+", null=True, editable=False)
    sealed_at = models.DateTimeField(null=True, editable=False)
    sealed_hash = models.CharField(max_length=64, blank=True, editable=False)
    size = models.PositiveIntegerField("people", default=0, editable=False)
    destroy_due_at = models.DateTimeField(null=True, editable=False)
    destroyed_at = models.DateTimeField(null=True, editable=False)

    objects = WatchlistQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        # What its sealed templates point at (migration 0004).
        constraints = (models.UniqueConstraint(fields=["id", "engine"], name="watchlist_with_its_engine"),)
        permissions = (
            ("compile_watchlist", "Can add people and compile watchlists"),
            ("authorise_watchlist", "Can approve and return watchlists"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_overdue(self) -> bool:
        """Past the time it should have been destroyed."""
        due = self.destroy_due_at
        return due is not None and self.destroyed_at is None and due < dt.datetime.now(dt.UTC)


class WatchlistEntry(models.Model):
    """One person's place on one list."""

    watchlist = models.ForeignKey(Watchlist, on_delete=models.CASCADE, related_name="entries")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="entries")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "watchlist entries"
        ordering = ("person__name", "pk")
        constraints = (models.UniqueConstraint(fields=["watchlist", "person"], name="once_on_a_watchlist"),)

    def __str__(self) -> str:
        return f"{self.person} on {self.watchlist}"


class SealedTemplate(models.Model):
    """A template as it was when its list was sealed: what cameras are compared with, and nothing else is.

    The database ties its engine to the list's (migration 0004): a list holds templates of one engine only. Every search
    reads every row, so a row is what a search needs; the rest of a candidate's template is in `Template`.
    """

    watchlist = models.ForeignKey(Watchlist, on_delete=models.CASCADE, related_name="sealed_templates")
    engine = models.ForeignKey(Engine, on_delete=models.PROTECT, related_name="+")
    embedding = VectorField()
    dimension = _dimension_of("embedding")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    photograph = models.ForeignKey(Photograph, on_delete=models.PROTECT, related_name="+")

    objects = SealedTemplateQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["watchlist", "engine", "photograph"], name="sealed_once"),)

    def __str__(self) -> str:
        return f"sealed template of {self.photograph_id}"


_S = Watchlist.State

STEPS: dict[str, Step] = {
    "compile": Step((_S.DRAFT,), _S.COMPILED, "watchlists.compile_watchlist", Action.WATCHLIST_COMPILED),
    "return": Step((_S.COMPILED,), _S.DRAFT, "watchlists.authorise_watchlist", Action.WATCHLIST_RETURNED),
    "authorise": Step((_S.COMPILED,), _S.AUTHORISED, "watchlists.authorise_watchlist", Action.WATCHLIST_AUTHORISED),
    "seal": Step((_S.AUTHORISED,), _S.SEALED, "watchlists.authorise_watchlist", Action.WATCHLIST_SEALED),
    "go_live": Step((_S.SEALED,), _S.LIVE, "deployments.run_deployment", Action.WATCHLIST_LIVE, system_may=True),
    "close": Step((_S.LIVE,), _S.CLOSED, "deployments.run_deployment", Action.WATCHLIST_CLOSED, system_may=True),
    "expire": Step((_S.SEALED,), _S.CLOSED, "", Action.WATCHLIST_EXPIRED, system_may=True),
    "destroy": Step((_S.CLOSED,), _S.DESTROYED, "", Action.WATCHLIST_DESTROYED, system_may=True),
}
