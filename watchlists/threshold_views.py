"""Pages for thresholds: calibrations, proposals, decisions, and the evidence behind them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from watchlists import evidence, thresholds
from watchlists.engines import current_engine
from watchlists.forms import EvidenceForm, ReasonForm, RiskForm, ThresholdForm
from watchlists.models import BiasEvidence, ThresholdProposal
from watchlists.permissions import APPROVE_THRESHOLD, COUNTERSIGN_EVIDENCE, KEEP_EVIDENCE, PROPOSE_THRESHOLD


@require_GET
@permitted(KEEP_EVIDENCE, PROPOSE_THRESHOLD, APPROVE_THRESHOLD, COUNTERSIGN_EVIDENCE)
def threshold_page(request: HttpRequest) -> HttpResponse:
    """Show the engine, its calibrations and thresholds and, for figures in the query, the threshold they give."""
    engine = current_engine()
    form = ThresholdForm(request.GET if "list_size" in request.GET else None)
    context: dict[str, Any] = {
        "engine": engine,
        "points": engine.operating_points.select_related("calibration", "proposal__decided_by", "proposal__evidence"),
        "calibrations": engine.calibrations.all(),
        "evidence": BiasEvidence.objects.filter(engine=engine)
        .select_related("recorded_by", "countersigned_by", "withdrawn_by")
        .prefetch_related("groups")
        .defer("file"),
        "in_force": BiasEvidence.objects.in_force(engine, timezone.localdate()),
        "proposals": ThresholdProposal.objects.filter(calibration__engine=engine).select_related(
            "proposed_by", "decided_by", "evidence"
        ),
        "form": form,
        "evidence_form": EvidenceForm(auto_id="id_evidence_%s"),
        "risk_form": RiskForm(auto_id="id_risk_%s"),
        "faces_a_false_alert": settings.LFR_FACES_A_FALSE_ALERT,
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
            context["allowed"] = given["footfall"] / settings.LFR_FACES_A_FALSE_ALERT
            context["is_extrapolated"] = given["list_size"] > measured.gallery
    return render(request, "watchlists/thresholds.html", context)


@require_POST
@permitted(PROPOSE_THRESHOLD)
def threshold_propose(request: HttpRequest) -> HttpResponse:
    form, reason = ThresholdForm(request.POST), ReasonForm(request.POST)
    if not form.is_valid() or not reason.is_valid():
        raise Refused("Enter the size of the list, the faces expected, the highest share of strangers, and the reason.")
    given = form.cleaned_data
    chosen = thresholds.choose(given["calibration"], given["wanted_fpir"], given["list_size"])
    thresholds.propose(
        given["calibration"],
        threshold=chosen.value,
        list_size=given["list_size"],
        footfall=given["footfall"],
        reason=reason.cleaned_data["reason"],
        actor=acting(request),
    )
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
    """Record measured evidence, with the laboratory's report."""
    form = EvidenceForm(request.POST, request.FILES)
    if not form.is_valid():
        raise Refused(_first_error(form))
    given = dict(form.cleaned_data)
    groups, report = given.pop("groups"), given.pop("report")
    if report.size > evidence.MOST_BYTES:
        raise Refused("The report can have 20 MB at most.")
    evidence.record_measured(given, groups, file=report.read(), file_name=report.name, actor=acting(request))
    messages.success(request, "Evidence recorded. It is in force once the senior responsible owner countersigns it.")
    return redirect("thresholds")


@require_POST
@permitted(KEEP_EVIDENCE)
def risk_record(request: HttpRequest) -> HttpResponse:
    form = RiskForm(request.POST)
    if not form.is_valid():
        raise Refused(_first_error(form))
    evidence.record_risk(form.cleaned_data, actor=acting(request))
    messages.success(request, "Risk recorded. It is accepted once the senior responsible owner countersigns it.")
    return redirect("thresholds")


@require_POST
@permitted(COUNTERSIGN_EVIDENCE)
def evidence_countersign(request: HttpRequest, evidence_id: int) -> HttpResponse:
    evidence.countersign(get_object_or_404(BiasEvidence, pk=evidence_id), actor=acting(request))
    messages.success(request, "Countersigned. It is in force now.")
    return redirect("thresholds")


@require_POST
@permitted(KEEP_EVIDENCE)
def evidence_withdraw(request: HttpRequest, evidence_id: int) -> HttpResponse:
    evidence.withdraw(get_object_or_404(BiasEvidence, pk=evidence_id), actor=acting(request))
    messages.info(request, "Evidence withdrawn. Deployments that rely only on it can no longer go live.")
    return redirect("thresholds")


@require_GET
@permitted(KEEP_EVIDENCE, PROPOSE_THRESHOLD, APPROVE_THRESHOLD, COUNTERSIGN_EVIDENCE)
def evidence_file(request: HttpRequest, evidence_id: int) -> HttpResponse:
    """Return the laboratory's report, as it was attached."""
    found = get_object_or_404(BiasEvidence, pk=evidence_id, file__isnull=False)
    answer = HttpResponse(bytes(found.file or b""), content_type="application/octet-stream")
    answer["Content-Disposition"] = content_disposition_header(True, found.file_name or "report")
    return answer


def _first_error(form: Form) -> str:
    field, errors = next(iter(form.errors.items()))
    label = form.fields[field].label or field.capitalize() if field in form.fields else ""
    return f"{label}: {errors[0]}" if label else str(errors[0])
