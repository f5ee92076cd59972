"""Pages of the second look at decided possible matches."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from alerts import cards, operations, second_looks
from alerts.forms import SecondLookForm
from alerts.models import Alert
from alerts.permissions import DECIDE_ALERT
from core.errors import Refused
from core.permissions import acting, permitted
from deployments.permissions import RUN_DEPLOYMENT


@require_GET
@permitted(DECIDE_ALERT, RUN_DEPLOYMENT)
def waiting(request: HttpRequest) -> HttpResponse:
    """Show the possible matches that wait for a second look by this user. No faces, names or decisions."""
    alerts = second_looks.waiting_for(request.user).for_rows().prefetch_related("hold")
    return render(request, "alerts/second_looks.html", {"alerts": alerts})


@require_http_methods(["GET", "POST"])
@permitted(DECIDE_ALERT, RUN_DEPLOYMENT)
def second_look(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Show the two faces of a decided possible match without the decision, and record what the user finds."""
    second_looks.require_reviewer(acting(request))
    visible = Alert.objects.visible_to(request.user).public()
    alert = get_object_or_404(visible.for_rows(), pk=alert_id)
    form = SecondLookForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = second_looks.record_second_look(alert, **form.cleaned_data, actor=acting(request))
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                result = "The same as was decided." if made.agrees else "It differs from the decision."
                messages.success(request, f"Second look recorded. {result}")
                return redirect("second-looks")
    if not second_looks.waiting_for(request.user).filter(pk=alert.pk).exists():
        raise Refused("You have no second look to do at this possible match.")
    with transaction.atomic():
        operations.note_viewed(alert, actor=acting(request))
    card = cards.card_of(alert, request.user, visible)
    shown = {name: card[name] for name in ("photographs", "reference")}
    shown["shots"] = second_looks.shots_decided_on(alert)
    return render(request, "alerts/second_look.html", {"alert": alert, "form": form, **shown}, status=status)
