"""The equality evidence of a deployment: measured, or a risk that somebody answers for."""

from __future__ import annotations

from django.utils import timezone

from deployments.models import Deployment
from watchlists import thresholds
from watchlists.models import BiasEvidence

NONE = "No evidence covers this threshold."


def evidence_of(deployment: Deployment) -> BiasEvidence | None:
    """Return the entry that a deployment rests on; None if it has no threshold yet, or an application has no support.

    Under authority it is the one in force on the day of the decision, or that on which its threshold was approved if
    the former was withdrawn since.
    """
    point = deployment.operating_point
    if point is None:
        return None
    on = timezone.localdate(deployment.authorised_at)
    found = thresholds.support(point, on)
    if found is None and deployment.authorised_at is not None:
        return point.proposal.evidence
    return found


def words_of(deployment: Deployment) -> str:
    """Return what a deployment rests on, in words, for the documents and the record."""
    found = evidence_of(deployment)
    return NONE if found is None else found.words
