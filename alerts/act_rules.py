"""Guards and effects of acts on alerts. The table in `alerts.acts` is built from them.

A guard raises `Refused` or `Conflict`, with a message for the user. An effect returns the columns that an act sets in
addition to the state. Both run while the deployment is locked.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, QuerySet
from django.utils import timezone

from alerts.choices import Feature, IdentityMethod, InconclusiveReason
from alerts.models import Alert
from alerts.permissions import RECORD_OUTCOME
from alerts.states import DISPOSED, FALSE, MAY_HAVE_MET, MET, OVER, UNDECIDED, ActName
from core.actors import Actor, System
from core.errors import Conflict, Refused
from deployments.models import Posting
from watchlists.operations import refuse_names_on_file

# The longest delay that a handset can claim for an act that it sent late, because it had no connection.
LONGEST_WAIT = dt.timedelta(hours=12)


@dataclass(frozen=True)
class ActInput:
    """The input of an act.

    key: chosen by the sender, so that an act sent twice is recorded once. revision: the alert's, as the sender saw it.
    ago: time between the act and its arrival, by the sender's stopwatch. to_user, to_team: whom the alert is referred
    to. reason: for a correction. engaged_by, engaged_at, identity_method: what no handset recorded of an engagement.
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
    engaged_by: AbstractBaseUser | None = None
    engaged_at: dt.datetime | None = None
    identity_method: str = ""


Guard = Callable[[Alert, ActInput, Actor], None]
Effect = Callable[[Alert, ActInput, Actor, dt.datetime], dict[str, Any]]


# Guards on the alert.


def has_its_faces(alert: Alert, given: ActInput, actor: Actor) -> None:
    if alert.purged_at is not None:
        raise Refused("This possible match has been purged. There are no faces left to compare.")


def is_own_and_recent(alert: Alert, given: ActInput, actor: Actor) -> None:
    until = alert.undo_until()
    if alert.decided_by_id != user_id(actor):
        raise Refused("Only the operator who made this decision can undo it.")
    if until is None or timezone.now() > until:
        raise Refused(
            "It is too late to undo this decision. The commander can correct the outcome once it is recorded."
        )


def is_answered_by_nobody_else(alert: Alert, given: ActInput, actor: Actor) -> None:
    if alert.officer_id not in (None, user_id(actor)):
        raise Conflict(f"{alert.officer} is already responding to this possible match.")


def cameras_are_off(alert: Alert, given: ActInput, actor: Actor) -> None:
    if not alert.deployment.is_over and not alert.camera.period.ended_at:
        raise Refused("Cameras are still on. Until they are off, operators decide and officers record outcomes.")


def is_recorded_otherwise(alert: Alert, given: ActInput, actor: Actor, *, state: str) -> None:
    if (alert.state, alert.code) == (state, given.code):
        raise Refused("This outcome is already recorded. Select a different one.")


def keeps_false_alerts_counted(alert: Alert, given: ActInput, actor: Actor, *, state: str) -> None:
    """Refuse to lower the number of false alerts until the deployment has ended, between its periods too.

    The ceiling restrains the commander, who could otherwise answer the question about it with a correction.
    """
    if alert.deployment.has_authority and alert.state in FALSE and state not in FALSE:
        raise Refused(
            "False alerts count against the ceiling until the deployment has ended. Correct this outcome after that."
        )


def was_recorded_by_somebody_else(alert: Alert, given: ActInput, actor: Actor) -> None:
    last = alert.acts.order_by("-pk").first()
    if last is not None and last.by_id == user_id(actor):
        raise Refused("You recorded this outcome yourself. Ask someone else to correct it.")


# Guards on the input.


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
        raise Refused("Enter the reason for the correction.")
    refuse_names_on_file(given.reason)


def gives_the_engagement(alert: Alert, given: ActInput, actor: Actor, *, state: str) -> None:
    """Check who spoke to the person, when, and how identity was established, for an outcome recorded afterwards.

    Each is needed if the outcome needs it and no handset recorded it. It is refused if the outcome excludes it.
    """
    has_engagement = given.engaged_by is not None or given.engaged_at is not None
    if has_engagement and state not in MAY_HAVE_MET:
        raise Refused("With this outcome nobody was spoken to. Leave officer and time empty.")
    if given.identity_method and state not in DISPOSED:
        raise Refused("With this outcome nobody was identified. Leave the identity check empty.")
    if has_engagement and alert.engaged_at is not None:
        raise Refused("Who spoke to the person is recorded already. Leave officer and time empty.")
    if given.identity_method and alert.identity_method:
        raise Refused("How identity was established is recorded already. Leave it empty.")
    if has_engagement or (state in MET and alert.engaged_at is None):
        _check_engagement(alert, given)
    if state in DISPOSED and not alert.identity_method and given.identity_method not in IdentityMethod.values:
        raise Refused("Select how an officer established who the person is.")


def _check_engagement(alert: Alert, given: ActInput) -> None:
    officer: Any = given.engaged_by
    if officer is None or given.engaged_at is None:
        raise Refused("Select the officer who spoke to the person, and enter when.")
    # Forms give times to the minute.
    if not alert.raised_at.replace(second=0, microsecond=0) <= given.engaged_at <= timezone.now():
        raised = timezone.localtime(alert.raised_at)
        raise Refused(f"Enter a time between {raised:%H:%M on %d %B}, when the possible match was raised, and now.")
    posted = Posting.objects.filter(deployment=alert.deployment_id, user_id=officer.pk)
    until = Q(ended_at__isnull=True) | Q(ended_at__gte=given.engaged_at)
    if not posted.filter(until, posted_at__lte=max(given.engaged_at, alert.raised_at)).exists():
        raise Refused("This officer was not posted to this deployment at that time. Select another officer or time.")
    if officer not in who_may_engage(alert):
        raise Refused("This user is not an engagement officer. Select another officer.")


