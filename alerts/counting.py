"""Tell a deployment how its alerts stand."""

from __future__ import annotations

from alerts.models import Alert
from deployments.counters import AlertCounts, tell
from deployments.models import Period


def tell_counts(period: Period) -> None:
    """Count a period's alerts and tell its deployment. Part of an act that has locked the deployment."""
    alerts = Alert.objects.public().filter(deployment=period.deployment_id)
    tell(period, AlertCounts(**alerts.counts(period)))
