"""A sealed list as the engine searches it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from recognition.embed import Embedding
from recognition.engine import Template
from recognition.watch import Candidate
from watchlists.models import SealedTemplate


@dataclass(frozen=True)
class SealedList:
    """One sealed list's templates of one engine (recognition.watch.Gallery)."""

    watchlist_id: uuid.UUID
    engine_id: int

    def nearest(self, embeddings: Sequence[Embedding]) -> list[list[Candidate]]:
        return SealedTemplate.objects.nearest(embeddings, watchlist_id=self.watchlist_id, engine_id=self.engine_id)

    def templates(self, candidates: Sequence[Candidate]) -> dict[uuid.UUID, Template]:
        sealed = SealedTemplate.objects.filter(
            watchlist_id=self.watchlist_id,
            engine_id=self.engine_id,
            photograph_id__in={candidate.photograph for candidate in candidates},
        )
        return {row.photograph_id: row.template for row in sealed}
