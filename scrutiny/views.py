"""Pages of the panel, and of the force that answers it."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from audit.actions import Action
from audit.journal import note_consulted
from core.errors import Refused
from core.permissions import acting, permitted
from deployments.permissions import READ_RECORDS
from scrutiny import dossiers, operations
from scrutiny.models import Dossier, PanelFinding
from scrutiny.permissions import ANSWER_FINDINGS, SCRUTINISE

PAGE = 50


class FindingForm(forms.Form):
    """What a member of the panel found."""

    verdict = forms.ChoiceField(
        label="What you found",
        choices=[("", "Select"), *PanelFinding.Verdict.choices],
        error_messages={"required": "Select what you found."},
    )
    words = forms.CharField(
        label="In words",
        max_length=operations.MOST_WORDS,
        widget=forms.Textarea({"rows": 5}),
        help_text="It becomes part of the deployment’s record. Name nobody.",
        error_messages={"required": "Enter what you found."},
    )


class AnswerForm(forms.Form):
    words = forms.CharField(
        label="Answer",
        max_length=operations.MOST_WORDS,
        widget=forms.Textarea({"rows": 4}),
        help_text="What the force does about it, or why nothing. Name nobody.",
        error_messages={"required": "Enter the answer."},
    )


@require_GET
@permitted(SCRUTINISE, READ_RECORDS)
def dossier_list(request: HttpRequest) -> HttpResponse:
    """List the dossiers, those without a finding of this user first. Members of the panel see no deployment."""
    own = PanelFinding.objects.filter(dossier=OuterRef("pk"), by_id=acting(request).pk)
    found = Dossier.objects.annotate(is_reviewed=Exists(own)).prefetch_related("findings")
    found = found.select_related("draw__deployment").order_by("is_reviewed", "number")
    context = {
        "page": Paginator(found, PAGE).get_page(request.GET.get("page")),
        "is_panel": request.user.has_perm(SCRUTINISE),
        "to_answer": PanelFinding.objects.to_answer().count(),
    }
    return render(request, "scrutiny/list.html", context)


@require_GET
@permitted(SCRUTINISE, READ_RECORDS)
def dossier(request: HttpRequest, dossier_id: uuid.UUID) -> HttpResponse:
    return _page(request, _dossier(dossier_id))


@require_POST
@permitted(SCRUTINISE)
def finding(request: HttpRequest, dossier_id: uuid.UUID) -> HttpResponse:
    chosen, form = _dossier(dossier_id), FindingForm(request.POST)
    if not form.is_valid():
        return _page(request, chosen, form=form, status=422)
    operations.record_finding(chosen, **form.cleaned_data, actor=acting(request))
    messages.success(request, "Finding recorded. It belongs to the deployment’s record.")
    return redirect("dossier", chosen.pk)


@require_POST
@permitted(ANSWER_FINDINGS)
def finding_answer(request: HttpRequest, panel_finding_id: int) -> HttpResponse:
    chosen, form = get_object_or_404(PanelFinding, pk=panel_finding_id), AnswerForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter the answer.")
    operations.answer_finding(chosen, **form.cleaned_data, actor=acting(request))
    messages.success(request, "Answer recorded. The panel sees it.")
    return redirect("dossier", chosen.dossier_id)


def _page(request: HttpRequest, chosen: Dossier, *, form: FindingForm | None = None, status: int = 200) -> HttpResponse:
    note_consulted(Action.DOSSIER_VIEWED, actor=acting(request), target=chosen)
    is_panel = request.user.has_perm(SCRUTINISE)
    findings = list(chosen.findings.select_related("by", "answered_by"))
    has_own = any(each.by_id == acting(request).pk for each in findings)
    context = {
        "dossier": chosen,
        "content": dossiers.content_of(chosen),
        # Members of the panel decide on their own: others' findings are shown once they have recorded one.
        "findings": findings if has_own or not is_panel else [],
        "others": len(findings) if is_panel and not has_own else 0,
        "is_panel": is_panel,
        "form": (form or FindingForm()) if is_panel and not has_own else None,
        "answer": AnswerForm() if request.user.has_perm(ANSWER_FINDINGS) else None,
    }
    return render(request, "scrutiny/dossier.html", context, status=status)


def _dossier(dossier_id: uuid.UUID) -> Dossier:
    rows = Dossier.objects.select_related("alert__deployment", "draw__deployment")
    return get_object_or_404(rows, pk=dossier_id)
