"""The equality evidence of a deployment: measured, or a risk that somebody answers for."""

from __future__ import annotations

from django.utils import timezone

from deployments.models import Deployment
from watchlists.models import BiasEvidence

NONE = "No evidence covers this threshold."


def evidence_of(deployment: Deployment) -> BiasEvidence | None:
    """Return the entry that a deployment rests on; None if it has no threshold yet, or an application has no support.

    Under authority it is the one that was in force at the moment of the decision: later entries, and what became of
    this one, change nothing of what was signed. If the threshold was changed since to one that it does not cover, it is
    the entry on which that threshold was approved.
    """
    point = deployment.operating_point
    if point is None:
        return None
    moment = deployment.authorised_at or timezone.now()
    in_force = BiasEvidence.objects.as_of(point.engine, moment).covering(point.threshold)
    found = in_force.select_related("countersigned_by").first()
    if found is None and deployment.authorised_at is not None:
        return point.proposal.evidence
    return found


def words_of(deployment: Deployment) -> str:
    """Return what a deployment rests on, in words, for the documents and the record."""
    found = evidence_of(deployment)
    return NONE if found is None else found.words
