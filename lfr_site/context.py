"""The template context of every page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from deployments.permissions import (
    APPLY_DEPLOYMENT,
    APPROVE_DOCUMENTS,
    AUTHORISE_DEPLOYMENT,
    KEEP_DOCUMENTS,
    MANAGE_CAMERAS,
    READ_RECORDS,
)
from training.permissions import SEE_TRAINING
from watchlists.models import Watchlist
from watchlists.permissions import (
    APPROVE_THRESHOLD,
    COUNTERSIGN_EVIDENCE,
    KEEP_EVIDENCE,
    PROPOSE_THRESHOLD,
    SEARCH_LEDGER,
)

OF_THRESHOLDS = KEEP_EVIDENCE, COUNTERSIGN_EVIDENCE, PROPOSE_THRESHOLD, APPROVE_THRESHOLD
OF_DOCUMENTS = KEEP_DOCUMENTS, APPROVE_DOCUMENTS, APPLY_DEPLOYMENT, AUTHORISE_DEPLOYMENT


def house(request: HttpRequest) -> dict[str, Any]:
    """Return the force's name, whether this is a demonstration, and the number of overdue watchlists."""
    user = getattr(request, "user", None)
    return {
        "force": settings.LFR_FORCE,
        "is_demo": settings.IS_DEMO,
        "overdue": _overdue(request),
        "may_see_thresholds": user is not None and any(user.has_perm(each) for each in OF_THRESHOLDS),
        "registers": _first_register(user),
    }


def _first_register(user: Any) -> str:
    """Return the name of the register that a user is most likely to need; empty if they need none."""
    if user is None:
        return ""
    if any(user.has_perm(each) for each in OF_DOCUMENTS):
        return "governing"
    if user.has_perm(SEE_TRAINING):
        return "training"
    return "loans" if user.has_perm(MANAGE_CAMERAS) else ""


def _overdue(request: HttpRequest) -> int:
    """Return how many watchlists are overdue for destruction; 0, without a query, for users not concerned."""
    user = getattr(request, "user", None)
    if user is None or not (user.has_perm(SEARCH_LEDGER) or user.has_perm(READ_RECORDS)):
        return 0
    return Watchlist.objects.due_for_destruction(timezone.now()).count()
