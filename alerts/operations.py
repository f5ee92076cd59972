"""Acts on alerts. Each is atomic, is recorded among the alert's acts and in the audit log, and is announced."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from alerts.act_rules import ActInput, done_at, standing, user_id
from alerts.acts import CONTROL_ACTS, CORRECTIONS, ENDINGS, OFFICER_ACTS, OPERATOR_ACTS, ActKind
from alerts.counting import tell_counts
from alerts.models import Act, Alert
from alerts.permissions import RECORD_OUTCOME
from alerts.states import ActName
from audit.actions import Action
from audit.journal import note_consulted, record
from core.actors import Actor, System
from core.errors import Conflict, Refused
from core.machine import JournalData, move
from core.permissions import require
from core.sockets import Event
from deployments import documents
from deployments.events import announce
from deployments.locks import lock_deployment
from deployments.models import Document, Posting
from training.register import require_trained

_OFFERED = {**OPERATOR_ACTS, **OFFICER_ACTS}


def act(alert: Alert, name: str, given: ActInput | None = None, *, actor: AbstractBaseUser) -> None:
    """Perform an operator's or an officer's act on an alert. Raises as `perform` does."""
    kind = _OFFERED.get(name)
    if kind is None:
        raise Refused("Select one of the steps shown.")
    if alert.kind == Alert.Kind.CONTROL:
        kind = CONTROL_ACTS.get(name, kind)
    perform(alert, kind, given, actor=actor)


def code(alert: Alert, ending: str, code: str = "", *, actor: AbstractBaseUser, **engagement: Any) -> None:
    """Record the outcome of an alert that is still open once its cameras are off. Raises as `perform` does.

    engagement: engaged_by, engaged_at and identity_method of `ActInput`, where no handset recorded them.
    """
    perform(alert, _chosen(ENDINGS, ending), ActInput(code=code, **engagement), actor=actor)


def correct(
    alert: Alert, ending: str, code: str = "", *, reason: str, actor: AbstractBaseUser, **engagement: Any
) -> None:
    """Correct a recorded outcome. Earlier acts stay. engagement: as for `code`. Raises as `perform` does."""
    given = ActInput(code=code, reason=reason.strip(), **engagement)
    with transaction.atomic():
        perform(alert, _chosen(CORRECTIONS, ending), given, actor=actor)
        if alert.deployment.closed_at is not None:
            # The report made at closing stays; this one has the corrected outcome.
            documents.make_or_leave(alert.deployment, Document.Kind.POST_DEPLOYMENT)


def perform(
    alert: Alert, kind: ActKind, given: ActInput | None = None, *, actor: Actor, at: dt.datetime | None = None
) -> None:
    """Perform an act, and only once under the same key. Nothing else changes the state of an alert.

    at: the time of an act of the clock; now by default.

    Raises:
        PermissionDenied: the actor may not perform it.
        Refused: a guard of the act refuses it, the actor is not trained for it, or the input is not what it asks for.
        Conflict: somebody acted first, or the alert changed after the actor saw it. The message says who and how.
    """
    given = given or ActInput()
    require(actor, kind.step.permission, system_may=kind.step.system_may)
    with transaction.atomic():
        lock_deployment(alert.camera.period.deployment)
        if _was_done(alert, kind, given, actor):
            return
        alert.refresh_from_db()
        _check_training(alert, kind, given, actor)
        _check(alert, kind, given, actor)
        before, had_result = alert.state, alert.result
        effects = kind.effects(alert, given, actor, at or timezone.now())
        changes = {"revision": F("revision") + 1, **effects}
        move(alert, kind.step, actor=actor, changes=changes, data=_journal_data(alert, kind, before, given))
        _keep(alert, kind, before, given, actor)
        if alert.kind == Alert.Kind.ALERT and (had_result or alert.result):
            tell_counts(alert.camera.period)
            announce(alert.deployment_id, Event.DEPLOYMENT_CHANGED, alert.deployment_id)
        announce(alert.deployment_id, Event.ALERT_CHANGED, alert.id)


def _chosen(kinds: dict[str, ActKind], ending: str) -> ActKind:
    if ending not in kinds:
        raise Refused("Select an outcome.")
    return kinds[ending]


def _was_done(alert: Alert, kind: ActKind, given: ActInput, actor: Actor) -> bool:
    """Return whether this act has already been received: a button pressed twice, a handset that got no answer."""
    known = Act.objects.filter(key=given.key).first()
    if known is None:
        return False
    if (known.alert_id, known.by_id, known.name) != (alert.pk, user_id(actor), kind.name):
        raise Refused("This key has already been used for another act.")
    return True


def _check_training(alert: Alert, kind: ActKind, given: ActInput, actor: Actor) -> None:
    """Raise `Refused` unless the actor was trained for what they begin, on the day on which they did it."""
    has_begun = kind.name == ActName.ENGAGE and alert.officer_id == user_id(actor)
    if kind.trained_as is not None and not isinstance(actor, System) and not has_begun:
        on = timezone.localdate(done_at(alert, given, timezone.now()))
        require_trained(actor, kind.trained_as, None if on == timezone.localdate() else on)


def _check(alert: Alert, kind: ActKind, given: ActInput, actor: Actor) -> None:
    if alert.state not in kind.step.sources:
        raise kind.wrong_state(alert)
    if given.revision is not None and given.revision != alert.revision:
        raise Conflict(f"This possible match changed after you opened it. {standing(alert)}")
    for guard in kind.guards:
        guard(alert, given, actor)
    kind.check_input(given)


def _keep(alert: Alert, kind: ActKind, before: str, given: ActInput, actor: Actor) -> None:
    now = timezone.now()
    Act.objects.create(
        alert=alert,
        key=given.key,
        name=kind.name,
        before=before,
        after=alert.state,
        revision=alert.revision,
        by_id=user_id(actor),
        done_at=done_at(alert, given, now),
        recorded_at=now,
        alike=list(given.alike),
        differ=list(given.differ),
        reasons=list(given.reasons),
        code=given.code,
        leaflet=given.leaflet,
        reason=given.reason,
    )


def _journal_data(alert: Alert, kind: ActKind, before: str, given: ActInput) -> JournalData:
    """Return the data of the act's entry in the audit log: codes, usernames and team, but no reason."""
    data: dict[str, Any] = {"act": kind.name.value, "from": str(before), "to": str(kind.step.target)}
    if given.code:
        data["code"] = given.code
    if given.leaflet is not None:
        data["leaflet"] = given.leaflet
    if given.to_user is not None:
        data["to_user"] = given.to_user.get_username()
    if given.to_team:
        data["to_team"] = given.to_team
    if given.engaged_by is not None and given.engaged_at is not None:
        data |= {"engaged_by": given.engaged_by.get_username(), "engaged_at": given.engaged_at.isoformat()}
    if given.identity_method:
        data["identity_method"] = given.identity_method
    if kind.step.target == Alert.State.REFERRED:
        data["recipients"] = ", ".join(_recipients(alert, given)) or "none"
    if given.ago >= dt.timedelta(minutes=1):
        data["minutes_late"] = int(given.ago.total_seconds() // 60)
    return data


def _recipients(alert: Alert, given: ActInput) -> list[str]:
    """Return the usernames of those whom a referral reaches: the officer named, the team, or every officer posted."""
    posted = Posting.objects.current().filter(deployment=alert.deployment_id)
    if given.to_user is not None:
        posted = posted.filter(user_id=given.to_user.pk)
    elif given.to_team:
        posted = posted.filter(team=given.to_team)
    users: Any = get_user_model().objects
    officers = users.with_perm(RECORD_OUTCOME).filter(postings__in=posted)
    return sorted(officers.values_list("username", flat=True))


@transaction.atomic
def note_viewed(alert: Alert, *, actor: AbstractBaseUser) -> None:
    """Record in the audit log that somebody opened an alert with its pictures."""
    record(Action.ALERT_VIEWED, actor=actor, target=alert, data={"deployment": str(alert.deployment_id)})


def note_picture_seen(alert: Alert, *, actor: AbstractBaseUser) -> None:
    """Record that somebody saw a picture of an alert, unless they opened the alert in the last quarter of an hour."""
    data = {"deployment": str(alert.deployment_id)}
    note_consulted(Action.ALERT_VIEWED, actor=actor, target=alert, data=dict(data))
