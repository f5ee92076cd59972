"""A watchlist in memory, for benchmarks that run without the database."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from recognition.embed import Embedding, Embeddings
from recognition.engine import Template
from recognition.frame import CANDIDATES, Candidate


@dataclass
class MemoryGallery:
    """Names with their templates (recognition.frame.Gallery)."""

    names: list[str]
    enrolled: list[Template]
    ids: list[uuid.UUID] = field(init=False)

    def __post_init__(self) -> None:
        self.ids = [uuid.uuid5(uuid.NAMESPACE_OID, name) for name in self.names]
        self.name_of = dict(zip(self.ids, self.names, strict=True))
        self._template_of = dict(zip(self.ids, self.enrolled, strict=True))
        self._embeddings: Embeddings = np.stack([each.embedding for each in self.enrolled])

    def nearest(self, embeddings: Sequence[Embedding]) -> list[list[Candidate]]:
        scores = np.stack(embeddings) @ self._embeddings.T
        best = np.argsort(-scores, axis=1)[:, :CANDIDATES]
        return [
            [Candidate(self.ids[index], self.ids[index], float(row[index])) for index in order]
            for row, order in zip(scores, best, strict=True)
        ]

    def templates(self, candidates: Sequence[Candidate]) -> dict[uuid.UUID, Template]:
        return {candidate.photograph: self._template_of[candidate.photograph] for candidate in candidates}
