"""Who on file looks like whom: found before the street finds it."""

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
from watchlists.engines import current_engine
from watchlists.models import Engine, Flag, Person, Photograph, Template

# Of the nearest photographs, so many others get a full pass, in so many photographs of each.
PHOTOGRAPHS, PEOPLE, SHOTS = 200, 12, 4
# Nearest others whose mean is an entry's nearness, and how many must be on file for it to say anything.
NEAREST, COHORT = 10, 100


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
    """How near an entry comes to others on file, its impostor cohort.

    mean: score of its ten nearest, each in their nearest photograph. others: how many there are to compare with.
    """

    mean: float
    others: int
    threshold: float


def nearness(person: Person) -> Nearness | None:
    """The nearest that any of somebody's photographs comes; None while too few others are on file to say.

    It is no forecast: with the shipped engine it did not tell who draws false alerts (docs/explain/accuracy.md).
    """
    point = current_engine().operating_points.first()
    others = Template.objects.filter(engine=current_engine()).exclude(photograph__person__reference=person.reference)
    count = others.aggregate(count=Count("photograph__person__reference", distinct=True))["count"]
    if point is None or count < COHORT:
        return None
    best = 0.0
    for own in Template.objects.filter(engine=point.engine, photograph__person=person):
        near = others.annotate(distance=CosineDistance("embedding", own.embedding)).order_by("distance")
        scores: dict[str, float] = {}
        for row in near.select_related("photograph__person").defer("photograph__encrypted")[:PHOTOGRAPHS]:
            score = running_engine().score(own.of_engine, row.of_engine)
            reference = row.photograph.person.reference
            scores[reference] = max(score, scores.get(reference, -1.0))
        best = max(best, float(np.mean(sorted(scores.values())[-NEAREST:])))
    return Nearness(best, count, point.threshold)


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
    """Score the nearest by a full pass. One person's photographs, or copies on other lists, are one likeness.

    nearest: nearest first.
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
