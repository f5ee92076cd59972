"""Each deployment of before becomes one of a single period."""

from typing import Any

from django.db import migrations
from django.utils import timezone


def move(apps: Any, schema_editor: Any) -> None:
    """Raises RuntimeError while a deployment is live: its cameras would be shut in the middle of it."""
    deployments, periods, cameras = (apps.get_model("deployments", name) for name in ("Deployment", "Period", "Camera"))
    if deployments.objects.filter(state="live").exists():
        raise RuntimeError("A deployment is live. End it, then migrate.")
    for deployment in deployments.objects.all():
        was_live = deployment.went_live_at is not None
        period = periods.objects.create(
            deployment=deployment,
            place=deployment.place,
            starts_at=deployment.starts_at,
            ends_at=deployment.ends_at,
            # A list serves one period: who only asked for it does not keep it.
            watchlist_id=deployment.watchlist_id if was_live else None,
            list_size=deployment.list_size,
            went_live_at=deployment.went_live_at,
            ended_at=deployment.ended_at,
        )
        cameras.objects.filter(deployment=deployment).update(period=period)
        deployment.why_here = deployment.purpose
        deployment.authority_ends_at = deployment.ends_at if deployment.authorised_by_id else None
        if deployment.state in ("authorised", "lapsed"):
            # Given on what is no longer enough.
            deployment.state = "auth_expired"
            deployment.ended_at = timezone.now()
        deployment.save()


class Migration(migrations.Migration):
    dependencies = [("deployments", "0002_deployments_under_authority")]

    operations = [migrations.RunPython(move, migrations.RunPython.noop)]
