"""The retention board and the retention report."""

from __future__ import annotations

import datetime as dt
from itertools import chain

from django.core.paginator import Page, Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from alerts.models import Alert, PurgeCertificate
from audit.actions import Action
from audit.journal import record
from core import retention
from core.downloads import csv_download, download
from core.machine import JournalData
from core.permissions import acting, permitted
from deployments.permissions import READ_RECORDS
from reports import retention_report
from reports.certificates import Proof, proofs_of
from reports.dates import asked_for, last_month
from watchlists.models import Certificate

PAGE = 20
FORMS = ("page", "pdf", "csv")


@require_GET
@permitted(READ_RECORDS)
def board(request: HttpRequest) -> HttpResponse:
    """Show what is due, overdue, held and destroyed. No name of a person on a list is shown."""
    now = timezone.now()
    due = retention_report.due_now(now)
    page, proofs = _newest(request.GET.get("page"))
    context = {
        "due": due,
        "overdue_count": sum(each.is_overdue for each in due),
        "held": retention_report.held_now(),
        "page": page,
        "proofs": proofs,
        "purged": Alert.objects.public().filter(purged_at__gte=now - dt.timedelta(days=30)).count(),
        "destroyed": Certificate.objects.filter(issued_at__gte=now - dt.timedelta(days=30)).count(),
        "lines": retention.LINES,
    }
    return render(request, "reports/retention.html", context)


def _newest(number: str | None) -> tuple[Page[tuple[dt.datetime, str, int]], list[Proof]]:
    """Return one page of all certificates, the newest first, and what is shown of those on it."""
    keys = chain(
        ((at, "list", pk) for at, pk in Certificate.objects.values_list("issued_at", "pk")),
        ((at, "purge", pk) for at, pk in PurgeCertificate.objects.values_list("issued_at", "pk")),
    )
    page = Paginator(sorted(keys, reverse=True), PAGE).get_page(number)
    of = {kind: [pk for _, each, pk in page if each == kind] for kind in ("list", "purge")}
    lists = Certificate.objects.filter(pk__in=of["list"]).select_related("watchlist")
    return page, proofs_of(lists, PurgeCertificate.objects.filter(pk__in=of["purge"]).select_related("deployment"))


@require_GET
@permitted(READ_RECORDS)
def report(request: HttpRequest) -> HttpResponse:
    """Show the retention report on some days, by default the last month, or return it as PDF or CSV. Each is recorded.

    `?since=…&until=…&as=…`
    """
    form, days = asked_for(request.GET, last_month(timezone.localdate()))
    kind = request.GET.get("as", "page")
    if kind not in FORMS:
        raise Http404
    if days is None:
        return render(request, "reports/retention_report.html", {"form": form}, status=422)
    data: JournalData = {"since": days.since.isoformat(), "until": days.until.isoformat(), "kind": kind}
    with transaction.atomic():
        record(Action.RETENTION_REPORTED, actor=acting(request), target=acting(request), data=data)
    found = retention_report.report_for(days)
    name = f"retention-report-{days.slug}"
    if kind == "csv":
        return csv_download(retention_report.report_csv(found), f"{name}.csv")
    if kind == "pdf":
        pdf = retention_report.report_pdf(found, made_by=str(acting(request)))
        return download(pdf, f"{name}.pdf", "application/pdf")
    return render(request, "reports/retention_report.html", {"form": form, "report": found})
