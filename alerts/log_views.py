"""All alerts of a deployment, for the review, for corrections and for evidence holds."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from alerts import evidence, figures, operations
from alerts.act_rules import who_may_engage
from alerts.filters import AlertFilter
from alerts.forms import CorrectionForm, EndingForm
from alerts.latency import timers_of
from alerts.models import Alert, EvidenceHold
from alerts.permissions import DECIDE_ALERT, HOLD_ALERT, SEE_FIGURES
from audit.actions import Action
from audit.journal import note_consulted
from core.errors import Refused
from core.pages import query_of
from core.permissions import acting, permitted
from deployments.models import Deployment
from deployments.permissions import READ_RECORDS, RUN_DEPLOYMENT
from watchlists.forms import HoldForm, ReleaseForm

PAGE = 50


@dataclass(frozen=True)
class LogRow:
    """An alert of the log, with the forms of what may be recorded. release: None without a hold to release."""

    alert: Alert
    ending: EndingForm
    correction: CorrectionForm
    hold: HoldForm
    release: ReleaseForm | None


@require_GET
@permitted(RUN_DEPLOYMENT, HOLD_ALERT, READ_RECORDS)
def alert_log(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Show decisions and outcomes, with who made them and when, and outcomes still to record. No faces or names."""
    deployment = get_object_or_404(Deployment.objects.visible_to(request.user), pk=deployment_id)
    note_consulted(Action.ALERT_LOG_VIEWED, actor=acting(request), target=deployment)
    alerts = Alert.objects.filter(deployment=deployment).public()
    shown = (
        alerts.for_rows().select_related("attributes").prefetch_related("acts__by", "hold__owner", "second_look__by")
    )
    chosen = AlertFilter(request.GET, queryset=shown)
    page = Paginator(chosen.qs, PAGE).get_page(request.GET.get("page"))
    context = {
        "deployment": deployment,
        "filter": chosen,
        "query": query_of(request),
        "page": page,
        "rows": _rows(request, list(page)),
        "timers": timers_of(alerts),
        "open": alerts.unsettled().count(),
    }
    return render(request, "alerts/log.html", context)


def _rows(request: HttpRequest, alerts: list[Alert]) -> list[LogRow]:
    # The same for every alert of a deployment.
    officers = list(who_may_engage(alerts[0])) if alerts else []
    return [
        LogRow(
            alert,
            EndingForm(alert=alert, officers=officers, auto_id=f"code-{alert.pk}-%s"),
            CorrectionForm(alert=alert, officers=officers, auto_id=f"correct-{alert.pk}-%s"),
            HoldForm(auto_id=f"hold-{alert.pk}-%s"),
            _release_form(request, getattr(alert, "hold", None)),
        )
        for alert in alerts
    ]


@require_POST
@permitted(RUN_DEPLOYMENT)
def alert_code(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    alert = _alert(request, alert_id)
    form = EndingForm(request.POST, alert=alert, officers=who_may_engage(alert))
    if not form.is_valid():
        raise Refused(form.what_is_missing)
    operations.code(alert, actor=acting(request), **form.cleaned_data)
    return redirect("alert-log", alert.deployment_id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def alert_correct(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    alert = _alert(request, alert_id)
    form = CorrectionForm(request.POST, alert=alert, officers=who_may_engage(alert))
    if not form.is_valid():
        raise Refused(form.what_is_missing)
    operations.correct(alert, actor=acting(request), **form.cleaned_data)
    messages.success(request, "Outcome corrected. The earlier record is kept.")
    return redirect("alert-log", alert.deployment_id)


@require_POST
@permitted(HOLD_ALERT)
def alert_hold(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    alert, form = _alert(request, alert_id), HoldForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter what this is evidence of and its review date.")
    evidence.hold(alert, actor=acting(request), **form.cleaned_data)
    messages.success(request, "Held as evidence. It will not be purged until the hold is released.")
    return redirect("alert-log", alert.deployment_id)


@require_POST
@permitted(HOLD_ALERT)
def alert_release(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    alert, form = _alert(request, alert_id), ReleaseForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter why this is no longer needed as evidence, in 400 characters or fewer.")
    evidence.release(alert, actor=acting(request), **form.cleaned_data)
    messages.info(request, "Hold released.")
    return redirect("alert-log", alert.deployment_id)


@require_GET
@permitted(HOLD_ALERT, READ_RECORDS)
def holds(request: HttpRequest) -> HttpResponse:
    """List every alert held as evidence, the earliest review date first."""
    found = EvidenceHold.objects.select_related("alert__camera", "alert__deployment", "owner")
    rows = [(hold, _release_form(request, hold)) for hold in found]
    return render(request, "alerts/holds.html", {"holds": rows})


@require_GET
@permitted(DECIDE_ALERT, SEE_FIGURES)
def operator_figures(request: HttpRequest) -> HttpResponse:
    """Show an operator's own figures, or every operator's to users who may see them."""
    everybody = request.user.has_perm(SEE_FIGURES)
    found = figures.of_operators(None if everybody else acting(request))
    return render(request, "alerts/figures.html", {"figures": found, "everybody": everybody})


def _release_form(request: HttpRequest, hold: EvidenceHold | None) -> ReleaseForm | None:
    """Return the form for releasing a hold; None if this user may not release it."""
    user = acting(request)
    if hold is None or not user.has_perm(HOLD_ALERT) or not hold.may_be_released_by(user):
        return None
    return ReleaseForm(auto_id=f"release-{hold.pk}-%s")


def _alert(request: HttpRequest, alert_id: uuid.UUID) -> Alert:
    visible = Deployment.objects.visible_to(request.user)
    return get_object_or_404(Alert.objects.filter(deployment__in=visible).public().for_rows(), pk=alert_id)
