"""Which rows an act on a deployment holds, always in one order and before the journal."""

from __future__ import annotations

import uuid

from deployments.models import Deployment, Period
from watchlists.models import Watchlist


def hold(deployment: Deployment) -> None:
    """Hold a deployment's row, and with it everything of its periods and cameras, until the act ends."""
    deployment.refresh_from_db(from_queryset=Deployment.objects.select_for_update(no_key=True))


def hold_of_camera(camera_id: uuid.UUID) -> None:
    """Hold the deployment that a camera belongs to."""
    held = Deployment.objects.select_for_update(no_key=True, of=("self",)).filter(periods__cameras=camera_id)
    list(held.values_list("pk"))


def hold_period(period: Period) -> None:
    """Hold a period's deployment and its lists."""
    hold(period.deployment)
    period.refresh_from_db()
    lists = [pk for pk in (period.watchlist_id, period.blue_list_id) if pk is not None]
    # Evaluated for its locks; in one order, so that no two acts wait for each other.
    list(Watchlist.objects.filter(pk__in=lists).order_by("pk").select_for_update(no_key=True).values_list("pk"))
