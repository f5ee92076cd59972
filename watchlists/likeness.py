"""Who on file looks like whom: found before the street finds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.conf import settings
from pgvector.django import CosineDistance

import recognition.engine
from watchlists.engine import engine as running_engine
from watchlists.models import Engine, Flag, Photograph, Template

# Nearest others that are looked at closely for one photograph.
NEAREST = 12


@dataclass(frozen=True)
class Likeness:
    """Another photograph, of somebody under another reference, whose face comes near this one's."""

    photograph: Photograph
    score: float
    kind: str


def likenesses(
    template: recognition.engine.Template, engine: Engine, *, reference: str, threshold: float
) -> list[Likeness]:
    """Those on file at a score from which cameras would raise an alert, or somewhat below; nearest first.

    reference: of the person themselves, who may be on other lists, with other photographs.
    """
    least = threshold - settings.LFR_LOOK_ALIKE_MARGIN
    nearest = (
        Template.objects.filter(engine=engine)
        .exclude(photograph__person__reference=reference)
        .select_related("photograph__person__watchlist")
        .defer("photograph__encrypted")
        .order_by(CosineDistance("embedding", template.embedding))[:NEAREST]
    )
    found = []
    for other in nearest:
        score = running_engine().score(template, other.of_engine)
        if score >= least:
            found.append(Likeness(other.photograph, score, _kind(score, threshold)))
    return _once_a_person(found)


class Crowd:
    """Everybody on file in memory, for comparing many newcomers with all of them and with each other."""

    def __init__(self, engine: Engine) -> None:
        rows = list(
            Template.objects.filter(engine=engine)
            .select_related("photograph__person__watchlist")
            .defer("photograph__encrypted")
        )
        self._photographs = [row.photograph for row in rows]
        self._templates = [row.of_engine for row in rows]
        self._matrix = np.zeros((max(len(rows), 1024), engine.dimension), np.float32)
        for index, template in enumerate(self._templates):
            self._matrix[index] = template.embedding

    def add(self, photograph: Photograph, template: recognition.engine.Template) -> None:
        count = len(self._templates)
        if count == len(self._matrix):
            self._matrix = np.concatenate([self._matrix, np.zeros_like(self._matrix)])
        self._matrix[count] = template.embedding
        self._photographs.append(photograph)
        self._templates.append(template)

    def likenesses(self, template: recognition.engine.Template, *, reference: str, threshold: float) -> list[Likeness]:
        """As the function of this name, among those in memory."""
        least = threshold - settings.LFR_LOOK_ALIKE_MARGIN
        cosines = self._matrix[: len(self._templates)] @ np.asarray(template.embedding, np.float32)
        near = np.flatnonzero(cosines >= running_engine().worth_a_close_look(least))
        found = []
        for index in near[np.argsort(-cosines[near])][:NEAREST]:
            photograph = self._photographs[int(index)]
            if photograph.person.reference == reference:
                continue
            score = running_engine().score(template, self._templates[int(index)])
            if score >= least:
                found.append(Likeness(photograph, score, _kind(score, threshold)))
        return _once_a_person(found)


def _kind(score: float, threshold: float) -> str:
    return Flag.Kind.SAME_PERSON if score >= threshold else Flag.Kind.LOOK_ALIKE


def _once_a_person(found: list[Likeness]) -> list[Likeness]:
    """One person's several photographs, or copies on several lists, are one likeness."""
    best: dict[str, Likeness] = {}
    for each in sorted(found, key=lambda each: -each.score):
        best.setdefault(each.photograph.person.reference, each)
    return list(best.values())
