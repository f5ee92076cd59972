"""The guards and effects of acts on alerts, from which the table in `alerts.acts` is made.

A guard raises `Refused` or `Conflict`, in words for the person who acts. An effect returns the columns that an act sets
beside the state. Both run while the deployment is locked.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from alerts.models import Alert
from alerts.policy import Feature, InconclusiveReason
from alerts.states import OVER, UNDECIDED
from core.actors import Actor, System
from core.errors import Conflict, Refused
from deployments.models import Posting
from watchlists.operations import refuse_names_on_file

RESPOND = "alerts.record_outcome"
# An act that a handset without a connection kept for longer counts as done this long ago.
LONGEST_WAIT = dt.timedelta(hours=12)


@dataclass(frozen=True)
class ActInput:
    """The input of an act.

    key: the sender's own, so that the same act sent twice is one. revision: of the alert that they saw. ago: how long
    before it came in it was done, by the sender's own stopwatch. to_user, to_team: whom it is referred to. reason: of a
    correction.
    """

    key: uuid.UUID = field(default_factory=uuid.uuid4)
    revision: int | None = None
    ago: dt.timedelta = dt.timedelta()
    alike: Sequence[str] = ()
    differ: Sequence[str] = ()
    reasons: Sequence[str] = ()
    code: str = ""
    leaflet: bool | None = None
    to_user: AbstractBaseUser | None = None
    to_team: str = ""
    reason: str = ""


Guard = Callable[[Alert, ActInput, Actor], None]
Effect = Callable[[Alert, ActInput, Actor, dt.datetime], dict[str, Any]]


# Guards: of the alert.


def has_its_faces(alert: Alert, given: ActInput, actor: Actor) -> None:
    if alert.purged_at is not None:
        raise Refused("This alert was purged when its time ran out: there are no faces left to compare.")


def is_own_and_recent(alert: Alert, given: ActInput, actor: Actor) -> None:
    until = alert.undo_until()
    if alert.decided_by_id != user_id(actor):
        raise Refused("Only the operator who judged it can take it back.")
    if until is None or timezone.now() > until:
        raise Refused("It is too late to take this back. The commander can correct it.")


def is_answered_by_nobody_else(alert: Alert, given: ActInput, actor: Actor) -> None:
    if alert.officer_id not in (None, user_id(actor)):
        raise Conflict(f"{alert.officer} has answered this one.")


def cameras_are_off(alert: Alert, given: ActInput, actor: Actor) -> None:
    if not alert.deployment.is_over and not alert.camera.period.ended_at:
        raise Refused("Cameras are still on: an operator decides, and an officer records the outcome.")


def is_recorded_otherwise(alert: Alert, given: ActInput, actor: Actor, *, state: str) -> None:
    if (alert.state, alert.code) == (state, given.code):
        raise Refused("This is the outcome that is recorded already.")


def was_recorded_by_somebody_else(alert: Alert, given: ActInput, actor: Actor) -> None:
    last = alert.acts.order_by("-pk").first()
    if last is not None and last.by_id == user_id(actor):
        raise Refused("You recorded this yourself: somebody else has to correct it.")


# Guards: of what is entered.


def names_what_is_alike(alert: Alert, given: ActInput, actor: Actor) -> None:
    if not given.alike:
        raise Refused("Mark at least one feature that is alike.")


def names_what_differs(alert: Alert, given: ActInput, actor: Actor) -> None:
    if not given.differ:
        raise Refused("Mark at least one feature that differs.")


def gives_a_reason(alert: Alert, given: ActInput, actor: Actor) -> None:
    if not given.reasons:
        raise Refused("Select at least one reason.")


def explains_the_correction(alert: Alert, given: ActInput, actor: Actor) -> None:
    if not given.reason.strip():
        raise Refused("Enter why this is corrected.")
    refuse_names_on_file(given.reason)


def is_for_somebody_posted(alert: Alert, given: ActInput, actor: Actor) -> None:
    posted = Posting.objects.current().filter(deployment=alert.deployment_id)
    user: Any = given.to_user
    if user is not None and not (posted.filter(user_id=user.pk).exists() and user.has_perm(RESPOND)):
        raise Refused("This officer is not posted to this deployment.")
    if given.to_team and not posted.filter(team=given.to_team).exists():
        raise Refused("No team of this name is posted to this deployment.")


def check_choices(given: ActInput) -> None:
    """Raise `Refused` unless features and reasons are of those offered, each feature once."""
    features = {*given.alike, *given.differ}
    if len(features) != len(given.alike) + len(given.differ) or not features <= set(Feature.values):
        raise Refused("Mark each feature once, as alike or as different.")
    if not set(given.reasons) <= set(InconclusiveReason.values):
        raise Refused("Select from the reasons shown.")


# Errors of acts that come too late, or on the wrong alert.


def standing(alert: Alert) -> str:
    """Say how an alert stands, and who brought it there."""
    last = alert.acts.select_related("by").order_by("-pk").first()
    state = alert.get_state_display().lower()
    if last is None:
        return f"This is {state}."
    moment = f"{timezone.localtime(last.recorded_at):%H:%M:%S}"
    by = str(last.by) if last.by is not None else "The clock"
    if alert.state in UNDECIDED and last.name == "open":
        return f"{by} took it up at {moment}; it is {state}."
    return f"{by} was first, at {moment}: {state}."


def too_late(alert: Alert) -> Exception:
    return Conflict(standing(alert))


def not_this_ending(alert: Alert) -> Exception:
    if alert.state in OVER:
        return Conflict(standing(alert))
    never_referred = alert.is_undecided or alert.state == Alert.State.EXPIRED
    return Refused("No operator referred this one to officers." if never_referred else "It was referred to officers.")


def nothing_to_correct(alert: Alert) -> Exception:
    return Conflict("No outcome of this one is recorded yet that could be corrected.")


# Effects.


def nothing(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {}


def opened(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {"opened_by_id": user_id(actor), "opened_at": at}


def decided(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {"decided_by_id": user_id(actor), "decided_at": at}


def decided_and_ended(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {**decided(alert, given, actor, at), "ended_at": at}


def decided_and_referred(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {**decided(alert, given, actor, at), **_referred(given, at)}


def referred_again(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    # The officer who had answered cannot come after all.
    return {**_referred(given, at), "officer_id": None}


def taken_back(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    columns = ("decided_by_id", "decided_at", "referred_at", "assigned_to_id", "escalated_at", "ended_at")
    return {**dict.fromkeys(columns), "assigned_team": "", **opened(alert, given, actor, at)}


def answered(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {"officer_id": user_id(actor), "code": given.code}


def engaged(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {**answered(alert, given, actor, at), "engaged_at": done_at(alert, given, at)}


def answered_and_ended(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {**answered(alert, given, actor, at), "ended_at": done_at(alert, given, at)}


def escalated(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {"escalated_at": at}


def coded(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {"code": given.code, "ended_at": alert.ended_at or at}


def _referred(given: ActInput, at: dt.datetime) -> dict[str, Any]:
    """Refer it to a named officer, to a team, or to whoever answers first."""
    user_pk = None if given.to_user is None else given.to_user.pk
    team = "" if given.to_user is not None else given.to_team
    return {"referred_at": at, "escalated_at": None, "assigned_to_id": user_pk, "assigned_team": team}


def done_at(alert: Alert, given: ActInput, now: dt.datetime) -> dt.datetime:
    """Return when it was done, by the sender's stopwatch: never in the future, nor before the last act of a person."""
    ago = min(max(given.ago, dt.timedelta()), LONGEST_WAIT)
    by_people = alert.acts.filter(by__isnull=False).order_by("-pk")
    last = by_people.values_list("done_at", flat=True).first() or alert.raised_at
    return max(now - ago, last)


def user_id(actor: Actor) -> Any:
    """Return the key of the user who acts; None for a part of the system."""
    return None if isinstance(actor, System) else actor.pk
