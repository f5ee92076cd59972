"""Signs on the approaches to the zones, from when they are put up until they are taken down; and cards handed out."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.machine import JournalData
from core.permissions import require
from core.sockets import Event
from deployments.events import announce
from deployments.locks import lock_period
from deployments.models import Period, Sign
from deployments.permissions import RUN_DEPLOYMENT
from watchlists.operations import refuse_names_on_file

# A sign further away is not on the way into the zone.
FURTHEST_M = 2000
MOST_CARDS = 100_000


@transaction.atomic
def record_sign(
    period: Period,
    *,
    approach: str,
    place: str,
    distance_m: int,
    photograph: bytes,
    actor: AbstractBaseUser,
    put_up_at: dt.datetime | None = None,
) -> Sign:
    """Record that a sign is up. photograph: JPEG with faces made unrecognisable (`recognition.crop.faceless`).

    approach: one of the authorised approaches. distance_m: from the sign to the zone, in metres.

    Raises:
        Refused: something is missing or not possible, or the time is in the future.
        Conflict: the period is over, or its deployment has no authority.
    """
    lock_for_preparation(period, actor)
    at = put_up_at or timezone.now()
    if approach not in period.approach_list:
        raise Refused("Select one of the approaches of the application.")
    if not place.strip():
        raise Refused("Enter the location of the sign.")
    if not 0 <= distance_m <= FURTHEST_M:
        raise Refused(f"Enter how far the sign is from the zone: 0 to {FURTHEST_M:,} metres.")
    if at > timezone.now():
        raise Refused("The time at which the sign was put up must be in the past.")
    refuse_names_on_file(place)
    sign = Sign.objects.create(
        period=period,
        approach=approach,
        place=place.strip()[:200],
        distance_m=distance_m,
        put_up_at=at,
        photograph=photograph,
        recorded_by_id=actor.pk,
    )
    data: JournalData = {
        "approach": approach,
        "place": sign.place,
        "distance_m": distance_m,
        "period": str(period.pk),
    }
    record(Action.SIGN_RECORDED, actor=actor, target=period.deployment, data=data)
    announce(period.deployment_id, Event.DEPLOYMENT_CHANGED, period.deployment_id)
    return sign


@transaction.atomic
def take_down(sign: Sign, *, actor: AbstractBaseUser) -> None:
    """Record that a sign was taken down.

    Raises:
        Refused: the cameras are on. Conflict: it was taken down already.
    """
    require(actor, RUN_DEPLOYMENT)
    period = sign.period
    lock_period(period)
    if period.is_open():
        raise Refused("The cameras are on. Pause the deployment or end the test before a sign is taken down.")
    rows = Sign.objects.filter(pk=sign.pk, taken_down_at__isnull=True)
    if not rows.update(taken_down_at=timezone.now(), taken_down_by_id=actor.pk):
        raise Conflict("This sign is recorded as taken down already.")
    data = {"approach": sign.approach, "place": sign.place, "period": str(period.pk)}
    record(Action.SIGN_TAKEN_DOWN, actor=actor, target=period.deployment, data=dict(data))
    announce(period.deployment_id, Event.DEPLOYMENT_CHANGED, period.deployment_id)


@transaction.atomic
def record_cards(period: Period, *, count: int, actor: AbstractBaseUser) -> None:
    """Record how many cards or leaflets about the deployment were handed out, until the deployment is closed.

    Raises:
        Refused: the number is not possible. Conflict: the period has not been live, or its deployment is closed.
    """
    require(actor, RUN_DEPLOYMENT)
    lock_period(period)
    if period.went_live_at is None or period.deployment.closed_at is not None:
        raise Conflict("This period has not been live, or its deployment is closed.")
    if not 0 <= count <= MOST_CARDS:
        raise Refused(f"Enter the number of cards handed out, from 0 to {MOST_CARDS:,}.")
    period.cards_handed_out = count
    period.save(update_fields=["cards_handed_out"])
    record(
        Action.CARDS_RECORDED,
        actor=actor,
        target=period.deployment,
        data={"cards": count, "period": str(period.pk)},
    )
    announce(period.deployment_id, Event.DEPLOYMENT_CHANGED, period.deployment_id)


def up(period: Period) -> QuerySet[Sign]:
    """Return the signs that are up."""
    return period.signs.filter(taken_down_at__isnull=True)


def missing(period: Period) -> list[str]:
    """Return the approaches on which no sign is up."""
    signed = set(up(period).values_list("approach", flat=True))
    return [each for each in period.approach_list if each not in signed]


def lock_for_preparation(period: Period, actor: AbstractBaseUser) -> None:
    """Lock a period that a commander prepares.

    Raises:
        Conflict: the period is over, or its deployment has no authority.
    """
    require(actor, RUN_DEPLOYMENT)
    lock_period(period)
    if not period.deployment.has_authority or period.ended_at is not None:
        raise Conflict("This period is over, or its deployment has no authority.")
