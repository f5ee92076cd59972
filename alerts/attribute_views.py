"""The page on which an officer or a commander records the attributes of the person of a possible match."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from alerts import attributes
from alerts.forms import AttributesForm
from alerts.models import Alert
from alerts.permissions import RECORD_OUTCOME
from core.errors import Refused
from core.permissions import acting, permitted
from deployments.models import Deployment
from deployments.permissions import RUN_DEPLOYMENT


@require_http_methods(["GET", "POST"])
@permitted(RECORD_OUTCOME, RUN_DEPLOYMENT)
def alert_attributes(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Show what may be recorded, and record it. No face, name or score is shown."""
    visible = Deployment.objects.visible_to(request.user)
    alert = get_object_or_404(Alert.objects.filter(deployment__in=visible).public().for_rows(), pk=alert_id)
    if not attributes.may_record(alert, acting(request)):
        raise Http404
    known = getattr(alert, "attributes", None)
    form = AttributesForm(request.POST or None, alert=alert, instance=known)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                attributes.record_attributes(alert, form.cleaned_data, actor=acting(request))
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, "Recorded. It is used for the equality report only.")
                is_officer = request.user.has_perm(RECORD_OUTCOME)
                return redirect("handset" if is_officer else "alert-log", alert.deployment_id)
    context = {"alert": alert, "form": form}
    return render(request, "alerts/attributes.html", context, status=status)
