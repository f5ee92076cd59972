"""A bulk import: the uploaded lines and photographs, and the result of each line."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from pgvector.django import VectorField

from audit.actions import Action
from core.machine import Stateful, Step
from watchlists.models.engines import Engine
from watchlists.models.lists import Watchlist
from watchlists.permissions import COMPILE_WATCHLIST


class Import(Stateful, models.Model):
    """A CSV and a ZIP of photographs for one draft. Steps: IMPORT_STEPS.

    The files are read first: nobody is added yet, and each row shows what would happen. A person then decides. Reading
    and importing resume after an interruption. failures: how many in a row; an import that keeps failing is cancelled.
    """

    class State(models.TextChoices):
        READING = "reading", "Being read"
        READY = "ready", "Ready to import"
        IMPORTING = "importing", "Being imported"
        DONE = "done", "Imported"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    watchlist = models.ForeignKey(Watchlist, on_delete=models.CASCADE, related_name="imports")
    engine = models.ForeignKey(Engine, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=State.choices, default=State.READING)
    unused = models.PositiveIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"import {str(self.id)[:8]}"

    @property
    def is_moving(self) -> bool:
        """Whether a worker is reading its files or adding its people."""
        return self.state in (self.State.READING, self.State.IMPORTING)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


class ImportRow(models.Model):
    """One line of the CSV, for one person. values: the cells as uploaded."""

    class Verdict(models.TextChoices):
        PENDING = "pending", "Not read yet"
        GOOD = "good", "Would be added"
        WARN = "warn", "Would be added, with flags"
        WRONG = "wrong", "Not added"
        ADDED = "added", "Added"

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField()
    reference = models.CharField(max_length=200)
    values: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField()
    verdict = models.CharField(max_length=8, choices=Verdict.choices, default=Verdict.PENDING)
    message = models.TextField(blank=True)

    class Meta:
        ordering = ("line",)
        constraints = (models.UniqueConstraint(fields=["of", "line"], name="line_once_an_import"),)

    def __str__(self) -> str:
        return f"line {self.line} of {self.of}"

    @property
    def verdict_style(self) -> str:
        """The style of the badge that shows the verdict."""
        styles = {self.Verdict.PENDING: "", self.Verdict.WARN: "wait", self.Verdict.WRONG: "danger"}
        return styles.get(self.Verdict(self.verdict), "sealed")


class ImportPhotograph(models.Model):
    """A photograph of a row, encrypted with the list's key, and its template once it is read.

    Deleted when the import is over.
    """

    row = models.ForeignKey(ImportRow, on_delete=models.CASCADE, related_name="photographs")
    name = models.CharField(max_length=300)
    encrypted = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    is_read = models.BooleanField(default=False)
    problem = models.CharField(max_length=400, blank=True)
    reading: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(null=True)
    embedding = VectorField(null=True)
    second = VectorField(null=True)

    class Meta:
        ordering = ("pk",)
        indexes = (models.Index(fields=["row", "is_read"]),)

    def __str__(self) -> str:
        return f"photograph {self.pk} of {self.row_id}"


_S = Import.State
OPEN_STATES = (_S.READING, _S.READY, _S.IMPORTING)

IMPORT_STEPS: dict[str, Step] = {
    "read": Step((_S.READING,), _S.READY, COMPILE_WATCHLIST, Action.IMPORT_READ, system_may=True),
    "confirm": Step((_S.READY,), _S.IMPORTING, COMPILE_WATCHLIST, Action.IMPORT_CONFIRMED),
    "finish": Step((_S.IMPORTING,), _S.DONE, COMPILE_WATCHLIST, Action.IMPORT_DONE, system_may=True),
    "cancel": Step(OPEN_STATES, _S.CANCELLED, COMPILE_WATCHLIST, Action.IMPORT_CANCELLED, system_may=True),
}
Import.steps = IMPORT_STEPS
