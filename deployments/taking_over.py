"""Beginning an application from an earlier one: what may be taken over, and what has not been changed since."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from audit.actions import Action
from audit.journal import record
from core.errors import Refused
from deployments import applications
from deployments.models import Camera, Deployment, Period

# What each application says anew: its name, why now, the intelligence and how long it holds, and whether it is urgent.
_ANEW = {"name", "why_now", "intelligence_reference", "intelligence_expires_on", "is_urgent", "urgent_reason"}
TAKEN_OVER = tuple(name for name in applications.FIELDS if name not in _ANEW)
_OF_PERIOD = ("place", "approaches", "alternative_route", "plan_jpeg")
_OF_CAMERA = ("name", "kind", "smallest_face", "frame_rate", "plan_mark")


@transaction.atomic
def begin_from(source: Deployment, *, name: str, actor: AbstractBaseUser) -> Deployment:
    """Create an application with the texts of an earlier one, and its places with their approaches and cameras.

    Times are not copied, nor anything that was recorded under the earlier authority. The governing documents are those
    in force now.

    Raises:
        Refused: the earlier application was never submitted.
    """
    if source.submitted_at is None:
        raise Refused("Select an application that was submitted.")
    deployment = applications.create(actor=actor, name=name)
    for field in TAKEN_OVER:
        setattr(deployment, field, getattr(source, field))
    deployment.taken_from = source
    deployment.save()
    deployment.periods.all().delete()
    for period in source.periods.prefetch_related("cameras"):
        copied = Period.objects.create(deployment=deployment, **{each: getattr(period, each) for each in _OF_PERIOD})
        Camera.objects.bulk_create(
            Camera(period=copied, **{each: getattr(camera, each) for each in _OF_CAMERA})
            for camera in period.cameras.all()
        )
    data = {"fields": "taken over", "from": str(source.pk)}
    record(Action.DEPLOYMENT_CHANGED, actor=actor, target=deployment, data=dict(data))
    return deployment


def unchanged(deployment: Deployment) -> set[str]:
    """Return the fields that were taken over and still say what they said; empty if nothing was."""
    source = deployment.taken_from
    if source is None:
        return set()
    given = {name: getattr(source, name) for name in TAKEN_OVER}
    return {name for name, value in given.items() if value not in ("", None, []) and value == getattr(deployment, name)}
