"""Views of the acts on what is matched again, and on entries that are stood down."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from alerts import repeats, stand_downs
from alerts.forms import StandDownForm, chosen_uuid
from alerts.models import Alert, StandDown
from alerts.permissions import DECIDE_ALERT
from alerts.views import render_card
from core.errors import Conflict, Refused
from core.permissions import acting, permitted
from deployments.models import Deployment
from deployments.permissions import HALT_DEPLOYMENT, RUN_DEPLOYMENT


@require_POST
@permitted(DECIDE_ALERT)
def separate(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Raise a shot that joined an alert as a possible match of its own, and return the alert's card."""
    alert = _alert(request, alert_id)
    repeats.separate(alert, chosen_uuid(request.POST, "shot", "Select a shot."), actor=acting(request))
    return _card(request, alert)


@require_POST
@permitted(DECIDE_ALERT)
def mark_repeat(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Record that an alert is on the same person or object as an earlier one, and return its card."""
    alert = _alert(request, alert_id)
    earlier_id = chosen_uuid(request.POST, "earlier", "Select an earlier possible match.")
    earlier = Alert.objects.visible_to(request.user).filter(pk=earlier_id).first()
    if earlier is None:
        raise Refused("Select an earlier possible match with the same watchlist entry.")
    repeats.mark_repeat(alert, earlier, actor=acting(request))
    return _card(request, alert)


@require_POST
@permitted(DECIDE_ALERT)
def stand_down(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Stand an alert's entry down where it was matched, and return the alert's card."""
    alert, form = _alert(request, alert_id), StandDownForm(request.POST)
    if not form.is_valid():
        raise Refused("Select what is matched there. The detail can have 200 characters at most.")
    stand_downs.stand_down(alert, actor=acting(request), **form.cleaned_data)
    return _card(request, alert)


@require_POST
@permitted(DECIDE_ALERT)
def lift(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Lift the stand-down at an alert, and return the alert's card."""
    alert = _alert(request, alert_id)
    row = alert.stand_downs.filter(ended_at__isnull=True).first()
    if row is None:
        raise Conflict("This stand-down is over.")
    stand_downs.lift(row, actor=acting(request))
    return _card(request, alert)


@require_GET
@permitted(RUN_DEPLOYMENT, HALT_DEPLOYMENT)
def stood_down(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Return what is stood down now, for live operations."""
    deployment = get_object_or_404(Deployment.objects.visible_to(request.user), pk=deployment_id)
    rows = StandDown.objects.of(deployment).active(timezone.now()) if deployment.is_running else []
    return render(request, "alerts/_stood_down.html", {"deployment": deployment, "rows": rows})


@require_POST
@permitted(RUN_DEPLOYMENT)
def confirm_by_commander(request: HttpRequest, stand_down_id: uuid.UUID) -> HttpResponse:
    row = _row(request, stand_down_id)
    stand_downs.confirm(row, actor=acting(request))
    messages.success(request, "Stand-down confirmed until the period ends.")
    return redirect("command", row.alert.deployment_id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def lift_by_commander(request: HttpRequest, stand_down_id: uuid.UUID) -> HttpResponse:
    row = _row(request, stand_down_id)
    stand_downs.lift(row, actor=acting(request))
    messages.success(request, "Stand-down lifted. The watchlist entry is matched there again.")
    return redirect("command", row.alert.deployment_id)


def _alert(request: HttpRequest, alert_id: uuid.UUID) -> Alert:
    return get_object_or_404(Alert.objects.visible_to(request.user).public().for_rows(), pk=alert_id)


def _card(request: HttpRequest, alert: Alert) -> HttpResponse:
    return render_card(request, Alert.objects.for_rows().get(pk=alert.pk))


def _row(request: HttpRequest, stand_down_id: uuid.UUID) -> StandDown:
    visible = Deployment.objects.visible_to(request.user)
    found = StandDown.objects.filter(alert__deployment__in=visible).select_related(
        "camera__period__deployment", "alert"
    )
    return get_object_or_404(found, pk=stand_down_id)
