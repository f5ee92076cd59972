"""Attributes of the staff on a blue watchlist, as they say them, for the recognition rates of groups."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from audit.actions import Action
from audit.journal import record
from core.errors import Refused
from core.permissions import require
from watchlists.models import Person, VolunteerAttributes, Watchlist
from watchlists.permissions import COMPILE_WATCHLIST

FIELDS = ("self_defined", "sex", "age_band")


@transaction.atomic
def record_attributes(person: Person, given: Mapping[str, str], *, actor: AbstractBaseUser) -> VolunteerAttributes:
    """Record what a volunteer says about themselves. It is no part of what is sealed.

    Raises:
        Refused: the person is on no blue watchlist, the list is destroyed, or nothing was said.
    """
    require(actor, COMPILE_WATCHLIST)
    if not person.watchlist.is_blue or person.watchlist.state == Watchlist.State.DESTROYED:
        raise Refused("Attributes are recorded here only for staff on a blue watchlist.")
    said = {name: given.get(name, "") for name in FIELDS}
    if not any(said.values()):
        raise Refused("Select at least one of ethnicity, sex and age, as the volunteer says it.")
    made, _ = VolunteerAttributes.objects.update_or_create(person=person, defaults=said)
    data = {"fields": ", ".join(name for name in FIELDS if said[name])}
    record(Action.ATTRIBUTES_RECORDED, actor=actor, target=person, data=dict(data))
    return made
