"""Views of live operations, the commander's page, and of the acts it offers."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from audit.actions import Verb
from audit.models import Entry
from core.errors import Refused
from core.liveness import liveness
from core.permissions import acting, permitted
from deployments import bluetest, ceiling, readiness, running
from deployments.choices import Halt
from deployments.forms import ContinueForm, HaltForm
from deployments.governor import Level
from deployments.load import load_of
from deployments.models import Camera, Deployment
from deployments.period_forms import OfficersForm
from deployments.permissions import HALT_DEPLOYMENT, RUN_DEPLOYMENT

TIMELINE = 40
HALT_LABELS = dict(Halt.choices)


@require_GET
@permitted(RUN_DEPLOYMENT, HALT_DEPLOYMENT)
def command(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    context = _now(request, deployment_id)
    context |= _ceiling(context["deployment"])
    context |= {"halt_form": HaltForm(), "stop_form": HaltForm(auto_id="id_stop_%s"), "officers_form": OfficersForm()}
    return render(request, "deployments/command.html", context)


@require_GET
@permitted(RUN_DEPLOYMENT, HALT_DEPLOYMENT)
def command_now(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Render the part of the page that refreshes by itself."""
    return render(request, "deployments/_command.html", _now(request, deployment_id))


def _now(request: HttpRequest, deployment_id: uuid.UUID) -> dict[str, Any]:
    deployment = _deployment(request, deployment_id)
    now = timezone.now()
    period = deployment.periods.filter(went_live_at__isnull=False, ended_at__isnull=True).first()
    period = period or readiness.next_period(deployment, now)
    context: dict[str, Any] = {
        "deployment": deployment,
        "period": period,
        "now": now,
        "counters": deployment.counters(),
        "verdict": readiness.verdict_of(deployment),
        "timeline": [
            (entry, HALT_LABELS.get(str(entry.data.get("code")), ""))
            for entry in Entry.objects.filter(target_id=str(deployment.id))
            .exclude(verb=Verb.CONSULTATION)
            .order_by("-id")[:TIMELINE]
        ],
    }
    if period is not None:
        ends = [end for end in (period.ends_at, deployment.authority_ends_at) if end is not None]
        context |= {
            "ends_at": min(ends) if ends else None,
            "cameras": list(period.cameras.all()),
            "load": load_of(Camera.objects.streaming_allowed(now), liveness.count("frames")),
            "rates": bluetest.rates(period, at=now),
            "staff": list(period.blue_list.people.all()) if period.blue_list is not None else [],
            "is_open": period.is_open(now),
            "obstacles": readiness.obstacles(period, at=now) if deployment.state in ("paused", "ready") else [],
            "is_short": bool(period.alerts_open and 2 * period.alerts_open > (period.officers_present or 0)),
        }
    return context


@require_GET
@permitted(RUN_DEPLOYMENT, HALT_DEPLOYMENT)
def ceiling_now(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Return the question about false alerts, or nothing if it is still as `shown` says."""
    context = _ceiling(_deployment(request, deployment_id))
    if request.GET.get("shown") == context["shown"]:
        return HttpResponse(status=204)
    return render(request, "deployments/_ceiling.html", context)


def _ceiling(deployment: Deployment) -> dict[str, Any]:
    question = deployment.ceiling_question if deployment.has_authority else None
    verdict = readiness.verdict_of(deployment)
    shown = "" if question is None else f"{question.pk}.{verdict.false_alerts}.{deployment.state}"
    form = ContinueForm(initial={"false_alerts": verdict.false_alerts})
    return {
        "deployment": deployment,
        "question": question,
        "verdict": verdict,
        "shown": shown,
        "continue_form": form,
        "must_change": verdict.level == Level.PAUSE,
    }


@require_POST
@permitted(RUN_DEPLOYMENT)
def decide_to_continue(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    form = ContinueForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter why the deployment should continue.")
    ceiling.decide_to_continue(_deployment(request, deployment_id), actor=acting(request), **form.cleaned_data)
    messages.success(
        request,
        "Decision to continue recorded. You will be asked again if there is another false alert above the ceiling.",
    )
    return redirect("command", deployment_id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def make_ready(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    readiness.make_ready(_deployment(request, deployment_id), actor=acting(request))
    messages.success(request, "Marked as ready. The readiness checks are repeated when you go live.")
    return redirect("command", deployment_id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def unready(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    running.unready(_deployment(request, deployment_id), actor=acting(request))
    return redirect("command", deployment_id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def go_live(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    running.go_live(_deployment(request, deployment_id), actor=acting(request))
    messages.success(request, "The deployment is live. Cameras can stream now.")
    return redirect("command", deployment_id)


@require_POST
@permitted(HALT_DEPLOYMENT)
def pause(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    running.pause(_deployment(request, deployment_id), actor=acting(request), **_halt(request))
    messages.info(request, "Deployment paused. All cameras are off.")
    return redirect("command", deployment_id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def resume(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    running.resume(_deployment(request, deployment_id), actor=acting(request))
    messages.success(request, "Deployment resumed. Cameras can stream again.")
    return redirect("command", deployment_id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def end(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """End the running period and, if it is the last, the deployment."""
    running.end_period(_deployment(request, deployment_id), actor=acting(request), **_halt(request))
    messages.info(request, "Period ended. All cameras are off and the retention periods have started.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(HALT_DEPLOYMENT)
def stop(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    running.stop(_deployment(request, deployment_id), actor=acting(request), **_halt(request))
    messages.info(request, "Deployment stopped. All cameras are off and the retention periods have started.")
    return redirect("deployment", deployment_id)


def _halt(request: HttpRequest) -> dict[str, str]:
    form = HaltForm(request.POST)
    if not form.is_valid():
        raise Refused("Select a reason.")
    return {"code": form.cleaned_data["code"], "detail": form.cleaned_data["detail"]}


def _deployment(request: HttpRequest, deployment_id: uuid.UUID) -> Deployment:
    visible = Deployment.objects.visible_to(request.user).select_related("operating_point__engine", "authorised_by")
    return get_object_or_404(visible, pk=deployment_id)
