"""What `alerts` tells deployments of: counted here, so that their guards never have to ask."""

from __future__ import annotations

from django.db.models import F

from deployments.events import announce
from deployments.locks import hold
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


def hold_for(period: Period) -> None:
    """Hold the deployment of an alert, before the alert itself."""
    hold(period.deployment)
