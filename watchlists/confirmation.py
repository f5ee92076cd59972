"""Confirming that photographs are of the people they stand for, and that the people are still sought."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.actions import Action
from audit.journal import Event, record, record_all
from audit.models import Entry
from core.errors import Conflict, Refused
from core.locks import lock
from core.permissions import require
from watchlists.choices import CONSULTED_FOR, Category, Consulted
from watchlists.contributions import Kind, note_contribution
from watchlists.models import Person, Photograph, Watchlist
from watchlists.operations import CURRENT_FOR
from watchlists.permissions import COMPILE_WATCHLIST

# In the audit entry of an entry's page that was shown because the user had just changed it.
AFTER_CHANGE = "after_change"


class SampleNotOpened(Refused):
    """Raised if entries of the sample have not been opened. unopened: these."""

    def __init__(self, unopened: Sequence[Person]) -> None:
        many = len(unopened)
        super().__init__(
            f"Open the {many} {'entry' if many == 1 else 'entries'} of the sample that you have not opened yet, and "
            "compare each with the source. Then confirm."
        )
        self.unopened = unopened


@transaction.atomic
def confirm_photographs(watchlist: Watchlist, photographs: Collection[Any], *, actor: AbstractBaseUser) -> int:
    """Confirm, by the actor's name, that photographs are of the people they stand for. Returns how many.

    photographs: ids of photographs that the actor has compared, each with the record of its person.

    Raises:
        Refused: none is selected. Conflict: the list has passed its checks.
    """
    require(actor, COMPILE_WATCHLIST)
    _lock_unchecked(watchlist)
    found = unconfirmed_photographs(watchlist).filter(pk__in=photographs)
    chosen = list(found.defer("encrypted").order_by("pk"))
    if not chosen:
        raise Refused("Select the photographs that you have compared.")
    Photograph.objects.filter(pk__in=[each.pk for each in chosen]).update(
        confirmed_by=name_of(actor), confirmed_at=timezone.now()
    )
    note_contribution(watchlist, Kind.PHOTOGRAPH_CONFIRMED, actor=actor)
    record_all(
        [Event(Action.PHOTOGRAPH_CONFIRMED, each, {"person": str(each.person_id)}) for each in chosen], actor=actor
    )
    return len(chosen)


@transaction.atomic
def confirm_current(watchlist: Watchlist, people: Collection[Any], *, source: str, actor: AbstractBaseUser) -> int:
    """Confirm that people are still sought, as the source that was consulted says. Returns how many.

    people: ids, all with one lawful ground, because each ground has its own source.

    Raises:
        Refused: nobody is selected, the source is not one of those offered, or the people have several grounds.
        SampleNotOpened: the actor has not opened the entries of the sample.
        Conflict: the list has passed its checks.
    """
    require(actor, COMPILE_WATCHLIST)
    _lock_unchecked(watchlist)
    if source not in Consulted.values:
        raise Refused("Select the source that you consulted.")
    chosen = Person.objects.filter(watchlist=watchlist, pk__in=people)
    grounds = set(chosen.order_by().values_list("category", flat=True))
    if len(grounds) > 1:
        raise Refused("Each lawful ground has its own sources. Filter the list by lawful ground, then select people.")
    for ground in grounds:
        if source not in CONSULTED_FOR[ground]:
            sources = "; ".join(str(each.label) for each in CONSULTED_FOR[ground])
            raise Refused(f"Select a source for “{Category(ground).label}”: {sources}.")
    ids = sorted(str(pk) for pk in chosen.values_list("pk", flat=True))
    if not ids:
        raise Refused("Select the people you have checked.")
    sample = sample_of(watchlist, ids, actor=actor)
    unopened = unopened_by(actor, sample)
    if unopened:
        raise SampleNotOpened(unopened)
    chosen.update(current_at=timezone.now(), current_by=actor, current_source=source)
    note_contribution(watchlist, Kind.CURRENCY_CHECKED, actor=actor)
    digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()
    data: dict[str, str | int | bool | None] = {
        "people": len(ids),
        "ids_sha256": digest,
        "source": source,
        "opened": len(sample),
    }
    record(Action.PEOPLE_CURRENT, actor=actor, target=watchlist, data=data)
    return len(ids)


def sample_of(watchlist: Watchlist, people: Collection[Any], *, actor: AbstractBaseUser) -> list[Person]:
    """Return the entries that a user must open before they confirm these people.

    There are `LFR_CURRENCY_SAMPLE` of them, or all if these are fewer. They are drawn by a hash over list, user, day
    and entry: they stay the same for a day, and another user, another day or another version of the list has others.
    """
    drawn = sorted(str(pk) for pk in people)
    seed = f"{watchlist.pk}/{actor.pk}/{timezone.localdate()}"
    drawn.sort(key=lambda pk: hashlib.sha256(f"{seed}/{pk}".encode()).digest())
    return list(Person.objects.filter(pk__in=drawn[: settings.LFR_CURRENCY_SAMPLE]).order_by("name", "reference"))


def unopened_by(actor: AbstractBaseUser, sample: Sequence[Person]) -> list[Person]:
    """Return those of a sample that a user has not opened within `CURRENT_FOR`, according to the audit log.

    The page that follows a change of an entry does not count, except for one person, confirmed from that page.
    """
    opened = Entry.objects.filter(
        action=Action.PERSON_VIEWED,
        actor_id=str(actor.pk),
        target_id__in=[str(each.pk) for each in sample],
        target_type=Person._meta.label_lower,
        at__gte=timezone.now() - CURRENT_FOR,
    )
    if len(sample) > 1:
        opened = opened.exclude(data__has_key=AFTER_CHANGE)
    known = set(opened.values_list("target_id", flat=True))
    return [each for each in sample if str(each.pk) not in known]


def unconfirmed_grounds(watchlist: Watchlist) -> list[Category]:
    """Return the lawful grounds with people who are to be confirmed as still sought."""
    waiting = watchlist.people.not_current(timezone.now() - CURRENT_FOR).order_by()
    found = set(waiting.values_list("category", flat=True))
    return [ground for ground in Category if ground.value in found]


def to_be_confirmed(watchlist: Watchlist, ground: str) -> list[Any]:
    """Return the ids of the people with one lawful ground who are to be confirmed as still sought."""
    waiting = watchlist.people.not_current(timezone.now() - CURRENT_FOR).filter(category=ground)
    return list(waiting.values_list("pk", flat=True))


def unconfirmed_photographs(watchlist: Watchlist) -> QuerySet[Photograph]:
    """Return the photographs on a list that nobody has confirmed to be of the person."""
    return Photograph.objects.filter(person__watchlist=watchlist, confirmed_by="")


def name_of(actor: AbstractBaseUser) -> str:
    """Return the name and username by which a user confirms a photograph."""
    full = getattr(actor, "get_full_name", str)()
    name = actor.get_username()
    return f"{full} ({name})"[:120] if full else name[:120]


def _lock_unchecked(watchlist: Watchlist) -> None:
    locked = lock(Watchlist.objects.all(), watchlist.pk)
    if not (locked.is_editable or locked.state == Watchlist.State.COMPILED):
        raise Conflict(f"This watchlist is {locked.quoted_state}, so its entries can no longer be confirmed.")
