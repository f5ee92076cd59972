"""Recording the attributes of the person of a possible match, by those who saw them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from alerts.models import Alert, PersonAttributes
from alerts.permissions import RECORD_OUTCOME
from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from deployments.locks import lock_deployment
from deployments.models import Deployment
from deployments.permissions import RUN_DEPLOYMENT

FIELDS = ("self_defined", "officer_defined", "sex", "age_band")
_SETTLED = (Deployment.State.CLOSED, Deployment.State.RESULTS_PUBLISHED)


def may_record(alert: Alert, user: Any) -> bool:
    """Return whether a user may record attributes: the officer who responded, or a commander."""
    is_officer = user.has_perm(RECORD_OUTCOME) and alert.officer_id == user.pk
    return is_officer or bool(user.has_perm(RUN_DEPLOYMENT))


@transaction.atomic
def record_attributes(alert: Alert, given: Mapping[str, str], *, actor: AbstractBaseUser) -> PersonAttributes:
    """Record what the person said and what the officer saw. The audit log has which fields, never their values.

    Raises:
        PermissionDenied: the actor is neither the officer who responded nor a commander.
        Refused: no officer responded, nothing was selected, or self-defined ethnicity without an engagement.
        Conflict: the deployment is closed.
    """
    if not may_record(alert, actor):
        raise PermissionDenied
    lock_deployment(alert.camera.period.deployment)
    alert.refresh_from_db()
    if alert.deployment.state in _SETTLED:
        raise Conflict("This deployment is closed. What was recorded with it stays as it is.")
    if alert.officer_id is None:
        raise Refused("No officer responded to this possible match, so nobody saw the person.")
    chosen = {name: given.get(name, "") for name in FIELDS}
    if not any(chosen.values()):
        raise Refused("Select at least one of ethnicity, sex and age.")
    if chosen["self_defined"] and alert.engaged_at is None:
        raise Refused("Nobody was spoken to, so there is no self-defined ethnicity. Leave it empty.")
    made, _ = PersonAttributes.objects.update_or_create(
        alert=alert, defaults={**chosen, "recorded_by_id": actor.pk, "recorded_at": timezone.now()}
    )
    data = {"fields": ", ".join(name for name in FIELDS if chosen[name])}
    record(Action.ATTRIBUTES_RECORDED, actor=actor, target=alert, data=dict(data))
    return made
