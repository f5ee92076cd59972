"""Views of deployments: the application, decisions on it, documents and changes of threshold."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_POST

from audit.actions import Action
from audit.journal import record
from core.errors import Refused
from core.permissions import acting, permitted, require
from deployments import (
    amendments,
    applications,
    authority,
    closure,
    fairness,
    governing,
    notices,
    readiness,
    taking_over,
)
from deployments.amendment_forms import ChangeForm, NoticeForm, WidenForm
from deployments.forms import (
    PARTS,
    DecisionForm,
    PostingForm,
    ReasonForm,
)
from deployments.models import Camera, Deployment, Document, ThresholdChange
from deployments.permissions import (
    APPLY_DEPLOYMENT,
    AUTHORISE_DEPLOYMENT,
    READ_RECORDS,
    RUN_DEPLOYMENT,
    VIEW_DEPLOYMENT,
)
from deployments.register_forms import KitForm, KitWipedForm, ReviewForm
from watchlists import thresholds

PAGE = 50


@require_GET
@permitted(VIEW_DEPLOYMENT)
def deployment_list(request: HttpRequest) -> HttpResponse:
    deployments = Deployment.objects.visible_to(request.user).prefetch_related("periods")
    page = Paginator(deployments, PAGE).get_page(request.GET.get("page"))
    return render(request, "deployments/list.html", {"page": page, "standing": governing.standing()})


@require_GET
@permitted(VIEW_DEPLOYMENT)
def deployment_detail(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = _deployment(request, deployment_id)
    point = deployment.operating_point
    may = request.user.has_perm
    context: dict[str, Any] = {
        "deployment": deployment,
        "periods": list(
            deployment.periods.with_faces()
            .select_related("watchlist", "blue_list")
            .prefetch_related("cameras", "signs")
        ),
        "parts": _as_read(deployment),
        "decisions": deployment.decisions.select_related("by"),
        "documents": _documents(request, deployment),
        "changes": deployment.threshold_changes.select_related("before", "after", "proposed_by", "decided_by"),
        "postings": deployment.postings.current().select_related("user", "posted_by"),
        "kit": deployment.kit.select_related("received_by"),
        "outlook": thresholds.outlook(point, deployment.list_size_asked or 1, deployment.footfall or 0)
        if point
        else None,
        "ceiling": settings.LFR_FACES_A_FALSE_ALERT,
        "allowed": (deployment.footfall or 0) / settings.LFR_FACES_A_FALSE_ALERT,
        "evidence": fairness.evidence_of(deployment),
        "reason_form": ReasonForm(),
        "notice_hours": round(settings.LFR_NOTICE.total_seconds() / 3600),
        "taken_over_periods": taking_over.unchanged_periods(deployment),
        "kit_form": KitForm(),
        "kit_wiped_form": KitWipedForm(),
    }
    if deployment.is_editable and may(APPLY_DEPLOYMENT):
        context["problems"] = applications.problems_of(deployment)
    if deployment.state == Deployment.State.SUBMITTED and may(AUTHORISE_DEPLOYMENT):
        context |= {
            "decision_form": DecisionForm(initial={"revision": deployment.revision}),
            "urgent_review_hours": round(settings.LFR_URGENT_REVIEW.total_seconds() / 3600),
            "rank_needed": authority.rank_needed(deployment),
            "is_own": deployment.applicant_id == request.user.pk,
        }
    if deployment.has_authority and may(RUN_DEPLOYMENT):
        context["notice_form"] = NoticeForm(initial={"published_at": timezone.now()})
    if deployment.has_authority and may(AUTHORISE_DEPLOYMENT):
        context["may_exempt"] = not authority.wrote(deployment, acting(request))
        context["widen_form"] = WidenForm(cameras=Camera.objects.filter(period__deployment=deployment))
    if deployment.has_authority and may(RUN_DEPLOYMENT):
        context["posting_form"] = PostingForm()
        context["change_form"] = ChangeForm(before=point)
        context["next_period"] = readiness.next_period(deployment)
    if deployment.state in (Deployment.State.CANCELLED, Deployment.State.AUTH_EXPIRED):
        context["left_behind"] = closure.left_behind(deployment)
    if deployment.state in (Deployment.State.ENDED, Deployment.State.STOPPED, Deployment.State.REVIEW):
        context["review_form"] = ReviewForm(initial=_review_of(deployment))
        context["open_ends"] = closure.open_ends_of(deployment)
    return render(request, "deployments/detail.html", context)


def _review_of(deployment: Deployment) -> dict[str, str]:
    """Return what the form of the review shows first."""
    used = {True: "yes", False: "no", None: ""}[deployment.media_used]
    return {"review": deployment.review, "media_used": used}


def _as_read(deployment: Deployment) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Return the application's sections in the order of its form: names, texts, and whether each was taken over."""
    parts, same = [], taking_over.unchanged(deployment)
    for title, names in PARTS:
        rows = []
        for name in names:
            field: Any = Deployment._meta.get_field(name)
            value = getattr(deployment, name)
            if name == "collateral":
                text = "; ".join(deployment.collateral_labels) or "None of those listed"
            elif name == "governing":
                text = "; ".join(str(each) for each in deployment.governing.defer("file"))
            elif isinstance(value, list):
                labels = dict(field.base_field.choices)
                text = "; ".join(str(labels[each]) for each in value)
            elif name == "use_case":
                text = deployment.get_use_case_display()
            elif name == "is_urgent":
                text = "Yes" if value else "No"
            elif name == "operating_point":
                text = f"{value.threshold:.3f}" if value else ""
            elif name == "intelligence_expires_on":
                text = f"{value.day} {value:%B %Y}" if value else ""
            else:
                text = f"{value:,}" if isinstance(value, int) else str(value or "")
            if text and name != "name":
                rows.append((str(field.verbose_name), text, name in same))
        parts.append((title, rows))
    return parts


