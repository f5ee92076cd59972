"""Questions about people and lists."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from django.db import models
from pgvector.django import CosineDistance

if TYPE_CHECKING:
    from watchlists.models import Person, SealedTemplate, Watchlist  # noqa: F401 (in the strings below)


@dataclass(frozen=True)
class Candidate:
    """The nearest photograph of one person on the list; score is the cosine similarity, -1 to 1."""

    person_id: uuid.UUID
    photograph_id: uuid.UUID
    score: float


class PersonQuerySet(models.QuerySet["Person"]):
    def visible_to(self, user: Any) -> PersonQuerySet:
        """People this user may read about: who compile, approve or use the lists."""
        allowed = ("watchlists.compile_watchlist", "watchlists.authorise_watchlist")
        return self if any(user.has_perm(name) for name in allowed) else self.none()

    def on_no_list(self) -> PersonQuerySet:
        return self.filter(entries__isnull=True)


class WatchlistQuerySet(models.QuerySet["Watchlist"]):
    def visible_to(self, user: Any) -> WatchlistQuerySet:
        """Lists this user may open."""
        allowed = ("watchlists.compile_watchlist", "watchlists.authorise_watchlist")
        return self if any(user.has_perm(name) for name in allowed) else self.none()

    def stale(self, at: dt.datetime) -> WatchlistQuerySet:
        """Sealed more than a day ago and never live: what was checked then is not known to hold now."""
        return self.filter(state="sealed", sealed_at__lte=at - dt.timedelta(days=1))

    def due_for_destruction(self, at: dt.datetime) -> WatchlistQuerySet:
        """Closed lists whose time has come, however long ago."""
        return self.filter(state="closed", destroy_due_at__lte=at)


class SealedTemplateQuerySet(models.QuerySet["SealedTemplate"]):
    def nearest(
        self, embedding: npt.NDArray[np.float32], *, watchlist_id: uuid.UUID, engine_id: int, limit: int = 3
    ) -> list[Candidate]:
        """The people of one sealed list nearest to a probe, best first.

        Exact: every template of the list is compared. An approximate index can miss a wanted person, and saves
        milliseconds a list of tens of thousands does not need.

        embedding: 128 numbers of unit length, of the same engine.
        """
        rows = (
            self.filter(watchlist_id=watchlist_id, engine_id=engine_id)
            .annotate(distance=CosineDistance("embedding", embedding))
            .order_by("distance")
            .values_list("person_id", "photograph_id", "distance")[: limit * 4]
        )
        best: dict[uuid.UUID, Candidate] = {}
        for person_id, photograph_id, distance in rows:
            best.setdefault(person_id, Candidate(person_id, photograph_id, 1.0 - float(distance)))
        return list(best.values())[:limit]
