"""Add many people to a list at once, for an import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

import recognition.engine
from audit.actions import Action
from audit.journal import Event, record_all
from core import keys
from core.errors import Refused
from core.permissions import require
from watchlists import engines
from watchlists.contributions import Kind, note_contribution
from watchlists.flags import alike, photograph_flags, store
from watchlists.likeness import Crowd
from watchlists.models import ImportRow, Person, Photograph, Template, Watchlist
from watchlists.people import Provenance, about, check, check_provenance, lock_drafts, recount
from watchlists.permissions import COMPILE_WATCHLIST


@dataclass(frozen=True)
class Taken:
    """A photograph that was read earlier, encrypted with the list's key.

    reading: its width, height, face_box, landmarks and report.
    """

    encrypted: bytes
    sha256: str
    reading: Mapping[str, Any]
    template: recognition.engine.Template
    provenance: Provenance


@dataclass(frozen=True)
class NewEntry:
    """A line of an import, with its particulars and photographs."""

    row: ImportRow
    particulars: Mapping[str, Any]
    photographs: Sequence[Taken]


@transaction.atomic
def add_many(watchlist: Watchlist, entries: Sequence[NewEntry], crowd: Crowd, *, actor: AbstractBaseUser) -> None:
    """Add many people to a list in one transaction, and note the result in each import row.

    crowd: everyone on file; the new people are added to it.

    Raises:
        Conflict: the list can no longer be edited.
    """
    require(actor, COMPILE_WATCHLIST)
    drafts = lock_drafts(watchlist)
    keys.create(watchlist.key_name)
    engine = engines.current_engine()
    threshold = engines.likeness_threshold(engine)
    persons: list[Person] = []
    kept: list[tuple[Photograph, Taken]] = []
    for entry in entries:
        person = Person(watchlist=watchlist, added_by_id=actor.pk, **entry.particulars)
        try:
            check(person)
            photographs = [(_taken(person, each, actor), each) for each in _each_once(entry.photographs)]
        except Refused as refusal:
            entry.row.verdict, entry.row.message = ImportRow.Verdict.WRONG, str(refusal)
            continue
        persons.append(person)
        kept += photographs
        entry.row.verdict = ImportRow.Verdict.ADDED
    Person.objects.bulk_create(persons)
    Photograph.objects.bulk_create([photograph for photograph, _ in kept])
    Template.objects.bulk_create(
        Template(photograph=photograph, engine=engine, embedding=taken.template.embedding, second=taken.template.second)
        for photograph, taken in kept
    )
    flags = []
    for photograph, taken in kept:
        flags += photograph_flags(photograph, taken.reading["report"])
        found = crowd.likenesses(taken.template, reference=photograph.person.reference, threshold=threshold)
        flags += alike(photograph, found, drafts)
        crowd.add(photograph, taken.template)
    store(flags)
    recount(watchlist)
    note_contribution(watchlist, Kind.IMPORTED, actor=actor)
    if events := _events(watchlist, persons, [photograph for photograph, _ in kept]):
        record_all(events, actor=actor)


def _events(watchlist: Watchlist, persons: Sequence[Person], photographs: Sequence[Photograph]) -> list[Event]:
    """Return the audit entries for added people and photographs."""
    events = [
        Event(Action.PERSON_ADDED, each, {"category": each.category, "watchlist": str(watchlist.pk)})
        for each in persons
    ]
    return events + [Event(Action.PHOTOGRAPH_ADDED, each, about(each)) for each in photographs]


def _each_once(photographs: Sequence[Taken]) -> list[Taken]:
    """Return the photographs without repeats: the same picture under two names is one photograph."""
    return list({taken.sha256: taken for taken in photographs}.values())


def _taken(person: Person, taken: Taken, actor: AbstractBaseUser) -> Photograph:
    check_provenance(taken.provenance)
    return Photograph(
        person=person,
        encrypted=taken.encrypted,
        key_name=person.watchlist.key_name,
        sha256=taken.sha256,
        width=taken.reading["width"],
        height=taken.reading["height"],
        face_box=taken.reading["face_box"],
        landmarks=taken.reading.get("landmarks"),
        quality={"measures": taken.reading["report"]},
        added_by_id=actor.pk,
        **vars(taken.provenance),
    )
