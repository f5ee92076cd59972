"""Acts on lists. Each is atomic and leaves its row in the journal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Min, QuerySet
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core import keys
from core.actors import CLOCK, Actor
from core.errors import Conflict, Refused
from core.locks import lock, lock_all
from core.machine import move
from core.permissions import require
from watchlists import engines, policy
from watchlists.contributions import Kind, carry_over, note_contribution, refuse_contributor
from watchlists.models import EDITABLE, STEPS, Engine, Flag, Person, Photograph, SealedTemplate, Template, Watchlist
from watchlists.people import AUTHORISE, COMPILE, PARTICULARS, lock_editable
from watchlists.seal import content_hash

# What was checked is taken to hold for so long.
CURRENT_FOR = dt.timedelta(hours=24)


@transaction.atomic
def create_watchlist(*, actor: AbstractBaseUser, name: str, purpose: str, is_blue: bool = False) -> Watchlist:
    """An empty draft."""
    require(actor, COMPILE)
    watchlist = Watchlist.objects.create(
        name=name, purpose=purpose, is_blue=is_blue, created_by_id=actor.pk, policy=policy.VERSION
    )
    note_contribution(watchlist, Kind.CREATED, actor=actor)
    record(Action.WATCHLIST_CREATED, actor=actor, target=watchlist, data={"policy": policy.VERSION})
    return watchlist


@transaction.atomic
def new_version(watchlist: Watchlist, *, actor: AbstractBaseUser) -> Watchlist:
    """A draft that holds what a list holds, to be changed, checked and approved anew.

    Raises:
        Conflict: the list is itself a draft, or its people have been destroyed.
    """
    require(actor, COMPILE)
    state = Watchlist.objects.values_list("state", flat=True).get(pk=watchlist.pk)
    if state != Watchlist.State.LIVE:
        # A live list does not change, and must not wait for this one to end.
        _lock(watchlist)
        state = watchlist.state
    if state in EDITABLE or state == Watchlist.State.DESTROYED:
        raise Conflict("A draft is changed as it is, and of a destroyed list nothing is left to copy.")
    draft = Watchlist.objects.create(
        name=watchlist.name,
        purpose=watchlist.purpose,
        is_blue=watchlist.is_blue,
        created_by_id=actor.pk,
        policy=policy.VERSION,
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
    """Say that a draft is complete.

    Raises:
        Refused: it is empty, or larger than usual without a reason. Conflict: it is no draft.
    """
    require(actor, COMPILE)
    lock_editable(watchlist)
    size = watchlist.people.count()
    if size == 0:
        raise Refused("An empty list cannot be submitted: put at least one person on it.")
    if size > settings.LFR_LIST_SIZE_CAP and not size_reason.strip():
        raise Refused(f"This list has {size:,} people, more than {settings.LFR_LIST_SIZE_CAP:,}: say why it must.")
    refuse_names(watchlist, watchlist.name, watchlist.purpose, size_reason)
    note_contribution(watchlist, Kind.COMPILED, actor=actor)
    changes = {"compiled_by": actor, "size": size, "size_reason": size_reason.strip()}
    move(watchlist, STEPS["compile"], actor=actor, changes=changes, data={"people": size})


@transaction.atomic
def withdraw_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser) -> None:
    """Take a list back to change it, before it is decided on."""
    note_contribution(watchlist, Kind.WITHDRAWN, actor=actor)
    move(watchlist, STEPS["withdraw"], actor=actor)


@transaction.atomic
def check_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser) -> None:
    """Say that a compiled list was checked, and put it before the authorising officer.

    Raises:
        Refused: a flag is open, an entry was not checked within a day, or a photograph cannot be searched by.
        Conflict: it is not compiled.
    """
    require(actor, COMPILE)
    _lock(watchlist)
    obstacles = obstacles_of(watchlist)
    if obstacles:
        raise Refused(" ".join(obstacles))
    note_contribution(watchlist, Kind.CHECKED, actor=actor)
    move(watchlist, STEPS["check"], actor=actor, changes={"checked_by": actor}, data={"people": watchlist.size})


def obstacles_of(watchlist: Watchlist, *, at: dt.datetime | None = None) -> list[str]:
    """Why a list cannot be put before the authorising officer yet; empty when it can."""
    now = at or timezone.now()
    people = watchlist.people.all()
    found = []
    open_flags = Flag.objects.filter(person__watchlist=watchlist, accepted_at__isnull=True).count()
    if open_flags:
        found.append(f"Flags to settle first: {open_flags:,}.")
    unchecked = people.not_current(now - CURRENT_FOR).count()
    if unchecked:
        found.append(f"Entries not checked within 24 hours: {unchecked:,}.")
    over = people.filter(expires_on__lt=timezone.localdate(now)).count()
    if over:
        found.append(f"Entries whose time is over, to be removed: {over:,}.")
    engine = engines.current_engine()
    unread = people.exclude(photographs__templates__engine=engine).count()
    if unread:
        found.append(f"People without a photograph that the present engine has read: {unread:,}.")
    return found


@transaction.atomic
def return_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser, reason: str) -> None:
    """Send a list back to its compiler."""
    refuse_names(watchlist, reason)
    move(watchlist, STEPS["return"], actor=actor, changes={"decision_reason": reason}, data={"reason": reason})


@transaction.atomic
def reject_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser, reason: str) -> None:
    """Refuse a list. It is destroyed when its time is over; until then a new version can be drawn from it."""
    refuse_names(watchlist, reason)
    changes = {"decision_reason": reason, "destroy_due_at": timezone.now() + settings.LFR_WATCHLIST_RETENTION}
    move(watchlist, STEPS["reject"], actor=actor, changes=changes, data={"reason": reason})


@transaction.atomic
def discard_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser) -> None:
    """Give a draft up: it is destroyed at once."""
    move(watchlist, STEPS["discard"], actor=actor, changes={"destroy_due_at": timezone.now()})


@transaction.atomic
def authorise_watchlist(
    watchlist: Watchlist,
    *,
    actor: AbstractBaseUser,
    reason: str,
    seen: str,
    minors: Collection[Any] = (),
) -> None:
    """Approve a checked list and seal it: what was approved is what cameras will be compared with.

    seen: the content hash of what the officer had before them. minors: ids of those under 18 they ticked one by one.

    Raises:
        Refused: the approver worked on this version, an under-18 was not ticked, or a check has run out meanwhile.
        Conflict: it is not awaiting approval, or not what the officer saw.
    """
    require(actor, AUTHORISE)
    # With the list that this one replaces, in one order, and both before the journal.
    pair = [watchlist.pk, *([watchlist.replaces_id] if watchlist.replaces_id else [])]
    lock_all(Watchlist.objects.filter(pk__in=pair))
    _lock(watchlist)
    if watchlist.state != Watchlist.State.CHECKED:
        raise Conflict(f"This list is {watchlist.get_state_display().lower()}: there is nothing to approve.")
    refuse_contributor(watchlist, actor)
    refuse_names(watchlist, reason)
    if seen != content_hash(watchlist):
        raise Conflict("This list has changed since you opened it. Look at it again before you decide.")
    obstacles = obstacles_of(watchlist)
    if obstacles:
        raise Refused(" ".join(obstacles) + " Return it to its compiler.")
    ticked = [person for person in watchlist.people.perhaps_minors() if person.is_minor()]
    missing = [person for person in ticked if str(person.pk) not in {str(pk) for pk in minors}]
    if missing:
        raise Refused(f"Tick each person under 18 yourself, or return the list: {len(missing)} are not ticked.")
    Person.objects.filter(pk__in=[person.pk for person in ticked]).update(minor_accepted_by=actor)
    engine = _copy_templates(watchlist)
    digest = content_hash(watchlist)
    # What takes its time is done: from here on the journal, which is everybody's, waits for this act.
    changes = {"authorised_by": actor, "decision_reason": reason, "under_18": len(ticked)}
    data: dict[str, str | int | bool | None] = {"reason": reason, "people": watchlist.size, "under_18": len(ticked)}
    move(watchlist, STEPS["authorise"], actor=actor, changes=changes, data=data)
    changes = {
        "engine": engine,
        "sealed_at": timezone.now(),
        "sealed_hash": digest,
        "expires_at": _checks_hold_until(watchlist),
    }
    move(watchlist, STEPS["seal"], actor=actor, changes=changes, data={"sha256": digest, "people": watchlist.size})
    before = watchlist.replaces
    if before is not None and before.state == Watchlist.State.SEALED:
        move(before, STEPS["supersede"], actor=actor, changes={"destroy_due_at": timezone.now()})


@transaction.atomic
def go_live(watchlist: Watchlist, *, actor: Actor) -> None:
    """Told by a deployment that starts.

    Raises:
        Refused: what was checked is more than a day old. Conflict: it is not sealed.
    """
    if watchlist.expires_at is not None and watchlist.expires_at <= timezone.now():
        raise Refused("The checks of this watchlist are more than 24 hours old. Seal a new version of it.")
    move(watchlist, STEPS["go_live"], actor=actor)


def close(watchlist: Watchlist, *, actor: Actor, ended_at: dt.datetime) -> None:
    """Told by a deployment that ended: from now the clock runs towards destruction."""
    due = ended_at + settings.LFR_WATCHLIST_RETENTION
    move(
        watchlist,
        STEPS["close"],
        actor=actor,
        changes={"destroy_due_at": due},
        data={"destroy_due_at": due.isoformat()},
    )


def refuse_names(watchlist: Watchlist, *texts: str) -> None:
    """Keep the people of a list out of what outlives it.

    Raises:
        Refused: a text that the journal will keep holds the name or reference of somebody on the list.
    """
    _refuse_names_of(Person.objects.filter(watchlist=watchlist), texts)


def refuse_names_on_file(*texts: str) -> None:
    """The same of everybody on any list, for what is written before its list is known."""
    _refuse_names_of(Person.objects.exclude(watchlist__is_blue=True), texts)


def _refuse_names_of(people: QuerySet[Person], texts: Collection[str]) -> None:
    for name, reference in people.order_by().values_list("name", "reference").iterator(chunk_size=5000):
        if any(particular.lower() in text.lower() for particular in (name, reference) for text in texts):
            raise Refused(
                "This text names somebody on the list, and it is kept for ever in the journal. Say it without the name."
            )


def expire_stale(*, at: dt.datetime | None = None) -> int:
    """Expire every sealed list that was not used within a day of its checks; returns how many."""
    now = at or timezone.now()
    count = 0
    for watchlist in Watchlist.objects.stale(now):
        changes = {"destroy_due_at": timezone.now() + settings.LFR_WATCHLIST_RETENTION}
        move(watchlist, STEPS["expire"], actor=CLOCK, changes=changes)
        count += 1
    return count


def _copy_templates(watchlist: Watchlist) -> Engine:
    """What cameras will be compared with, by the present engine, which is returned."""
    engine = engines.current_engine()
    # A sealed template points at a list and its engine together.
    Watchlist.objects.filter(pk=watchlist.pk).update(engine=engine)
    templates = Template.objects.filter(engine=engine, photograph__person__watchlist=watchlist)
    SealedTemplate.objects.bulk_create(
        (
            SealedTemplate(
                watchlist=watchlist,
                engine=engine,
                person_id=template.photograph.person_id,
                photograph=template.photograph,
                embedding=template.embedding,
            )
            for template in templates.select_related("photograph").defer("photograph__encrypted").iterator(2000)
        ),
        batch_size=2000,
    )
    return engine


def _checks_hold_until(watchlist: Watchlist) -> dt.datetime:
    oldest, ends_on = watchlist.people.aggregate(at=Min("current_at"), day=Min("expires_on")).values()
    until: dt.datetime = oldest + CURRENT_FOR
    if ends_on is None:
        return until
    # Nobody is looked for after the day until which they are sought.
    midnight = dt.datetime.combine(ends_on + dt.timedelta(days=1), dt.time(), timezone.get_current_timezone())
    return min(until, midnight)


def _copy(person: Person, draft: Watchlist) -> None:
    """A person with photographs, templates and accepted flags, for another version; a child's tick is given anew."""
    keys.create(draft.key_name)
    copied = Person.objects.create(
        watchlist=draft,
        added_by_id=person.added_by_id,
        current_at=person.current_at,
        current_by_id=person.current_by_id,
        **{name: getattr(person, name) for name in PARTICULARS},
    )
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
        Flag.objects.bulk_create(
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
        )


def _lock(watchlist: Watchlist) -> None:
    lock(Watchlist.objects.all(), watchlist.pk)
    watchlist.refresh_from_db()
