"""Questions about people and lists."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import connections, models
from pgvector import Vector

from recognition.embed import Embedding
from recognition.watch import CANDIDATES, Candidate

if TYPE_CHECKING:
    from watchlists.models import Person, SealedTemplate, Watchlist  # noqa: F401 (in the strings below)


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


# Photographs looked at for each probe, so that people with several leave room for others.
ROWS = 12

_NEAREST = """
    SELECT probe.number, near.person_id, near.photograph_id, near.distance
    FROM unnest(%(probes)s::vector[]) WITH ORDINALITY AS probe (embedding, number),
    LATERAL (
        SELECT person_id, photograph_id, embedding <=> probe.embedding AS distance
        FROM watchlists_sealedtemplate
        WHERE watchlist_id = %(watchlist)s AND engine_id = %(engine)s
        ORDER BY distance
        LIMIT %(rows)s
    ) AS near
    ORDER BY probe.number, near.distance
"""


class SealedTemplateQuerySet(models.QuerySet["SealedTemplate"]):
    def nearest(
        self, embeddings: Sequence[Embedding], *, watchlist_id: uuid.UUID, engine_id: int
    ) -> list[list[Candidate]]:
        """For each probe the people of one sealed list nearest to it, best first; one trip to the database.

        Exact: every template of the list is compared. An approximate index can miss a wanted person, and saves
        milliseconds that a list of tens of thousands does not need (docs/performance.md).

        embeddings: unit, of the same engine.
        """
        values: dict[str, Any] = {
            "probes": [Vector(embedding).to_text() for embedding in embeddings],
            "watchlist": watchlist_id,
            "engine": engine_id,
            "rows": ROWS,
        }
        with connections[self.db].cursor() as cursor:
            cursor.execute(_NEAREST, values)
            rows = cursor.fetchall()
        best: list[dict[uuid.UUID, Candidate]] = [{} for _ in embeddings]
        for number, person_id, photograph_id, distance in rows:
            best[number - 1].setdefault(person_id, Candidate(person_id, photograph_id, 1.0 - float(distance)))
        return [list(people.values())[:CANDIDATES] for people in best]
