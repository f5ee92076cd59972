"""The terms of an authority: the document that is signed, and the form in which the frame path reads it.

The document is JSON. Its canonical form has sorted keys, no spaces and UTF-8; numbers with decimals and times are text,
so that there is one way to write each. `docs/reference/authority.schema.json` describes it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recognition.engine import EngineIdentity
from recognition.zone import Zone

SCHEMA = "lfr-authority/1"
# Put before the canonical form when it is signed, so that a signature is never one of something else.
CONTEXT = b"lfr-authority/1\n"

Document = dict[str, Any]


class NotAnAuthority(ValueError):
    """The content is not a document of this schema."""


@dataclass(frozen=True)
class ListTerms:
    """A sealed watchlist that may be searched. sha256: of its content, as sealed."""

    id: uuid.UUID
    sha256: str


@dataclass(frozen=True)
class CameraTerms:
    """A camera. smallest_face: the width in pixels from which faces may be compared. zone: within which; () for all."""

    id: uuid.UUID
    smallest_face: int
    zone: Zone


@dataclass(frozen=True)
class PeriodTerms:
    """A place and time, with the lists that may be searched there; None until they are confirmed."""

    id: uuid.UUID
    starts_at: dt.datetime
    ends_at: dt.datetime
    watchlist: ListTerms | None
    blue_list: ListTerms | None


@dataclass(frozen=True)
class Terms:
    """The terms of an authority that the frame path reads. sha256: of the canonical document."""

    sha256: str
    deployment: uuid.UUID
    ends_at: dt.datetime
    engine: EngineIdentity
    engine_id: int
    operating_point: int
    threshold: float
    faces_a_false_alert: int
    cameras: Mapping[uuid.UUID, tuple[CameraTerms, PeriodTerms]]


def canonical(document: Document) -> bytes:
    """Return the canonical form of a document."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read(content: bytes) -> Terms:
    """Return the terms in a canonical document, whose signature the caller has verified.

    Raises:
        NotAnAuthority: it is not canonical, of another schema, or incomplete.
    """
    try:
        document = json.loads(content)
        if document["schema"] != SCHEMA or canonical(document) != content:
            raise NotAnAuthority("This is not an authority in its canonical form.")
        how = document["how"]
        cameras = {
            camera.id: (camera, period)
            for each in document["where"]
            for period in [_period(each)]
            for camera in map(_camera, each["cameras"])
        }
        return Terms(
            sha256=sha256_of(content),
            deployment=uuid.UUID(document["deployment"]),
            ends_at=dt.datetime.fromisoformat(document["ends_at"]),
            engine=EngineIdentity(**how["engine"]),
            engine_id=int(how["engine_row"]),
            operating_point=int(how["operating_point"]),
            threshold=float(how["threshold"]),
            faces_a_false_alert=int(how["faces_a_false_alert"]),
            cameras=cameras,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotAnAuthority(f"This is not an authority: {error!r}.") from error


def differences(signed: Document, derived: Document) -> list[tuple[str, str, str]]:
    """Return what differs between two documents: where, what was signed, and what the records say now."""
    one, other = dict(_leaves(signed)), dict(_leaves(derived))
    return [
        (path, one.get(path, "–"), other.get(path, "–"))
        for path in sorted({*one, *other})
        if one.get(path) != other.get(path)
    ]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _leaves(each, f"{path}[{index}]")
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _period(each: Mapping[str, Any]) -> PeriodTerms:
    return PeriodTerms(
        uuid.UUID(each["period"]),
        dt.datetime.fromisoformat(each["starts_at"]),
        dt.datetime.fromisoformat(each["ends_at"]),
        _list(each["watchlist"]),
        _list(each["blue_watchlist"]),
    )


def _list(each: Mapping[str, Any] | None) -> ListTerms | None:
    return None if each is None else ListTerms(uuid.UUID(each["watchlist"]), str(each["sha256"]))


def _camera(each: Mapping[str, Any]) -> CameraTerms:
    zone = tuple((float(x), float(y)) for x, y in each["zone"])
    return CameraTerms(uuid.UUID(each["camera"]), int(each["smallest_face"]), zone)