def who_may_engage(alert: Alert) -> QuerySet[Any]:
    """Return the engagement officers who were ever posted to the alert's deployment, with those who have left since."""
    codename = RECORD_OUTCOME.partition(".")[2]
    users: QuerySet[Any] = get_user_model().objects.filter(postings__deployment=alert.deployment_id)
    return users.filter(groups__permissions__codename=codename).distinct().order_by("username")


def is_for_somebody_posted(alert: Alert, given: ActInput, actor: Actor) -> None:
    posted = Posting.objects.current().filter(deployment=alert.deployment_id)
    user: Any = given.to_user
    if user is not None and not (posted.filter(user_id=user.pk).exists() and user.has_perm(RECORD_OUTCOME)):
        raise Refused("This officer is not posted to this deployment. Select another officer.")
    if given.to_team and not posted.filter(team=given.to_team).exists():
        raise Refused("This team is not posted to this deployment. Select another team.")


def check_choices(given: ActInput) -> None:
    """Raise `Refused` unless all features and reasons are among those offered, and each feature is marked once."""
    features = {*given.alike, *given.differ}
    if len(features) != len(given.alike) + len(given.differ) or not features <= set(Feature.values):
        raise Refused("Mark each feature once, as alike or as different.")
    if not set(given.reasons) <= set(InconclusiveReason.values):
        raise Refused("Select from the reasons shown.")


# Errors for acts that come too late or do not fit the alert's state.


def standing(alert: Alert) -> str:
    """Return a message that gives an alert's state, and who brought it there and when."""
    last = alert.acts.select_related("by").order_by("-pk").first()
    is_now = f"is now {alert.quoted_state}."
    if last is None:
        return f"This possible match {is_now}"
    moment = f"{timezone.localtime(last.recorded_at):%H:%M:%S}"
    by = str(last.by) if last.by is not None else "The system"
    if alert.state in UNDECIDED and last.name == ActName.OPEN:
        return f"{by} opened this possible match at {moment}. It {is_now}"
    return f"{by} acted first, at {moment}. This possible match {is_now}"


def too_late(alert: Alert) -> Exception:
    return Conflict(standing(alert))


def not_this_ending(alert: Alert) -> Exception:
    if alert.state in OVER:
        return Conflict(standing(alert))
    never_referred = alert.is_undecided or alert.state == Alert.State.EXPIRED
    if never_referred:
        return Refused("This possible match was not referred to officers. Select another outcome.")
    return Refused("This possible match was referred to officers. Select another outcome.")


def nothing_to_correct(alert: Alert) -> Exception:
    return Conflict("There is no outcome to correct yet.")


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
    # The officer who was responding is released from it.
    return {**_referred(given, at), "officer_id": None}


def taken_back(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    columns = ("decided_by_id", "decided_at", "referred_at", "assigned_to_id", "escalated_at", "ended_at")
    return {**dict.fromkeys(columns), "assigned_team": "", **opened(alert, given, actor, at)}


def answered(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {"officer_id": user_id(actor), "code": given.code}


def identified(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {**answered(alert, given, actor, at), "identity_method": given.code}


def engaged(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {**answered(alert, given, actor, at), "engaged_at": done_at(alert, given, at)}


def answered_and_ended(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {**answered(alert, given, actor, at), "ended_at": done_at(alert, given, at)}


def released(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {**answered_and_ended(alert, given, actor, at), "identity_method": ""}


def escalated(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    return {"escalated_at": at}


def coded(alert: Alert, given: ActInput, actor: Actor, at: dt.datetime, *, state: str) -> dict[str, Any]:
    changes: dict[str, Any] = {"code": given.code, "ended_at": alert.ended_at or at}
    if given.engaged_by is not None and given.engaged_at is not None:
        engaged_at = max(given.engaged_at, alert.raised_at)
        changes |= {"officer_id": given.engaged_by.pk, "engaged_at": engaged_at}
        changes["ended_at"] = max(changes["ended_at"], engaged_at)
    # With another outcome, whatever was recorded as an identity check did not identify the subject.
    method = given.identity_method or alert.identity_method
    return {**changes, "identity_method": method if state in DISPOSED else ""}


def _referred(given: ActInput, at: dt.datetime) -> dict[str, Any]:
    """Return the columns of a referral to a named officer, to a team, or to every officer posted."""
    user_pk = None if given.to_user is None else given.to_user.pk
    team = "" if given.to_user is not None else given.to_team
    return {"referred_at": at, "escalated_at": None, "assigned_to_id": user_pk, "assigned_team": team}


def done_at(alert: Alert, given: ActInput, now: dt.datetime) -> dt.datetime:
    """Return when the act was done: never in the future, nor before the last act of a person on this alert."""
    ago = min(max(given.ago, dt.timedelta()), LONGEST_WAIT)
    by_people = alert.acts.filter(by__isnull=False).order_by("-pk")
    last = by_people.values_list("done_at", flat=True).first() or alert.raised_at
    return max(now - ago, last)


def user_id(actor: Actor) -> Any:
    """Return the primary key of the user who acts; None if the system acts."""
    return None if isinstance(actor, System) else actor.pk
