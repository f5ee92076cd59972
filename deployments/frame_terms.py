"""The terms of a camera's frames: from the signed authority, as far as state and revocation allow at that moment."""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connections
from django.db.utils import DEFAULT_DB_ALIAS

from deployments.executable import NotVerified, verified
from deployments.terms import CameraTerms, ListTerms, PeriodTerms, Terms
from recognition.engine import EngineIdentity
from recognition.zone import Area, Zone

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FrameTerms:
    """The lists that a camera's frames are compared with, the engine and the threshold, as they were signed.

    watchlist_ids: the period's watchlist and blue watchlist; under test only the blue one. smallest_face: in pixels.
    area: the part of the picture that is looked at. authority: the SHA-256 of the signed document.
    """

    watchlist_id: uuid.UUID | None
    blue_list_id: uuid.UUID | None
    engine_id: int
    operating_point: int
    threshold: float
    smallest_face: int
    area: Area
    engine: EngineIdentity
    authority: str

    @property
    def watchlist_ids(self) -> tuple[uuid.UUID, ...]:
        return tuple(each for each in (self.watchlist_id, self.blue_list_id) if each is not None)


# What may change without a signature, because it can only narrow: state, the end of a revoked authority, the lists that
# are attached now and whether they still count, and what a camera looks at within what was signed. Run for every frame,
# for which building the query with the ORM would take longer than running it. It must follow the same rule as
# `streaming_allowed` and `Period.is_open`; a test compares them.
_ROWS = """
    SELECT deployment.id, deployment.authority_sha256, deployment.authority_ends_at,
        deployment.state = 'live' AND period.went_live_at IS NOT NULL AND period.ended_at IS NULL
            AND (listed.expires_at IS NULL OR listed.expires_at > %(at)s),
        deployment.state IN ('notified', 'ready', 'paused') AND period.test_until > %(at)s,
        listed.id, listed.sealed_hash, blue.id, blue.sealed_hash,
        camera.smallest_face, camera.zone, camera.excluded
    FROM deployments_camera AS camera
    JOIN deployments_period AS period ON period.id = camera.period_id
    JOIN deployments_deployment AS deployment ON deployment.id = period.deployment_id
    LEFT JOIN watchlists_watchlist AS listed ON listed.id = period.watchlist_id
    LEFT JOIN watchlists_watchlist AS blue ON blue.id = period.blue_list_id
    WHERE camera.id = %(camera)s AND period.starts_at <= %(at)s AND period.ends_at > %(at)s
        AND deployment.authority_ends_at > %(at)s
"""


def frame_terms(camera_id: uuid.UUID | str, *, at: dt.datetime, using: str = DEFAULT_DB_ALIAS) -> FrameTerms | None:
    """Return the terms for this camera's frames; None while it may not stream, or nothing signed allows it."""
    with connections[using].cursor() as cursor:
        cursor.execute(_ROWS, {"camera": camera_id, "at": at})
        found = cursor.fetchone()
    row = None if found is None else _Row(*found)
    if row is None or not (row.is_live or row.is_test):
        return None
    try:
        terms = verified(row.authority)
    except NotVerified as problem:
        logger.error("A camera was not admitted: %s", problem)
        return None
    signed = terms.cameras.get(uuid.UUID(str(camera_id)))
    if signed is None or terms.deployment != row.deployment:
        return None
    return _admitted(terms, *signed, row, at)


class _Row(NamedTuple):
    """A row of `_ROWS`. zone, excluded: as JSON."""

    deployment: uuid.UUID
    authority: str
    authority_ends_at: dt.datetime
    is_live: bool
    is_test: bool
    watchlist: uuid.UUID | None
    watchlist_hash: str | None
    blue_list: uuid.UUID | None
    blue_hash: str | None
    smallest_face: int
    zone: str
    excluded: str


def _admitted(terms: Terms, camera: CameraTerms, period: PeriodTerms, row: _Row, at: dt.datetime) -> FrameTerms | None:
    ends_at = min(period.ends_at, terms.ends_at, row.authority_ends_at)
    watchlist = _same(period.watchlist, row.watchlist, row.watchlist_hash) if row.is_live else None
    if not period.starts_at <= at < ends_at or (row.is_live and watchlist is None):
        return None
    # Both the zone that was signed and the one set since, which may be narrower: never a wider one.
    within = tuple(zone for zone in (camera.zone, _zone(json.loads(row.zone))) if zone)
    return FrameTerms(
        watchlist_id=watchlist,
        blue_list_id=_same(period.blue_list, row.blue_list, row.blue_hash),
        engine_id=terms.engine_id,
        operating_point=terms.operating_point,
        threshold=terms.threshold,
        smallest_face=max(camera.smallest_face, row.smallest_face),
        area=Area(within, tuple(map(_zone, json.loads(row.excluded)))),
        engine=terms.engine,
        authority=terms.sha256,
    )


def _same(signed: ListTerms | None, listed: uuid.UUID | None, sealed_hash: str | None) -> uuid.UUID | None:
    """Return the list that was signed, if it is the one attached and still has the content that was sealed."""
    return signed.id if signed is not None and (signed.id, signed.sha256) == (listed, sealed_hash) else None


def _zone(corners: list[list[float]]) -> Zone:
    return tuple((float(x), float(y)) for x, y in corners)
