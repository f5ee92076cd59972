"""Beginning an application from an earlier one: what may be taken over, and what has not been changed since."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from audit.actions import Action
from audit.journal import record
from core.errors import Refused
from deployments import applications
from deployments.models import Camera, Deployment, Period

# Fields that each application says anew: its name, why now, the intelligence and its end, and whether it is urgent.
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
        Refused: the earlier application was never authorised; until then it can be changed.
    """
    if source.authorised_at is None:
        raise Refused("Select an application that was authorised.")
    deployment = applications.new_row(actor, name)
    for field in TAKEN_OVER:
        setattr(deployment, field, getattr(source, field))
    deployment.taken_from = source
    deployment.save()
    for period in source.periods.prefetch_related("cameras"):
        copied = Period.objects.create(deployment=deployment, **{each: getattr(period, each) for each in _OF_PERIOD})
        Camera.objects.bulk_create(
            Camera(period=copied, **{each: getattr(camera, each) for each in _OF_CAMERA})
            for camera in period.cameras.all()
        )
    record(Action.DEPLOYMENT_CREATED, actor=actor, target=deployment, data={"taken_from": str(source.pk)})
    return deployment


def unchanged(deployment: Deployment) -> set[str]:
    """Return the fields that were taken over and still say what they said; empty if nothing was."""
    source = deployment.taken_from
    if source is None:
        return set()
    given = {name: getattr(source, name) for name in TAKEN_OVER}
    return {name for name, value in given.items() if value not in ("", None, []) and value == getattr(deployment, name)}


def unchanged_periods(deployment: Deployment) -> set[uuid.UUID]:
    """Return the periods whose place, approaches, alternative route and cameras are as they were taken over."""
    if deployment.taken_from is None:
        return set()
    known = [_described(period) for period in deployment.taken_from.periods.prefetch_related("cameras")]
    own = deployment.periods.prefetch_related("cameras")
    return {period.pk for period in own if _described(period) in known}


def _described(period: Period) -> tuple[object, ...]:
    cameras = [tuple(getattr(camera, name) for name in _OF_CAMERA) for camera in period.cameras.all()]
    return period.place, period.approach_list, period.alternative_route, cameras
