"""Who on file looks like whom: found before the street finds it."""

from __future__ import annotations

from dataclasses import dataclass

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
            kind = Flag.Kind.SAME_PERSON if score >= threshold else Flag.Kind.LOOK_ALIKE
            found.append(Likeness(other.photograph, score, kind))
    # One person's several photographs, or copies on several lists, are one likeness.
    best: dict[str, Likeness] = {}
    for each in sorted(found, key=lambda each: -each.score):
        best.setdefault(each.photograph.person.reference, each)
    return list(best.values())
