"""Counts of possible matches. `alerts` updates them whenever they change, so this package never queries alerts."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.models import Deployment, Period
from deployments.running import judge


@dataclass(frozen=True)
class AlertCounts:
    """The present counts of possible matches.

    raised, open, false: of one period. false_governed: false alerts of the whole deployment that were raised since the
    present threshold applied; these count against the ceiling.
    """

    raised: int
    open: int
    false: int
    false_governed: int


def tell(period: Period, counts: AlertCounts) -> None:
    """Store the counts, and act on the ceiling if false alerts changed. The caller has locked the deployment."""
    Period.objects.filter(pk=period.pk).update(
        alerts_raised=counts.raised, alerts_open=counts.open, alerts_false=counts.false
    )
    deployment = Deployment.objects.get(pk=period.deployment_id)
    before, deployment.false_governed = deployment.false_governed, counts.false_governed
    if before != deployment.false_governed:
        deployment.save(update_fields=["false_governed"])
        judge(deployment, is_further=before < deployment.false_governed)
