"""Acts on alerts by people: operators at consoles, officers in the street.

Each is atomic, leaves its row among the alert's acts and in the journal, and is announced once committed.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from alerts.models import JUDGEMENTS, OFFICER_ACTS, OPERATOR_ACTS, OTHER_ACTS, UNDECIDED, Act, ActKind, Alert
from alerts.policy import Feature, Hindrance
from audit.actions import Action
from audit.journal import record
from core.actors import Actor, System
from core.errors import Conflict, Refused
from core.machine import JournalData, move
from core.permissions import require
from deployments import tally
from deployments.events import announce
from deployments.models import Posting

WATCH, DECIDE, RESPOND = "alerts.watch_alerts", "alerts.decide_alert", "alerts.record_outcome"
# What a handset without a connection may have kept waiting at most.
LONGEST_WAIT = dt.timedelta(hours=12)
_OFFERED = {**OPERATOR_ACTS, **OFFICER_ACTS}


@dataclass(frozen=True)
class Said:
    """What somebody says with an act.

    key: the sender's own, so that the same act sent twice is one. revision: of the alert that they saw. ago: how long
    before it came in it was done, by the sender's own stopwatch. to_user, to_team: whom it is handed to. reason: of a
    correction.
    """

    key: uuid.UUID = field(default_factory=uuid.uuid4)
    revision: int | None = None
    ago: dt.timedelta = dt.timedelta()
    alike: Sequence[str] = ()
    differ: Sequence[str] = ()
    hindrances: Sequence[str] = ()
    code: str = ""
    leaflet: bool | None = None
    to_user: AbstractBaseUser | None = None
    to_team: str = ""
    reason: str = ""


def act(alert: Alert, name: str, said: Said | None = None, *, actor: AbstractBaseUser) -> None:
    """Do what an operator or an officer can do with an alert.

    Raises:
        Refused: no such act, what it needs is not said, or the alert was purged.
        Conflict: somebody was first, or the alert is no longer as they saw it; says who and what.
    """
    kind, said = _OFFERED.get(name), said or Said()
    if kind is None:
        raise Refused("Choose one of the steps shown.")
    require(actor, kind.step.permission)
    with transaction.atomic():
        tally.hold_for(alert.camera.period)
        if _was_done(alert, name, said, actor):
            return
        alert.refresh_from_db()
        name, kind = _meant(alert, name, kind)
        _of_the_alert(alert, name, kind, said, actor)
        _of_what_is_said(name, kind, said)
        before, was_false = alert.state, alert.counts_false
        move(alert, kind.step, actor=actor, changes=_changes(alert, name, said, actor), data=_data(name, said))
        keep_act(alert, name, before, said, actor)
        if alert.kind == Alert.Kind.ALERT:
            _tell(alert, before, was_false)
        announce(alert.deployment_id, "alert.changed", alert.id)


def act_by_clock(alert: Alert, name: str, changes: dict[str, Any], *, actor: System) -> None:
    """What only time does: part of a transaction that holds the deployment."""
    before = alert.state
    move(alert, OTHER_ACTS[name].step, actor=actor, changes={**changes, "revision": F("revision") + 1})
    keep_act(alert, name, before, Said(), actor)
    announce(alert.deployment_id, "alert.changed", alert.id)


def _was_done(alert: Alert, name: str, said: Said, actor: AbstractBaseUser) -> bool:
    """Whether this very act came in before: a button pressed twice, a handset that heard no answer."""
    known = Act.objects.filter(key=said.key).first()
    if known is None:
        return False
    if (known.alert_id, known.by_id, known.name) != (alert.pk, actor.pk, name):
        raise Refused("This key was used for another act.")
    return True


def _meant(alert: Alert, name: str, kind: ActKind) -> tuple[str, ActKind]:
    """A known negative looks like any other to who judges it, goes to nobody, and is not taken back once it is told."""
    if alert.kind == Alert.Kind.CONTROL and name in JUDGEMENTS:
        return name, OTHER_ACTS["judge_control"]
    return name, kind


def _of_the_alert(alert: Alert, name: str, kind: ActKind, said: Said, actor: AbstractBaseUser) -> None:
    if alert.purged_at is not None and name in OPERATOR_ACTS:
        raise Refused("This alert was purged when its time ran out; there is nothing left to decide on.")
    if alert.state not in kind.step.sources:
        raise Conflict(told(alert))
    if said.revision is not None and said.revision != alert.revision:
        raise Conflict(f"This changed after you opened it. {told(alert)}")
    if name == "undo":
        until = alert.undo_until()
        if alert.decided_by_id != actor.pk:
            raise Refused("Only who judged it can take it back.")
        if until is None or timezone.now() > until:
            raise Refused("It is too late to take this back. The commander can correct it.")
    if name in OFFICER_ACTS and alert.officer_id not in (None, actor.pk):
        raise Conflict(f"{alert.officer} has answered this one.")


def _of_what_is_said(name: str, kind: ActKind, said: Said) -> None:
    features = {*said.alike, *said.differ}
    if len(features) != len(said.alike) + len(said.differ) or not features <= set(Feature.values):
        raise Refused("Mark each feature once, as alike or as different.")
    if not set(said.hindrances) <= set(Hindrance.values):
        raise Refused("Choose from the reasons shown.")
    missing = {
        "same": not said.alike and "Mark at least one feature that is alike: say what you went by.",
        "not_same": not said.differ and "Mark at least one feature that differs: say what you went by.",
        "cannot_say": not said.hindrances and "Choose at least one reason why it cannot be said.",
    }.get(name)
    if missing:
        raise Refused(missing)
    if kind.codes is None:
        if said.code:
            raise Refused("Nothing more is said with this step.")
    elif said.code not in kind.codes.values and (said.code or not kind.is_optional):
        raise Refused("Choose one of what is offered for this step.")
    if kind.asks_leaflet and said.leaflet is None:
        raise Refused("Say whether the leaflet was given.")


def _changes(alert: Alert, name: str, said: Said, actor: AbstractBaseUser) -> dict[str, Any]:
    """The columns that an act sets beside the state."""
    now = timezone.now()
    changes: dict[str, Any] = {"revision": F("revision") + 1}
    if name == "open":
        changes |= {"opened_by_id": actor.pk, "opened_at": now}
    elif name in JUDGEMENTS:
        changes |= {"decided_by_id": actor.pk, "decided_at": now}
        # Asked of a known negative as well: a refusal must not tell it apart.
        handed = _handed(alert, said) if name == "same" else {}
        if alert.kind != Alert.Kind.CONTROL:
            changes |= {"referred_at": now, "escalated_at": None, **handed} if name == "same" else {}
            changes |= {"ended_at": now} if name == "not_same" else {}
    elif name == "undo":
        changes |= dict.fromkeys(_TAKEN_BACK)
        changes |= {"assigned_team": "", "opened_by_id": actor.pk, "opened_at": now}
    elif name == "hand_over":
        # Who had answered, and cannot come after all, has it no longer.
        changes |= {"referred_at": now, "escalated_at": None, "officer_id": None, **_handed(alert, said)}
    else:
        changes |= {"officer_id": actor.pk, "code": said.code}
        done_at = _done_at(alert, said, now)
        changes |= {"engaged_at": done_at} if name == "engage" else {}
        changes |= (
            {"ended_at": done_at} if name in OFFICER_ACTS and OFFICER_ACTS[name].step.target not in _GO_ON else {}
        )
    return changes


_TAKEN_BACK = ("decided_by_id", "decided_at", "referred_at", "assigned_to_id", "escalated_at", "ended_at")
_GO_ON = (Alert.State.ACKED, Alert.State.ENGAGED, Alert.State.ID_CHECK, Alert.State.CONFIRMED_TRUE)


def _handed(alert: Alert, said: Said) -> dict[str, Any]:
    """To a named officer, a team, or whoever answers first."""
    posted = Posting.objects.current().filter(deployment=alert.deployment_id)
    if said.to_user is not None:
        if not posted.filter(user_id=said.to_user.pk).exists() or not said.to_user.has_perm(RESPOND):  # type: ignore[attr-defined]
            raise Refused("This officer is not posted to this deployment.")
        return {"assigned_to_id": said.to_user.pk, "assigned_team": ""}
    if said.to_team and not posted.filter(team=said.to_team).exists():
        raise Refused("No team of this name is posted to this deployment.")
    return {"assigned_to_id": None, "assigned_team": said.to_team}


def _done_at(alert: Alert, said: Said, now: dt.datetime) -> dt.datetime:
    """By the stopwatch of who sent it, never by their clock; not in the future, nor before the last that people did."""
    ago = min(max(said.ago, dt.timedelta()), LONGEST_WAIT)
    by_people = alert.acts.filter(by__isnull=False).order_by("-pk")
    last = by_people.values_list("done_at", flat=True).first() or alert.raised_at
    return max(now - ago, last)


def keep_act(alert: Alert, name: str, before: str, said: Said, actor: Actor) -> None:
    """The row of an act that has just been done. Part of a transaction that holds the deployment."""
    now = timezone.now()
    Act.objects.create(
        alert=alert,
        key=said.key,
        name=name,
        before=before,
        after=alert.state,
        revision=alert.revision,
        by_id=None if isinstance(actor, System) else actor.pk,
        done_at=_done_at(alert, said, now),
        recorded_at=now,
        alike=list(said.alike),
        differ=list(said.differ),
        hindrances=list(said.hindrances),
        code=said.code,
        leaflet=said.leaflet,
        reason=said.reason,
    )


def _data(name: str, said: Said) -> JournalData:
    """For the journal: codes and ids."""
    return {
        "act": name,
        **({"code": said.code} if said.code else {}),
        **({"leaflet": said.leaflet} if said.leaflet is not None else {}),
        **({"to": said.to_user.get_username()} if said.to_user is not None else {}),
        **({"to_team": said.to_team} if said.to_team else {}),
        **({"minutes_late": int(said.ago.total_seconds() // 60)} if said.ago >= dt.timedelta(minutes=1) else {}),
    }


def _tell(alert: Alert, before: str, was_false: bool) -> None:
    """Tell the deployment what it counts: that something came of an alert, or that this was taken back."""
    period, point = alert.camera.period, alert.operating_point
    if alert.result is not None:
        tally.note_settled(period, point, is_false=alert.counts_false)
    elif before == Alert.State.OP_FALSE:
        tally.note_reopened(period, point, was_false=was_false)


@transaction.atomic
def note_viewed(alert: Alert, *, actor: AbstractBaseUser) -> None:
    """Somebody opened an alert with its pictures."""
    record(Action.ALERT_VIEWED, actor=actor, target=alert, data={"deployment": str(alert.deployment_id)})


def told(alert: Alert) -> str:
    """How an alert stands, and by whom: for who came second."""
    last = alert.acts.select_related("by").order_by("-pk").first()
    state = alert.get_state_display().lower()
    if last is None:
        return f"This is {state}."
    moment = f"{timezone.localtime(last.recorded_at):%H:%M:%S}"
    by = str(last.by) if last.by is not None else "The clock"
    if alert.state in UNDECIDED and last.name == "open":
        return f"{by} took it up at {moment}; it is {state}."
    return f"{by} was first, at {moment}: {state}."
