"""Operations on watchlists. Each is atomic and writes an entry to the audit log."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Collection

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core import keys, retention
from core.actors import CLOCK, Actor
from core.errors import Conflict, Refused
from core.locks import lock
from core.machine import move
from core.permissions import require
from watchlists import choices, engines
from watchlists.contributions import Kind, carry_over, note_contribution
from watchlists.flags import store
from watchlists.models import EDITABLE, STEPS, Flag, Person, Photograph, Template, VolunteerAttributes, Watchlist
from watchlists.people import PARTICULARS, lock_editable
from watchlists.permissions import COMPILE_WATCHLIST

# How long the check of an entry counts.
CURRENT_FOR = dt.timedelta(hours=24)


@transaction.atomic
def create_watchlist(*, actor: AbstractBaseUser, name: str, purpose: str, is_blue: bool = False) -> Watchlist:
    """Create an empty draft."""
    require(actor, COMPILE_WATCHLIST)
    watchlist = Watchlist.objects.create(
        name=name, purpose=purpose, is_blue=is_blue, created_by_id=actor.pk, policy=choices.VERSION
    )
    note_contribution(watchlist, Kind.CREATED, actor=actor)
    record(Action.WATCHLIST_CREATED, actor=actor, target=watchlist, data={"policy": choices.VERSION})
    return watchlist


@transaction.atomic
def new_version(watchlist: Watchlist, *, actor: AbstractBaseUser) -> Watchlist:
    """Create a draft with the content of a list, to be changed, checked and approved again.

    Raises:
        Conflict: the list is a draft, or has been destroyed.
    """
    require(actor, COMPILE_WATCHLIST)
    state = Watchlist.objects.values_list("state", flat=True).get(pk=watchlist.pk)
    if state != Watchlist.State.LIVE:
        # A live list does not change, so it needs no lock that could hold up its deployment.
        lock_list(watchlist)
        state = watchlist.state
    if state in EDITABLE or state == Watchlist.State.DESTROYED:
        raise Conflict("You cannot make a new version of a draft or of a destroyed list. Change the draft itself.")
    draft = Watchlist.objects.create(
        name=watchlist.name,
        purpose=watchlist.purpose,
        is_blue=watchlist.is_blue,
        created_by_id=actor.pk,
        policy=choices.VERSION,
        version=watchlist.version + 1,
        replaces=watchlist,
    )
    for person in Person.objects.filter(watchlist=watchlist).iterator(chunk_size=200):
        _copy(person, draft)
    note_contribution(draft, Kind.VERSION_DRAWN, actor=actor)
    carry_over(watchlist, draft)
    draft.size = draft.people.count()
    draft.save(update_fields=["size"])
    data: dict[str, str | int | bool | None] = {"of": str(watchlist.pk), "version": draft.version, "people": draft.size}
    record(Action.WATCHLIST_VERSION, actor=actor, target=draft, data=data)
    return draft


@transaction.atomic
def compile_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser, size_reason: str = "") -> None:
    """Mark a draft as complete.

    Raises:
        Refused: it is empty, or larger than usual without a reason. Conflict: it is not a draft.
    """
    require(actor, COMPILE_WATCHLIST)
    lock_editable(watchlist)
    size = watchlist.people.count()
    if size == 0:
        raise Refused("This list is empty. Add at least one person.")
    if size > settings.LFR_LIST_SIZE_CAP and not size_reason.strip():
        raise Refused(f"This list has {size:,} people, more than {settings.LFR_LIST_SIZE_CAP:,}. Enter the reason.")
    refuse_names(watchlist, watchlist.name, watchlist.purpose, size_reason)
    note_contribution(watchlist, Kind.COMPILED, actor=actor)
    changes = {"compiled_by": actor, "size": size, "size_reason": size_reason.strip()}
    move(watchlist, STEPS["compile"], actor=actor, changes=changes, data={"people": size})


@transaction.atomic
def withdraw_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser) -> None:
    """Take a list back to change it, before a decision is made."""
    note_contribution(watchlist, Kind.WITHDRAWN, actor=actor)
    move(watchlist, STEPS["withdraw"], actor=actor)


@transaction.atomic
def check_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser, urgent_reason: str = "") -> None:
    """Mark a compiled list as checked, and submit it to the authorising officer.

    urgent_reason: why approval cannot wait for a Superintendent; an Inspector may then approve it, subject to
    confirmation.

    Raises:
        Refused: `obstacles_of` returns a reason.
        Conflict: the list is not compiled.
    """
    require(actor, COMPILE_WATCHLIST)
    lock_list(watchlist)
    obstacles = obstacles_of(watchlist)
    if obstacles:
        raise Refused(" ".join(obstacles))
    refuse_names(watchlist, urgent_reason)
    note_contribution(watchlist, Kind.CHECKED, actor=actor)
    changes = {"checked_by": actor, "urgent_reason": urgent_reason.strip()}
    data = {"people": watchlist.size, "urgent": bool(urgent_reason.strip())}
    move(watchlist, STEPS["check"], actor=actor, changes=changes, data=data)


def obstacles_of(watchlist: Watchlist, *, at: dt.datetime | None = None) -> list[str]:
    """Return why a list cannot be submitted for approval yet; empty if it can."""
    now = at or timezone.now()
    people = watchlist.people.all()
    found = []
    open_flags = Flag.objects.filter(person__watchlist=watchlist, accepted_at__isnull=True).count()
    if open_flags:
        found.append(f"Open flags: {open_flags:,}.")
    unchecked = people.not_current(now - CURRENT_FOR).count()
    if unchecked:
        found.append(f"Entries not confirmed as still sought within 24 hours: {unchecked:,}.")
    unconfirmed = Photograph.objects.filter(person__watchlist=watchlist, confirmed_by="").count()
    if unconfirmed:
        found.append(f"Photographs that nobody has confirmed to be of the person: {unconfirmed:,}.")
    over = people.filter(expires_on__lt=timezone.localdate(now)).count()
    if over:
        found.append(f"Expired entries, which must be removed: {over:,}.")
    engine = engines.current_engine()
    unread = people.exclude(photographs__templates__engine=engine).count()
    if unread:
        found.append(f"People without a photograph read by the present engine: {unread:,}.")
    return found


@transaction.atomic
def discard_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser) -> None:
    """Discard a draft. Its destruction is due at once."""
    changes = {"destroy_due_at": timezone.now() + retention.period("discarded")}
    move(watchlist, STEPS["discard"], actor=actor, changes=changes)


@transaction.atomic
def go_live(watchlist: Watchlist, *, actor: Actor) -> None:
    """Mark a list as live when its deployment starts.

    Raises:
        Refused: the list has expired. Conflict: it is not sealed.
    """
    if watchlist.expires_at is not None and watchlist.expires_at <= timezone.now():
        raise Refused("This watchlist has expired: its checks no longer count. Create, check and seal a new version.")
    move(watchlist, STEPS["go_live"], actor=actor)


def close(watchlist: Watchlist, *, actor: Actor, ended_at: dt.datetime) -> None:
    """Close a list when its deployment ends, and set when it is due for destruction."""
    due = ended_at + retention.period("watchlist")
    move(
        watchlist,
        STEPS["close"],
        actor=actor,
        changes={"destroy_due_at": due},
        data={"destroy_due_at": due.isoformat()},
    )


def refuse_names(watchlist: Watchlist, *texts: str) -> None:
    """Keep the names of people on a list out of texts that outlive it.

    Raises:
        Refused: a text for the audit log contains the name or reference of a person on the list.
    """
    _refuse_names_of(Person.objects.filter(watchlist=watchlist), texts)


def refuse_names_on_file(*texts: str) -> None:
    """Do the same for everyone on any list but a blue one, for texts written before their list is known."""
    _refuse_names_of(Person.objects.exclude(watchlist__is_blue=True), texts)


def _refuse_names_of(people: QuerySet[Person], texts: Collection[str]) -> None:
    for name, reference in people.order_by().values_list("name", "reference").iterator(chunk_size=5000):
        if any(particular.lower() in text.lower() for particular in (name, reference) for text in texts):
            raise Refused(
                "This text contains the name or reference of a person on a watchlist, and the audit log would keep it "
                "permanently. Remove the name or reference."
            )


def expire_unsealed(*, at: dt.datetime | None = None) -> int:
    """Expire every list that was not sealed in time. Its destruction is due at once. Returns how many."""
    now = at or timezone.now()
    count = 0
    for watchlist in Watchlist.objects.unsealed().filter(created_at__lte=now - retention.period("draft")):
        changes = {"destroy_due_at": watchlist.lapses_at}
        # Somebody may approve or discard it at this moment: then that stands.
        with contextlib.suppress(Conflict):
            move(watchlist, STEPS["lapse"], actor=CLOCK, changes=changes)
            count += 1
    return count


def expire_stale(*, at: dt.datetime | None = None) -> int:
    """Expire every sealed list that was not used while its checks counted. Returns how many."""
    now = at or timezone.now()
    count = 0
    for watchlist in Watchlist.objects.stale(now):
        changes = {"destroy_due_at": timezone.now() + retention.period("unused")}
        move(watchlist, STEPS["expire"], actor=CLOCK, changes=changes)
        count += 1
    return count


def _copy(person: Person, draft: Watchlist) -> None:
    """Copy a person with photographs, templates and flags to another version. A tick for an under-18 is not copied."""
    keys.create(draft.key_name)
    copied = Person.objects.create(
        watchlist=draft,
        added_by_id=person.added_by_id,
        current_at=person.current_at,
        current_by_id=person.current_by_id,
        current_source=person.current_source,
        **{name: getattr(person, name) for name in PARTICULARS},
    )
    for said in VolunteerAttributes.objects.filter(person=person):
        said.pk, said.person = None, copied
        said.save(force_insert=True)
    for photograph in person.photographs.all():
        templates = list(photograph.templates.all())
        flags = list(Flag.objects.filter(photograph=photograph))
        jpeg = photograph.jpeg
        photograph.pk = None
        photograph._state.adding = True
        photograph.id = Photograph._meta.pk.get_default()
        photograph.person, photograph.key_name = copied, draft.key_name
        photograph.encrypted = keys.encrypted(draft.key_name, jpeg)
        photograph.save(force_insert=True)
        Template.objects.bulk_create(
            Template(photograph=photograph, engine_id=each.engine_id, embedding=each.embedding, second=each.second)
            for each in templates
        )
        store(
            [
                Flag(
                    person=copied,
                    kind=each.kind,
                    detail=each.detail,
                    photograph=photograph,
                    other_id=each.other_id,
                    reason=each.reason,
                    accepted_by_id=each.accepted_by_id,
                    accepted_at=each.accepted_at,
                )
                for each in flags
            ]
        )


def lock_list(watchlist: Watchlist) -> None:
    """Lock a list until the transaction ends, and read it again."""
    lock(Watchlist.objects.all(), watchlist.pk)
    watchlist.refresh_from_db()
