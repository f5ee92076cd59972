"""The canonical form of a list's content, and the hash over it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from watchlists.models import Flag, Person, Photograph, Watchlist
from watchlists.people import PARTICULARS

# Version of the form below. Raise it with every change: earlier hashes were made in the earlier form.
FORM = 5

_CHILD = ("minor_accepted_by_id", "minor_accepted_reason")
_PERSON = ("id", *PARTICULARS, "added_by_id", "current_at", "current_by_id", "current_source", *_CHILD)
_CONFIRMED = ("confirmed_by", "confirmed_at")
_PHOTOGRAPH = ("id", "person_id", "sha256", "face_box", "source", "lawful_hold", "keeping", "taken_on", *_CONFIRMED)
_FLAG = ("person_id", "kind", "detail", "reason", "accepted_by_id", "accepted_at")


def content_hash(watchlist: Watchlist) -> str:
    """Return the SHA-256 over a list's canonical content: its own fields, people, photographs and flags.

    Rows are read in chunks, so that a list of tens of thousands is never in memory as a whole.
    """
    digest = hashlib.sha256()
    names = ("id", "name", "purpose", "is_blue", "version", "policy")
    _feed(digest, {"form": FORM, **{name: getattr(watchlist, name) for name in names}})
    people = Person.objects.filter(watchlist=watchlist).order_by("pk")
    photographs = Photograph.objects.filter(person__watchlist=watchlist).order_by("pk")
    flags = Flag.objects.filter(person__watchlist=watchlist).order_by("person_id", "kind", "pk")
    for kind, rows in (
        ("person", people.values(*_PERSON)),
        ("photograph", photographs.values(*_PHOTOGRAPH)),
        ("flag", flags.values(*_FLAG)),
    ):
        for row in rows.iterator(chunk_size=2000):
            _feed(digest, {"row": kind, **row})
    return digest.hexdigest()


def canonical(content: dict[str, Any]) -> bytes:
    """Return one line of JSON: sorted keys, no spaces, dates in ISO form, everything else as text."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain).encode()


def _feed(digest: Any, content: dict[str, Any]) -> None:
    digest.update(canonical(content))
    digest.update(b"\n")


def _plain(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
