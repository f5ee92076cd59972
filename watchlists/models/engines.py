"""Recognition engines and their calibrations."""

from __future__ import annotations

from typing import Any

from django.db import models

import recognition.calibration


class Engine(models.Model):
    """A recognition engine: everything a template depends on. Templates of two engines are never compared.

    second_*: the second model, which is run for candidates; empty and 0 for an engine without one.
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
            # Templates refer to these, so that none of another length can belong to this engine (migration 0002).
            models.UniqueConstraint(fields=["id", "dimension"], name="engine_with_its_dimension"),
            models.UniqueConstraint(fields=["id", "dimension", "second_dimension"], name="engine_with_its_dimensions"),
        )

    def __str__(self) -> str:
        return f"{self.model} {self.digest[:12]}"


class Calibration(models.Model):
    """An engine's scores on one set of photographs, from which a threshold can be chosen. Never changed.

    scores: recognition.calibration.Calibration as JSON: counts and scores that identify nobody.
    """

    engine = models.ForeignKey(Engine, on_delete=models.PROTECT, related_name="calibrations")
    dataset = models.CharField(max_length=120, help_text="A description of the photographs.")
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
