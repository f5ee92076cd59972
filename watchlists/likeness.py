"""Search for people on file who look alike, so that likenesses are known before a deployment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db.models import Count
from pgvector.django import CosineDistance

import recognition.engine
from watchlists.engine import engine as running_engine
from watchlists.engines import current_engine, likeness_threshold
from watchlists.models import Engine, Flag, Person, Photograph, Template

# Nearest photographs to consider; people to score by a full pass; photographs of each to score.
PHOTOGRAPHS, PEOPLE, SHOTS = 200, 12, 4
# Nearest others whose mean score is an entry's nearness; fewest others on file for it to be calculated.
NEAREST, COHORT = 10, 100


@dataclass(frozen=True)
class Likeness:
    """A photograph of a person with another reference, whose face is similar."""

    photograph: Photograph
    score: float
    kind: str


def likenesses(
    template: recognition.engine.Template, engine: Engine, *, reference: str, threshold: float
) -> list[Likeness]:
    """Return likenesses at or above the threshold, or at most LFR_LOOK_ALIKE_MARGIN below it, nearest first.

    reference: of the person themselves, whose entries on other lists are left out.
    """
    least = threshold - settings.LFR_LOOK_ALIKE_MARGIN
    near = (
        Template.objects.filter(engine=engine)
        .exclude(photograph__person__reference=reference)
        .annotate(distance=CosineDistance("embedding", template.embedding))
        .filter(distance__lte=1 - running_engine().quick_gate(least))
        .select_related("photograph__person__watchlist")
        .defer("photograph__encrypted")
        .order_by("distance")[:PHOTOGRAPHS]
    )
    return _closest(template, ((row.photograph, row.of_engine) for row in near), threshold)


@dataclass(frozen=True)
class Nearness:
    """How similar an entry is to the others on file, its impostor cohort.

    mean: mean score of the ten nearest others, each by their nearest photograph. others: how many were compared.
    """

    mean: float
    others: int
    threshold: float


def nearness(person: Person) -> Nearness | None:
    """Return the highest nearness of a person's photographs; None if there are too few others.

    It is not a forecast: with the shipped engine it did not show who raises false alerts (docs/explain/accuracy.md).
    """
    engine = current_engine()
    others = Template.objects.filter(engine=engine).exclude(photograph__person__reference=person.reference)
    count = others.aggregate(count=Count("photograph__person__reference", distinct=True))["count"]
    if count < COHORT:
        return None
    best = 0.0
    for own in Template.objects.filter(engine=engine, photograph__person=person):
        near = others.annotate(distance=CosineDistance("embedding", own.embedding)).order_by("distance")
        scores: dict[str, float] = {}
        for row in near.select_related("photograph__person").defer("photograph__encrypted")[:PHOTOGRAPHS]:
            score = running_engine().score(own.of_engine, row.of_engine)
            reference = row.photograph.person.reference
            scores[reference] = max(score, scores.get(reference, -1.0))
        best = max(best, float(np.mean(sorted(scores.values())[-NEAREST:])))
    return Nearness(best, count, likeness_threshold(engine))


class Crowd:
    """Everyone on file, in memory, to compare many new people with all of them and with each other."""

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
        """Do what the function `likenesses` does, among the people in memory."""
        least = threshold - settings.LFR_LOOK_ALIKE_MARGIN
        cosines = self._matrix[: len(self._templates)] @ np.asarray(template.embedding, np.float32)
        near = np.flatnonzero(cosines >= running_engine().quick_gate(least))
        ordered = [int(index) for index in near[np.argsort(-cosines[near])][:PHOTOGRAPHS]]
        others = (
            (self._photographs[index], self._templates[index])
            for index in ordered
            if self._photographs[index].person.reference != reference
        )
        return _closest(template, others, threshold)


def _closest(
    template: recognition.engine.Template,
    nearest: Iterable[tuple[Photograph, recognition.engine.Template]],
    threshold: float,
) -> list[Likeness]:
    """Score the nearest by a full pass. All photographs of one person, on any list, count as one likeness.

    nearest: photographs and their templates, nearest first.
    """
    best: dict[str, Likeness] = {}
    seen: Counter[str] = Counter()
    for photograph, other in nearest:
        reference = photograph.person.reference
        if seen[reference] == SHOTS or (reference not in seen and len(seen) == PEOPLE):
            continue
        seen[reference] += 1
        score = running_engine().score(template, other)
        if score >= threshold - settings.LFR_LOOK_ALIKE_MARGIN and (
            reference not in best or score > best[reference].score
        ):
            kind = Flag.Kind.SAME_PERSON if score >= threshold else Flag.Kind.LOOK_ALIKE
            best[reference] = Likeness(photograph, score, kind)
    return sorted(best.values(), key=lambda each: -each.score)
