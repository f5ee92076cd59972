"""After the cameras: coding what nobody settled, and setting right what was recorded."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from alerts.models import CORRECTIONS, ENDINGS, OVER, UNDECIDED, ActKind, Alert
from alerts.operations import Said, keep_act, told
from core.errors import Conflict, Refused
from core.machine import move
from core.permissions import require
from deployments import tally
from deployments.events import announce
from watchlists.operations import refuse_names_on_file

RUN = "deployments.run_deployment"
# They are found by looking at the faces.
_BY_EYE = (Alert.State.LATE_SAME, Alert.State.LATE_NOT_SAME)


def code(alert: Alert, ending: str, code: str = "", *, actor: AbstractBaseUser) -> None:
    """What came of an alert that nobody settled while its cameras were on, for the review.

    Raises:
        Refused: no such ending for it, or cameras are still on. Conflict: it was settled.
    """
    kind = ENDINGS.get(ending)
    if kind is None:
        raise Refused("Choose what came of it.")
    require(actor, RUN)
    with transaction.atomic():
        tally.hold_for(alert.camera.period)
        alert.refresh_from_db()
        if not alert.deployment.is_over and not alert.camera.period.ended_at:
            raise Refused("Cameras are still on: an operator decides, and an officer says what came of it.")
        if alert.state in OVER:
            raise Conflict(told(alert))
        if alert.state not in kind.step.sources:
            late = alert.state in UNDECIDED or alert.state == Alert.State.EXPIRED
            raise Refused("No operator handed this one over." if late else "It was handed to officers.")
        if ending in _BY_EYE and alert.purged_at is not None:
            raise Refused("Its faces are purged: nobody can compare them any more.")
        _end(alert, "code", kind, Said(code=code), actor)
        tally.note_settled(alert.camera.period, alert.operating_point, is_false=alert.counts_false)
        announce(alert.deployment_id, "alert.changed", alert.id)


def correct(alert: Alert, ending: str, code: str = "", *, reason: str, actor: AbstractBaseUser) -> None:
    """Set right what was recorded: another act beside those before, which stay.

    Raises:
        Refused: no reason, no such ending, or their own act. Conflict: nothing has come of it yet.
    """
    kind = CORRECTIONS.get(ending)
    if kind is None:
        raise Refused("Choose what came of it.")
    require(actor, RUN)
    reason = reason.strip()
    if not reason:
        raise Refused("Say why this is corrected.")
    refuse_names_on_file(reason)
    with transaction.atomic():
        tally.hold_for(alert.camera.period)
        alert.refresh_from_db()
        if alert.state not in OVER or alert.kind != Alert.Kind.ALERT:
            raise Conflict("Nothing has come of this one yet that could be corrected.")
        if (alert.state, alert.code) == (ending, code):
            raise Refused("This is how it stands already.")
        last = alert.acts.order_by("-pk").first()
        if last is not None and last.by_id == actor.pk:
            raise Refused("You recorded this yourself: somebody else has to correct it.")
        was_false = alert.counts_false
        _end(alert, "correct", kind, Said(code=code, reason=reason), actor)
        tally.note_corrected(alert.camera.period, alert.operating_point, was_false, alert.counts_false)
        announce(alert.deployment_id, "alert.changed", alert.id)


def _end(alert: Alert, name: str, kind: ActKind, said: Said, actor: AbstractBaseUser) -> None:
    if said.code not in (kind.codes.values if kind.codes is not None else [""]):
        raise Refused("Say what the arrest, the disposal or the ending was for." if kind.codes else "Leave that empty.")
    before = alert.state
    changes = {"revision": F("revision") + 1, "code": said.code, "ended_at": alert.ended_at or timezone.now()}
    data = {"act": name, "from": before, "to": kind.step.target, "code": said.code}
    move(alert, kind.step, actor=actor, changes=changes, data=data)
    keep_act(alert, name, before, said, actor)
