"""Acts that link a case to its deployment and to the possible matches that it is about."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from alerts import receipts
from alerts.models import Alert
from audit.actions import Action
from audit.journal import record
from cases.casework import begin, note_event
from cases.content import EventContent
from cases.models import Case, CaseEvent
from core.errors import Conflict, Refused
from deployments.models import Deployment

_K = CaseEvent.Kind


@transaction.atomic
def link_deployment(case: Case, *, deployment: Deployment | None, actor: AbstractBaseUser) -> None:
    """Link a case to the deployment that it is about; None removes the link."""
    begin(case, actor)
    if case.deployment == deployment:
        raise Conflict("The case is linked to this deployment already." if deployment else "There is no link.")
    if case.alerts.exists():
        raise Refused("Remove the links to possible matches of the other deployment first.")
    before, case.deployment = case.deployment, deployment
    case.save(update_fields=["deployment"])
    kind, action = (_K.LINKED, Action.CASE_LINKED) if deployment else (_K.UNLINKED, Action.CASE_UNLINKED)
    about = deployment or before
    note_event(case, kind, actor, EventContent(words=str(about)))
    record(action, actor=actor, target=case, data={"deployment": str(about.pk) if about else ""})


@transaction.atomic
def link_alerts(case: Case, *, alerts: Iterable[Alert], actor: AbstractBaseUser) -> None:
    """Link possible matches of the case's deployment.

    Raises:
        Refused: none was chosen, or one is of another deployment or not a possible match.
    """
    begin(case, actor)
    known = set(case.alerts.values_list("pk", flat=True))
    new = [alert for alert in alerts if alert.pk not in known]
    if not new:
        raise Refused("Select the possible matches that the case is about.")
    if any(alert.deployment_id != case.deployment_id or alert.kind != Alert.Kind.ALERT for alert in new):
        raise Refused("Select possible matches of the deployment that the case is about.")
    case.alerts.add(*new)
    note_event(case, _K.LINKED, actor, EventContent(words=", ".join(alert_words(alert) for alert in new)))
    for alert in new:
        record(Action.CASE_LINKED, actor=actor, target=case, data={"alert": str(alert.pk)})


@transaction.atomic
def link_receipt(case: Case, *, code: str, actor: AbstractBaseUser) -> None:
    """Link the possible match of a receipt, and its deployment if the case has none.

    Raises:
        Refused: no receipt has this code, or it is of another deployment.
    """
    begin(case, actor)
    alert = receipts.find(code)
    if alert is None:
        raise Refused("There is no receipt with this code. Compare it with the person’s.")
    if case.deployment_id is None:
        link_deployment(case, deployment=alert.deployment, actor=actor)
    link_alerts(case, alerts=[alert], actor=actor)


@transaction.atomic
def unlink_alert(case: Case, *, alert: Alert, actor: AbstractBaseUser) -> None:
    """Remove the link to a possible match."""
    begin(case, actor)
    if not case.alerts.filter(pk=alert.pk).exists():
        raise Conflict("The possible match is not linked to this case.")
    case.alerts.remove(alert)
    note_event(case, _K.UNLINKED, actor, EventContent(words=alert_words(alert)))
    record(Action.CASE_UNLINKED, actor=actor, target=case, data={"alert": str(alert.pk)})


def alert_words(alert: Alert) -> str:
    """Name a possible match in the words of people."""
    return f"possible match {str(alert.pk)[:8]}"