@require_POST
@permitted(APPLY_DEPLOYMENT)
def deployment_cancel(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    authority.cancel(_deployment(request, deployment_id), reason=_reason(request), actor=acting(request))
    messages.info(request, "Deployment cancelled.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(AUTHORISE_DEPLOYMENT)
def deployment_authorise(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    given = _decision(request)
    authority.authorise(_deployment(request, deployment_id), actor=acting(request), **given)
    messages.success(request, "Deployment authorised. The Written Authority Document is below.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(AUTHORISE_DEPLOYMENT)
def deployment_return(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    given = _decision(request)
    authority.give_back(
        _deployment(request, deployment_id), reason=given["reason"], revision=given["revision"], actor=acting(request)
    )
    messages.info(request, "Application returned to the applicant.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(AUTHORISE_DEPLOYMENT)
def deployment_refuse(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    given = _decision(request)
    authority.refuse(
        _deployment(request, deployment_id), reason=given["reason"], revision=given["revision"], actor=acting(request)
    )
    messages.info(request, "Application refused.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(AUTHORISE_DEPLOYMENT)
def deployment_confirm(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    authority.confirm_urgent(_deployment(request, deployment_id), reason=_reason(request), actor=acting(request))
    messages.success(request, "Urgent authority confirmed.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(AUTHORISE_DEPLOYMENT)
def deployment_revoke(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    authority.revoke(_deployment(request, deployment_id), reason=_reason(request), actor=acting(request))
    messages.info(request, "Authority revoked.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def deployment_notify(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    form = NoticeForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter how, where and when the notice was published.")
    notices.give_notice(_deployment(request, deployment_id), **form.cleaned_data, actor=acting(request))
    messages.success(request, "Public notice recorded.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(AUTHORISE_DEPLOYMENT)
def notice_exempt(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    notices.exempt(_deployment(request, deployment_id), reason=_reason(request), actor=acting(request))
    messages.info(request, "Exempt from the lead time. The notice must still be published before the cameras are on.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def threshold_change(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = _deployment(request, deployment_id)
    form = ChangeForm(request.POST, before=deployment.operating_point)
    if not form.is_valid():
        raise Refused("Select a threshold and enter the evidence that the present one is wrong.")
    amendments.propose_change(
        deployment, form.cleaned_data["after"], evidence=form.cleaned_data["evidence"], actor=acting(request)
    )
    messages.success(request, "Change of threshold proposed. An authorising officer will decide on it.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(AUTHORISE_DEPLOYMENT)
def threshold_change_decide(request: HttpRequest, change_id: int) -> HttpResponse:
    visible = Deployment.objects.visible_to(request.user)
    changes = ThresholdChange.objects.filter(deployment__in=visible).select_related("deployment", "before", "after")
    change = get_object_or_404(changes, pk=change_id)
    accept = request.POST.get("decision") == "approve"
    amendments.decide_change(change, accept=accept, reason=_reason(request), actor=acting(request))
    messages.info(request, "Change of threshold approved." if accept else "Change of threshold rejected.")
    return redirect("deployment", change.deployment_id)


def _documents(request: HttpRequest, deployment: Deployment) -> QuerySet[Document]:
    found = deployment.documents.defer("pdf")
    # Results are for those who may read the record.
    return found if request.user.has_perm(READ_RECORDS) else found.exclude(kind=Document.Kind.POST_DEPLOYMENT)


@require_GET
@permitted(VIEW_DEPLOYMENT)
def document(request: HttpRequest, document_id: int) -> HttpResponse:
    """Return the PDF as it was made."""
    visible = Deployment.objects.visible_to(request.user)
    found = get_object_or_404(
        Document.objects.filter(deployment__in=visible).select_related("deployment"), pk=document_id
    )
    if found.kind == Document.Kind.POST_DEPLOYMENT:
        require(acting(request), READ_RECORDS)
    with transaction.atomic():
        data = {"sha256": found.sha256}
        record(Action.DOCUMENT_READ, actor=acting(request), target=found.deployment, data=data)
    answer = HttpResponse(bytes(found.pdf), content_type="application/pdf")
    name = slugify(f"{found.get_kind_display()} {found.deployment.number}")
    answer["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return answer


def _deployment(request: HttpRequest, deployment_id: uuid.UUID) -> Deployment:
    related = ("applicant", "authorised_by", "operating_point__engine", "operating_point__calibration")
    deployments = Deployment.objects.visible_to(request.user).select_related(*related)
    return get_object_or_404(deployments, pk=deployment_id)


def _decision(request: HttpRequest) -> dict[str, Any]:
    form = DecisionForm(request.POST)
    if not form.is_valid():
        raise Refused(" ".join(str(error) for found in form.errors.values() for error in found))
    return form.cleaned_data


def _reason(request: HttpRequest) -> str:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter a reason.")
    return str(form.cleaned_data["reason"])
