"""Querysets of people, lists and sealed templates."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import connections, models
from django.utils import timezone
from pgvector import Vector

from recognition.embed import Embedding
from recognition.frame import CANDIDATES, Candidate
from watchlists.permissions import AUTHORISE_WATCHLIST, COMPILE_WATCHLIST

if TYPE_CHECKING:
    from watchlists.models import Person, SealedTemplate, Watchlist  # noqa: F401 (in the strings below)


class PersonQuerySet(models.QuerySet["Person"]):
    def visible_to(self, user: Any) -> PersonQuerySet:
        """Return everyone if this user may compile or approve lists, and nobody otherwise."""
        allowed = (COMPILE_WATCHLIST, AUTHORISE_WATCHLIST)
        return self if any(user.has_perm(name) for name in allowed) else self.none()

    def not_current(self, since: dt.datetime) -> PersonQuerySet:
        """Return people not confirmed as still sought since then."""
        return self.filter(models.Q(current_at__isnull=True) | models.Q(current_at__lt=since))

    def perhaps_minors(self) -> PersonQuerySet:
        """Return everyone who may be under 18. `Person.is_minor` decides to the day."""
        recent = timezone.localdate() - dt.timedelta(days=365 * 19)
        return self.filter(models.Q(date_of_birth__gt=recent) | models.Q(date_of_birth__isnull=True, age="minor"))

    def matching(self, words: str) -> PersonQuerySet:
        """Return people whose name or reference contains these words."""
        return self.filter(models.Q(name__icontains=words) | models.Q(reference__icontains=words))

    def flagged(self) -> PersonQuerySet:
        """Return people with an open flag."""
        return self.filter(models.Exists(_open_flags()))

    def with_flags(self) -> PersonQuerySet:
        """Annotate each person with `open_flags`, how many there are."""
        return self.annotate(
            open_flags=models.Count("flags", filter=models.Q(flags__accepted_at__isnull=True), distinct=True)
        )


class WatchlistQuerySet(models.QuerySet["Watchlist"]):
    def visible_to(self, user: Any) -> WatchlistQuerySet:
        """Return the lists that this user may open."""
        allowed = (COMPILE_WATCHLIST, AUTHORISE_WATCHLIST)
        return self if any(user.has_perm(name) for name in allowed) else self.none()

    def stale(self, at: dt.datetime) -> WatchlistQuerySet:
        """Return lists that were sealed but did not go live before they expired."""
        return self.filter(state="sealed", expires_at__lte=at)

    def unsealed(self) -> WatchlistQuerySet:
        """Return drafts and lists that wait to be approved."""
        return self.filter(state__in=("draft", "returned", "compiled", "checked"))

    def due_for_destruction(self, at: dt.datetime) -> WatchlistQuerySet:
        """Return lists whose destruction is due or overdue."""
        return self.filter(destroyed_at__isnull=True, destroy_due_at__lte=at)

    def to_be_destroyed(self) -> WatchlistQuerySet:
        """Return every list that is to be destroyed, the earliest due first."""
        return self.filter(destroyed_at__isnull=True, destroy_due_at__isnull=False).order_by("destroy_due_at")


def _open_flags() -> models.QuerySet[Any]:
    from watchlists.models import Flag

    return Flag.objects.filter(person=models.OuterRef("pk"), accepted_at__isnull=True)


# Photographs read for each probe, so that people with several leave room for others.
ROWS = 12

_NEAREST = """
    SELECT probe.number, near.person_id, near.photograph_id, near.distance
    FROM unnest(%(probes)s::vector[]) WITH ORDINALITY AS probe (embedding, number),
    LATERAL (
        SELECT person_id, photograph_id, embedding <=> probe.embedding AS distance
        FROM watchlists_sealedtemplate
        WHERE watchlist_id = ANY(%(watchlists)s) AND engine_id = %(engine)s
        ORDER BY distance
        LIMIT %(rows)s
    ) AS near
    ORDER BY probe.number, near.distance
"""


class SealedTemplateQuerySet(models.QuerySet["SealedTemplate"]):
    def nearest(
        self, embeddings: Sequence[Embedding], *, watchlist_ids: Sequence[uuid.UUID], engine_id: int
    ) -> list[list[Candidate]]:
        """Return for each probe the nearest people on these sealed lists, best first, in one database query.

        The search is exact: every template of the lists is compared. An approximate index can miss a person, and
        saves only milliseconds on a list of tens of thousands (docs/explain/performance.md).

        embeddings: unit vectors of the same engine.
        """
        values: dict[str, Any] = {
            "probes": [Vector(embedding).to_text() for embedding in embeddings],
            "watchlists": list(watchlist_ids),
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
