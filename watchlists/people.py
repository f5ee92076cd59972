"""Operations on the people on an editable list. Each is atomic and writes an entry to the audit log."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import Event, record, record_all
from core import keys
from core.errors import Conflict, Refused
from core.locks import lock, lock_all
from core.machine import JournalData
from core.permissions import require
from watchlists import engines
from watchlists.choices import EXCEPTIONAL, KEEPING_OF, REFUSED_SOURCES, Category, Source
from watchlists.contributions import Kind, note_contribution
from watchlists.enrolment import Enrolment
from watchlists.flags import flag
from watchlists.ledger import enter
from watchlists.models import EDITABLE, Flag, Person, Photograph, Watchlist
from watchlists.permissions import COMPILE_WATCHLIST

PARTICULARS = (
    "reference",
    "name",
    "date_of_birth",
    "age",
    "category",
    "offence",
    "seriousness",
    "data_subject",
    "legal_basis",
    "authority",
    "tier",
    "expected_action",
    "markers",
    "look_alikes",
    "rationale",
    "minor_rationale",
    "expires_on",
)


# What says who it is that photographs were compared with, and what was confirmed when somebody is still sought.
_WHO = {"reference", "name", "date_of_birth"}
_WHO_AND_WHY = _WHO | {"category", "offence", "legal_basis", "authority"}
PROVENANCE = ("source", "keeping", "lawful_hold", "taken_on", "confirmed_by", "confirmed_at")


@dataclass(frozen=True)
class Provenance:
    """Where a photograph comes from, why the force may hold and keep it, and when it was taken (None if not known).

    confirmed_by, confirmed_at: who compared it with the record and found that it is of the person, and when; empty if
    nobody has yet.
    """

    source: str
    lawful_hold: str
    taken_on: dt.date | None
    keeping: str = ""
    confirmed_by: str = ""
    confirmed_at: dt.datetime | None = None


@transaction.atomic
def add_person(
    watchlist: Watchlist,
    particulars: Mapping[str, Any],
    enrolment: Enrolment,
    provenance: Provenance,
    *,
    actor: AbstractBaseUser,
) -> Person:
    """Add a person with a first photograph to a list. particulars: values for PARTICULARS.

    Raises:
        Refused: the reference is already on this list, or something that the policy requires is missing.
        Conflict: the list can no longer be edited.
    """
    require(actor, COMPILE_WATCHLIST)
    # Rows are always locked before the audit log, so that no two operations wait for each other.
    drafts = lock_drafts(watchlist)
    person = Person(watchlist=watchlist, added_by_id=actor.pk, **particulars)
    check(person)
    person.save(force_insert=True)
    photograph = _keep_photograph(person, enrolment, provenance, drafts, actor=actor)
    recount(watchlist)
    note_contribution(watchlist, Kind.ENTRY_ADDED, actor=actor)
    data = {"category": person.category, "watchlist": str(watchlist.pk)}
    record_all([Event(Action.PERSON_ADDED, person, data), _added(photograph)], actor=actor)
    return person


def check_provenance(provenance: Provenance) -> None:
    """Raise Refused if the policy does not allow this source, or not without a basis for keeping the photograph."""
    problems = provenance_problems(provenance)
    if problems:
        raise Refused(" ".join(problems.values()))


def provenance_problems(provenance: Provenance) -> dict[str, str]:
    """Return by field what the policy does not allow of where a photograph comes from; empty if it allows it."""
    source, allowed = provenance.source, KEEPING_OF.get(provenance.source, ())
    label = str(Source(source).label)
    if source in REFUSED_SOURCES:
        return {
            "source": f"You cannot use a {label.lower()} photograph, because it was given to the state for another "
            "purpose. Use a police photograph."
        }
    found = {}
    if provenance.keeping and not allowed:
        found["keeping"] = f"Leave this empty: “{label}” needs no basis for keeping it."
    elif allowed and provenance.keeping not in allowed:
        options = "; ".join(f"“{each.label}”" for each in allowed)
        found["keeping"] = f"Select why this photograph may be kept. For “{label}”: {options}."
    if provenance.confirmed_by and (provenance.confirmed_at is None or provenance.confirmed_at > timezone.now()):
        found["confirmed_at"] = "Enter when the photograph was confirmed to be of the person: a time in the past."
    return found


@transaction.atomic
def change_person(person: Person, particulars: Mapping[str, Any], *, revision: int, actor: AbstractBaseUser) -> None:
    """Correct the particulars of a person. revision: the one shown on the page.

    Raises:
        Conflict: another user has changed this entry since, or the list can no longer be edited.
        Refused: the reference is already on this list, or something that the policy requires is missing.
    """
    require(actor, COMPILE_WATCHLIST)
    lock_editable(person.watchlist)
    held = lock(Person.objects.all(), person.pk)
    if held.revision != revision:
        raise Conflict(
            "Another user has changed this entry since you opened it. Your changes were not saved. Open the entry "
            "again and enter them again."
        )
    changed = [name for name in PARTICULARS if name in particulars and getattr(held, name) != particulars[name]]
    for name in changed:
        setattr(held, name, particulars[name])
    check(held)
    to_compare = 0
    if _WHO.intersection(changed):
        to_compare = held.photographs.exclude(confirmed_by="").update(confirmed_by="", confirmed_at=None)
    if _WHO_AND_WHY.intersection(changed):
        held.current_at, held.current_by, held.current_source = None, None, ""
    # The officer's tick for a person under 18 applied to the earlier particulars.
    held.minor_accepted_by, held.minor_accepted_reason = None, ""
    held.revision += 1
    held.save()
    person.refresh_from_db()
    note_contribution(person.watchlist, Kind.ENTRY_EDITED, actor=actor)
    data: JournalData = {"fields": ", ".join(changed), "photographs_to_compare": to_compare}
    record(Action.PERSON_CHANGED, actor=actor, target=person, data=data)


@transaction.atomic
def remove_person(person: Person, *, actor: AbstractBaseUser) -> None:
    """Remove a person from a list, and destroy what was held about them.

    Raises:
        Conflict: the list can no longer be edited. Refused: they are held as evidence.
    """
    require(actor, COMPILE_WATCHLIST)
    watchlist, removed = person.watchlist, Person(pk=person.pk)
    lock_editable(watchlist)
    if hasattr(person, "hold"):
        raise Refused("This entry is held as evidence. Release the hold first.")
    enter(watchlist, Person.objects.filter(pk=person.pk))
    person.delete()
    recount(watchlist)
    note_contribution(watchlist, Kind.ENTRY_REMOVED, actor=actor)
    record(Action.PERSON_DESTROYED, actor=actor, target=removed, data={"watchlist": str(watchlist.pk)})


@transaction.atomic
def merge(flag: Flag, *, actor: AbstractBaseUser) -> Person:
    """Merge two entries of one list for the same person, and return the entry that stays: the flagged one.

    It receives the photographs of the other entry, which is destroyed.

    Raises:
        Refused: the flag does not link two entries of this list as the same person, or the other entry is held.
        Conflict: the list can no longer be edited.
    """
    require(actor, COMPILE_WATCHLIST)
    person = flag.person
    watchlist, other = person.watchlist, flag.other.person if flag.other is not None else None
    lock_editable(watchlist)
    if other is None or other.watchlist_id != watchlist.pk or flag.kind != Flag.Kind.SAME_PERSON:
        raise Refused("You can only merge two entries on the same list that are flagged as possibly the same person.")
    if hasattr(other, "hold"):
        raise Refused("The other entry is held as evidence. Release the hold first.")
    known = person.photographs.values_list("sha256", flat=True)
    coming = list(other.photographs.exclude(sha256__in=known).values_list("pk", flat=True))
    # Confirmed for the other entry: to be compared with this one.
    Photograph.objects.filter(pk__in=coming).update(person=person, confirmed_by="", confirmed_at=None)
    Flag.objects.filter(photograph__in=coming).update(person=person)
    Flag.objects.filter(person=person, other__person=person).delete()
    merged = Person(pk=other.pk)
    enter(watchlist, Person.objects.filter(pk=other.pk))
    other.delete()
    recount(watchlist)
    note_contribution(watchlist, Kind.ENTRIES_MERGED, actor=actor)
    data: dict[str, str | int | bool | None] = {"from": str(merged.pk), "photographs": len(coming)}
    record(Action.PERSON_MERGED, actor=actor, target=person, data=data)
    record(Action.PERSON_DESTROYED, actor=actor, target=merged, data={"watchlist": str(watchlist.pk)})
    return person


@transaction.atomic
def add_photograph(
    person: Person, enrolment: Enrolment, provenance: Provenance, *, actor: AbstractBaseUser
) -> Photograph:
    """Store a photograph, encrypted with its list's key, and raise any flags.

    Raises:
        Refused: its source, date or quality is not allowed, or the person already has it.
    """
    require(actor, COMPILE_WATCHLIST)
    drafts = lock_drafts(person.watchlist)
    photograph = _keep_photograph(person, enrolment, provenance, drafts, actor=actor)
    note_contribution(person.watchlist, Kind.PHOTOGRAPH_ADDED, actor=actor)
    record_all([_added(photograph)], actor=actor)
    return photograph


def _added(photograph: Photograph) -> Event:
    return Event(Action.PHOTOGRAPH_ADDED, photograph, about(photograph))


def about(photograph: Photograph) -> dict[str, str | bool]:
    """Return what the audit log keeps of a photograph that is added."""
    return {
        "person": str(photograph.person_id),
        "sha256": photograph.sha256,
        "source": photograph.source,
        "keeping": photograph.keeping,
        "confirmed": bool(photograph.confirmed_by),
    }


def _keep_photograph(
    person: Person,
    enrolment: Enrolment,
    provenance: Provenance,
    drafts: Collection[uuid.UUID],
    *,
    actor: AbstractBaseUser,
) -> Photograph:
    check_provenance(provenance)
    if provenance.taken_on is not None and provenance.taken_on > timezone.localdate():
        raise Refused("The date taken must be today or in the past.")
    blocked = [measure.advice for measure in enrolment.report if measure.level == "block"]
    if blocked:
        raise Refused("This photograph is too poor to use. " + " ".join(blocked))
    if person.photographs.filter(sha256=enrolment.sha256).exists():
        raise Refused("This person already has this photograph.")
    name = person.watchlist.key_name
    keys.create(name)
    photograph = Photograph.objects.create(
        person=person,
        encrypted=keys.encrypted(name, enrolment.jpeg),
        key_name=name,
        sha256=enrolment.sha256,
        width=enrolment.width,
        height=enrolment.height,
        face_box=enrolment.face_box,
        landmarks=enrolment.landmarks,
        quality=enrolment.quality_json,
        added_by_id=actor.pk,
        **vars(provenance),
    )
    engines.keep_template(photograph, engines.current_engine(), enrolment.template)
    flag(photograph, enrolment, drafts)
    return photograph


@transaction.atomic
def remove_photograph(photograph: Photograph, *, actor: AbstractBaseUser) -> None:
    """Destroy one of a person's photographs.

    Raises:
        Refused: it is the only one. Conflict: the list can no longer be edited.
    """
    require(actor, COMPILE_WATCHLIST)
    person, removed = photograph.person, Photograph(pk=photograph.pk)
    lock_editable(person.watchlist)
    if person.photographs.count() == 1:
        raise Refused("This is the only photograph of this person. Add another one first, or remove the person.")
    photograph.delete()
    note_contribution(person.watchlist, Kind.PHOTOGRAPH_REMOVED, actor=actor)
    record(Action.PHOTOGRAPH_DESTROYED, actor=actor, target=removed, data={"person": str(person.pk)})


def lock_drafts(watchlist: Watchlist) -> set[uuid.UUID]:
    """Lock every editable list, in a fixed order, for an operation that may flag entries of other lists.

    Returns their ids.

    Raises:
        Conflict: this list can no longer be edited.
    """
    held = {draft.pk for draft in lock_all(Watchlist.objects.filter(state__in=EDITABLE))}
    if watchlist.pk not in held:
        lock_editable(watchlist)
    return held


def lock_editable(watchlist: Watchlist) -> None:
    """Lock a list's row until the transaction ends.

    Raises:
        Conflict: it can no longer be edited.
    """
    locked = lock(Watchlist.objects.all(), watchlist.pk)
    if not locked.is_editable:
        state = locked.quoted_state
        raise Conflict(f"This watchlist is {state}, and only a draft can be changed. Create a new version instead.")


def check(person: Person) -> None:
    """Check an entry against the policy.

    Raises:
        Refused: something is missing or not allowed, or the reference is already on the list.
    """
    same = Person.objects.filter(watchlist=person.watchlist_id, reference=person.reference).exclude(pk=person.pk)
    if same.exists():
        raise Refused(f"A person with the reference {person.reference} is already on this list.")
    if person.watchlist.is_blue != (person.category == Category.STAFF):
        raise Refused(
            "A blue watchlist can only have consenting members of staff."
            if person.watchlist.is_blue
            else "Add members of staff who take part in a recognition test to a blue watchlist."
        )
    if person.date_of_birth is None and not person.age:
        raise Refused("Enter the date of birth, or select whether the person is 18 or over.")
    if person.date_of_birth is not None and person.date_of_birth > timezone.localdate():
        raise Refused("The date of birth must be today or in the past.")
    if person.category in EXCEPTIONAL and not person.rationale.strip():
        raise Refused("Enter the rationale for an associate, witness or victim.")
    if person.is_minor() and not person.minor_rationale.strip():
        raise Refused("Enter the rationale for a person under 18.")
    if person.expires_on is not None and person.expires_on < timezone.localdate():
        raise Refused("The date until which this person is sought must be today or later.")


def recount(watchlist: Watchlist) -> None:
    """Store the number of people on a list in its row."""
    watchlist.size = Person.objects.filter(watchlist=watchlist).count()
    watchlist.save(update_fields=["size"])
