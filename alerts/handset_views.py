"""The engagement officer's handset."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from alerts.models import Alert
from alerts.permissions import RECORD_OUTCOME
from core.permissions import acting, permitted
from deployments.models import Deployment

# How many finished alerts are shown, so that officers see that the outcomes were recorded.
FINISHED = 5


@require_GET
@permitted(RECORD_OUTCOME)
def handset(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    return render(request, "alerts/handset.html", _street(request, deployment_id))


@require_GET
@permitted(RECORD_OUTCOME)
def street(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Return the list of alerts on a handset."""
    return render(request, "alerts/_street.html", _street(request, deployment_id))


def _street(request: HttpRequest, deployment_id: uuid.UUID) -> dict[str, Any]:
    deployment = get_object_or_404(Deployment.objects.visible_to(request.user), pk=deployment_id)
    visible = Alert.objects.visible_to(request.user).filter(deployment=deployment)
    officer = acting(request)
    finished = visible.filter(officer=officer, ended_at__isnull=False).for_rows().select_related("attributes")
    return {
        "deployment": deployment,
        "own": visible.in_the_street().filter(officer=officer).for_rows().with_shot_counts().order_by("referred_at"),
        "open": visible.in_the_street().filter(officer=None).for_rows().with_shot_counts().order_by("referred_at"),
        "others": visible.in_the_street().exclude(officer=None).exclude(officer=officer).for_rows(),
        "finished": finished.order_by("-ended_at")[:FINISHED],
        "engagement_seconds": int(settings.LFR_ENGAGEMENT.total_seconds()),
        "answer_seconds": int(settings.LFR_ANSWER_WITHIN.total_seconds()),
        "now": timezone.now(),
    }
