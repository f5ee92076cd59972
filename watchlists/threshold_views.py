"""Pages for thresholds: calibrations, proposals, decisions, and the evidence behind them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from watchlists import thresholds
from watchlists.engines import current_engine
from watchlists.forms import EvidenceForm, ReasonForm, ThresholdForm
from watchlists.models import BiasEvidence, ThresholdProposal
from watchlists.permissions import APPROVE_THRESHOLD, KEEP_EVIDENCE, PROPOSE_THRESHOLD


@require_GET
@permitted(KEEP_EVIDENCE, PROPOSE_THRESHOLD, APPROVE_THRESHOLD)
def threshold_page(request: HttpRequest) -> HttpResponse:
    """Show the engine, its calibrations and thresholds and, for figures in the query, the threshold they give."""
    engine = current_engine()
    form = ThresholdForm(request.GET if "list_size" in request.GET else None)
    context: dict[str, Any] = {
        "engine": engine,
        "points": engine.operating_points.select_related("calibration", "proposal"),
        "calibrations": engine.calibrations.all(),
        "evidence": BiasEvidence.objects.filter(engine=engine).select_related("recorded_by", "withdrawn_by"),
        "in_force": BiasEvidence.objects.in_force(engine, timezone.localdate()),
        "proposals": ThresholdProposal.objects.filter(calibration__engine=engine).select_related(
            "proposed_by", "decided_by", "evidence"
        ),
        "form": form,
        "evidence_form": EvidenceForm(),
        "reason_form": ReasonForm(),
    }
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        try:
            chosen = thresholds.choose(given["calibration"], given["wanted_fpir"], given["list_size"])
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            measured = given["calibration"].measured
            context["chosen"] = chosen
            context["false_alerts"] = measured.false_alerts(chosen.value, given["list_size"], given["footfall"])
            context["is_extrapolated"] = given["list_size"] > measured.gallery
    return render(request, "watchlists/thresholds.html", context)


@require_POST
@permitted(PROPOSE_THRESHOLD)
def threshold_propose(request: HttpRequest) -> HttpResponse:
    form, reason = ThresholdForm(request.POST), ReasonForm(request.POST)
    if not form.is_valid() or not reason.is_valid():
        raise Refused("Enter the size of the list, the faces expected, the highest share of strangers, and the reason.")
    thresholds.propose(reason=reason.cleaned_data["reason"], actor=acting(request), **form.cleaned_data)
    messages.success(request, "Threshold proposed. Another person must approve it.")
    return redirect("thresholds")


@require_POST
@permitted(APPROVE_THRESHOLD)
def threshold_decide(request: HttpRequest, proposal_id: int) -> HttpResponse:
    proposal = get_object_or_404(ThresholdProposal.objects.select_related("calibration", "evidence"), pk=proposal_id)
    reason = ReasonForm(request.POST)
    if not reason.is_valid():
        raise Refused("Enter the reason for this decision.")
    if request.POST.get("decision") == "approve":
        thresholds.approve(proposal, reason=reason.cleaned_data["reason"], actor=acting(request))
        messages.success(request, "Threshold approved. New applications can use it.")
    else:
        thresholds.reject(proposal, reason=reason.cleaned_data["reason"], actor=acting(request))
        messages.info(request, "Threshold rejected.")
    return redirect("thresholds")


@require_POST
@permitted(KEEP_EVIDENCE)
def evidence_record(request: HttpRequest) -> HttpResponse:
    form = EvidenceForm(request.POST)
    if not form.is_valid():
        raise Refused(" ".join(f"{name}: {error}" for name, found in form.errors.items() for error in found))
    thresholds.record_evidence(form.cleaned_data, actor=acting(request))
    messages.success(request, "Evidence recorded.")
    return redirect("thresholds")


@require_POST
@permitted(KEEP_EVIDENCE)
def evidence_withdraw(request: HttpRequest, evidence_id: int) -> HttpResponse:
    thresholds.withdraw_evidence(get_object_or_404(BiasEvidence, pk=evidence_id), actor=acting(request))
    messages.info(request, "Evidence withdrawn. Deployments that rely only on it can no longer go live.")
    return redirect("thresholds")
