"""What `alerts` tells deployments of: counted here, so that their guards never have to ask."""

from __future__ import annotations

import uuid

from django.db.models import F

from deployments.events import announce
from deployments.locks import lock_deployment, lock_deployment_of_camera
from deployments.models import Deployment, Period
from deployments.running import judge
from watchlists.models import OperatingPoint


def note_raised(period: Period) -> None:
    """A possible match was raised, which somebody has to settle. Part of the act; the deployment is held."""
    Period.objects.filter(pk=period.pk).update(alerts_raised=F("alerts_raised") + 1, alerts_open=F("alerts_open") + 1)


def note_settled(period: Period, point: OperatingPoint, *, is_false: bool) -> None:
    """It was found what came of a possible match. False alerts are judged at once. The deployment is held.

    point: that it was raised at. Of a threshold that was changed since, it says nothing of the present one.
    """
    counted = {"alerts_open": F("alerts_open") - 1}
    if is_false:
        counted["alerts_false"] = F("alerts_false") + 1
    Period.objects.filter(pk=period.pk).update(**counted)
    deployment = Deployment.objects.get(pk=period.deployment_id)
    if is_false and point.pk != deployment.operating_point_id:
        deployment.governed_from_false += 1
        deployment.save(update_fields=["governed_from_false"])
    elif is_false:
        judge(deployment)
    announce(deployment.id, "deployment.changed", deployment.id)


def note_reopened(period: Period, point: OperatingPoint, *, was_false: bool) -> None:
    """What came of a possible match was taken back within moments. The deployment is held."""
    Period.objects.filter(pk=period.pk).update(alerts_open=F("alerts_open") + 1)
    note_corrected(period, point, was_false, is_false=False)


def note_corrected(period: Period, point: OperatingPoint, was_false: bool, is_false: bool) -> None:
    """What was recorded of a possible match was set right. The deployment is held; what it paused for is not undone."""
    change = int(is_false) - int(was_false)
    if change:
        Period.objects.filter(pk=period.pk).update(alerts_false=F("alerts_false") + change)
        deployment = Deployment.objects.get(pk=period.deployment_id)
        if point.pk != deployment.operating_point_id:
            deployment.governed_from_false = max(deployment.governed_from_false + change, 0)
            deployment.save(update_fields=["governed_from_false"])
        elif is_false:
            judge(deployment)
    announce(period.deployment_id, "deployment.changed", period.deployment_id)


def hold_for(period: Period) -> None:
    """Hold the deployment of an alert, before the alert itself."""
    lock_deployment(period.deployment)


def hold_for_camera(camera_id: uuid.UUID) -> None:
    """Hold the deployment whose camera has found somebody."""
    lock_deployment_of_camera(camera_id)
