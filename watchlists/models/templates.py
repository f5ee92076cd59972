"""Templates that engines make of photographs."""

from __future__ import annotations

import numpy as np
from django.db import models
from django.db.models import Func
from django.db.models.functions import Coalesce
from pgvector.django import VectorField

import recognition.engine
from watchlists.models.engines import Engine
from watchlists.models.lists import Watchlist
from watchlists.models.people import Person, Photograph
from watchlists.querysets import SealedTemplateQuerySet


def _dimension_of(column: str) -> models.GeneratedField:
    """Return a field for the length of a vector, which the database calculates."""
    length = Coalesce(Func(models.F(column), function="vector_dims"), 0)
    return models.GeneratedField(expression=length, output_field=models.PositiveSmallIntegerField(), db_persist=True)


class Template(models.Model):
    """One engine's template of one photograph. Never changed; its vectors must have that engine's lengths.

    second: the vector of the second model, for an engine that has one.
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
        """The template in the engine's own type."""
        second = None if self.second is None else np.asarray(self.second, np.float32)
        return recognition.engine.Template(np.asarray(self.embedding, np.float32), second)


class SealedTemplate(models.Model):
    """A template as it was when its list was sealed. Cameras are compared with these and with nothing else.

    The database ties its engine to the list's (migration 0002), so a list has templates of one engine only. A search
    reads every row, so a row has only what a search needs; the rest of a candidate's template is in `Template`.
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
