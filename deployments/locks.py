"""Locks on the rows of a deployment, always taken in the same order and before the audit log."""

from __future__ import annotations

import uuid

from core.locks import lock_all
from deployments.models import Deployment, Period
from watchlists.models import Watchlist


def lock_deployment(deployment: Deployment) -> None:
    """Lock a deployment until the transaction ends; this protects its periods and cameras too."""
    deployment.refresh_from_db(from_queryset=Deployment.objects.select_for_update(no_key=True))


def lock_deployment_of_camera(camera_id: uuid.UUID) -> None:
    """Lock the deployment that a camera belongs to."""
    locked = Deployment.objects.select_for_update(no_key=True, of=("self",)).filter(periods__cameras=camera_id)
    list(locked.values_list("pk"))


def lock_period(period: Period) -> None:
    """Lock a period's deployment and its lists."""
    lock_deployment(period.deployment)
    period.refresh_from_db()
    lists = [pk for pk in (period.watchlist_id, period.blue_list_id) if pk is not None]
    lock_all(Watchlist.objects.filter(pk__in=lists))
