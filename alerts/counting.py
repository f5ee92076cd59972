"""Report the counts of alerts to their deployment."""

from __future__ import annotations

from alerts.models import Alert
from deployments.counters import AlertCounts, tell
from deployments.models import Period


def tell_counts(period: Period) -> None:
    """Count a period's alerts and report the counts to its deployment, which the caller has locked."""
    alerts = Alert.objects.public().filter(deployment=period.deployment_id)
    tell(period, AlertCounts(**alerts.counts(period)))
