"""The equality report, and the review of its red findings."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from audit.actions import Action
from audit.journal import record
from core.downloads import csv_download, download
from core.errors import Refused
from core.machine import JournalData
from core.permissions import acting, permitted
from deployments import equality_findings
from deployments.models import EqualityFinding
from deployments.permissions import AUTHORISE_DEPLOYMENT, READ_RECORDS
from reports import equality, equality_files
from reports.dates import asked_for, last_quarter

FORMS = ("page", "pdf", "csv")


class ReviewForm(forms.Form):
    """The review of a finding."""

    words = forms.CharField(
        label="Your review",
        max_length=2000,
        widget=forms.Textarea({"rows": 3}),
        help_text="What causes the difference, what is done about it, and why authorities may go on. Name nobody.",
    )


@require_GET
@permitted(READ_RECORDS)
def report(request: HttpRequest) -> HttpResponse:
    """Show the equality report on some days, by default the last quarter, or return it as PDF or CSV; each is recorded.

    `?since=…&until=…&as=…`
    """
    form, days = asked_for(request.GET, last_quarter(timezone.localdate()))
    kind = request.GET.get("as", "page")
    if kind not in FORMS:
        raise Http404
    findings = EqualityFinding.objects.select_related("reviewed_by")
    context: dict[str, object] = {"form": form, "findings": findings, "review": ReviewForm()}
    if days is None:
        return render(request, "reports/equality.html", context, status=422)
    data: JournalData = {"since": days.since.isoformat(), "until": days.until.isoformat(), "kind": kind}
    with transaction.atomic():
        record(Action.EQUALITY_REPORTED, actor=acting(request), target=acting(request), data=data)
    found = equality.report_for(days)
    name = f"equality-report-{days.slug}"
    if kind == "csv":
        return csv_download(equality_files.report_csv(found), f"{name}.csv")
    if kind == "pdf":
        pdf = equality_files.report_pdf(found, made_by=str(acting(request)))
        return download(pdf, f"{name}.pdf", "application/pdf")
    context |= {
        "report": found,
        "method": equality_files.METHOD,
        "parts": [(each, equality_files.counts_section(each)) for each in found.characteristics],
    }
    return render(request, "reports/equality.html", context)


@require_POST
@permitted(AUTHORISE_DEPLOYMENT)
def review(request: HttpRequest, finding_id: int) -> HttpResponse:
    finding = get_object_or_404(EqualityFinding, pk=finding_id)
    form = ReviewForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter your review, in 2,000 characters or fewer.")
    equality_findings.review(finding, words=form.cleaned_data["words"], actor=acting(request))
    messages.success(request, "Review recorded. Deployments can be authorised again.")
    return redirect("equality")
