"""The dashboard as page and PDF."""

from __future__ import annotations

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET

from audit.actions import Action
from audit.journal import record
from core.downloads import download
from core.errors import Refused
from core.machine import JournalData
from core.permissions import acting, permitted
from deployments.permissions import READ_RECORDS
from reports import dashboard
from reports.charts import PAGE, svg
from reports.dates import asked_for, last_year

FORMS = ("page", "pdf")


@require_GET
@permitted(READ_RECORDS)
def board(request: HttpRequest) -> HttpResponse:
    """Show the charts of some days, by default the last year, or return them as PDF, which is recorded.

    `?since=…&until=…&as=…`
    """
    form, days = asked_for(request.GET, last_year(timezone.localdate()))
    kind = request.GET.get("as", "page")
    if kind not in FORMS:
        raise Http404
    if days is None:
        return render(request, "reports/dashboard.html", {"form": form}, status=422)
    try:
        charts = dashboard.charts_of(days)
    except Refused as refusal:
        form.add_error("until", str(refusal))
        return render(request, "reports/dashboard.html", {"form": form}, status=422)
    if kind == "pdf":
        data: JournalData = {"since": days.since.isoformat(), "until": days.until.isoformat()}
        with transaction.atomic():
            record(Action.DASHBOARD_EXPORTED, actor=acting(request), target=acting(request), data=data)
        pdf = dashboard.report_pdf(charts, days, made_by=str(acting(request)))
        return download(pdf, f"dashboard-{days.slug}.pdf", "application/pdf")
    # Drawn by this system from numbers and its own words.
    drawn = [(each, "" if each.is_empty else mark_safe(svg(each, PAGE))) for each in charts]  # noqa: S308
    return render(request, "reports/dashboard.html", {"form": form, "days": days, "charts": drawn})
