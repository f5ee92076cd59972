"""Sealed lists in the form that the engine searches."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import recognition.engine
from recognition.embed import Embedding
from recognition.frame import Candidate
from watchlists.models import SealedTemplate, Template


@dataclass(frozen=True)
class SealedLists:
    """The templates of one engine on a period's list and its blue watchlist (a recognition.frame.Gallery)."""

    watchlist_ids: tuple[uuid.UUID, ...]
    engine_id: int

    def nearest(self, embeddings: Sequence[Embedding]) -> list[list[Candidate]]:
        return SealedTemplate.objects.nearest(embeddings, watchlist_ids=self.watchlist_ids, engine_id=self.engine_id)

    def templates(self, candidates: Sequence[Candidate]) -> dict[uuid.UUID, recognition.engine.Template]:
        of_candidates = {candidate.photograph for candidate in candidates}
        sealed = SealedTemplate.objects.filter(watchlist_id__in=self.watchlist_ids, photograph_id__in=of_candidates)
        templates = Template.objects.filter(engine_id=self.engine_id, photograph_id__in=sealed.values("photograph_id"))
        return {row.photograph_id: row.of_engine for row in templates}
