"""The leaflet with its receipt: for one engagement, or blank for an officer to write the code on."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET

from alerts import leaflets, receipts
from alerts.models import Alert
from alerts.permissions import RECORD_OUTCOME
from core.downloads import download
from core.permissions import permitted
from deployments.permissions import RUN_DEPLOYMENT


@require_GET
@permitted(RECORD_OUTCOME, RUN_DEPLOYMENT)
def leaflet(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Return the leaflet with the receipt of one possible match. It names nobody."""
    alert = get_object_or_404(Alert.objects.visible_to(request.user), pk=alert_id)
    pdf = leaflets.leaflet_pdf(receipts.address_for(request, alert), alert.receipt_shown)
    return download(pdf, f"leaflet-{alert.receipt_shown.lower()}.pdf", "application/pdf")


@require_GET
@permitted(RECORD_OUTCOME, RUN_DEPLOYMENT)
def blank_leaflet(request: HttpRequest) -> HttpResponse:
    """Return the leaflet without a code, to be printed before a deployment."""
    address = request.build_absolute_uri(reverse("receipt"))
    return download(leaflets.leaflet_pdf(address), "leaflet.pdf", "application/pdf")
