"""Pages for compliance officers: the audit log and the records of deployments."""

from __future__ import annotations

import uuid

from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from audit.actions import Action, Verb
from audit.journal import record, verify_chain
from audit.models import Entry
from audit.permissions import READ_JOURNAL
from core.errors import Refused
from core.pages import query_of
from core.permissions import acting, permitted
from deployments import governing
from deployments.models import Deployment
from deployments.permissions import READ_RECORDS
from reports.audit_log import names_of
from reports.filters import EntryFilter
from reports.rates import RULE
from reports.records import journal_csv, record_csv, record_of

PAGE = 100


@require_GET
@permitted(READ_JOURNAL)
def journal(request: HttpRequest) -> HttpResponse:
    chosen = EntryFilter(request.GET, queryset=Entry.objects.all())
    page = Paginator(chosen.qs, PAGE).get_page(request.GET.get("page"))
    context = {
        "filter": chosen,
        "page": page,
        "names": names_of(page),
        "query": query_of(request, "check"),
        "checked": verify_chain() if "check" in request.GET else None,
    }
    return render(request, "reports/journal.html", context)


@require_GET
@permitted(READ_JOURNAL)
def journal_download(request: HttpRequest) -> HttpResponse:
    """Return the entries that the page shows with these filters, oldest first. Without a filter, every entry.

    Raises:
        Refused: a filter cannot be read: nobody should take a whole log for a part of it.
    """
    query = query_of(request, "check")
    chosen = EntryFilter(request.GET, queryset=Entry.objects.in_order())
    if not chosen.is_valid():
        raise Refused("Correct the filters of the audit log, then download it.")
    # Commit the entry first: reading the whole audit log must not prevent others from writing to it.
    with transaction.atomic():
        data = {"filters": query[:400]}
        last = record(Action.JOURNAL_EXPORTED, actor=acting(request), target=acting(request), data=dict(data))
    entries = (chosen.qs if query else Entry.objects.in_order()).filter(number__lte=last.number)
    return _download(journal_csv(entries.iterator(chunk_size=2000)), "audit-log.csv")


@require_GET
@permitted(READ_RECORDS)
def record_list(request: HttpRequest) -> HttpResponse:
    deployments = Deployment.objects.visible_to(request.user).with_counts().prefetch_related("periods__watchlist")
    return render(request, "reports/records.html", {"deployments": deployments, "standing": governing.standing()})


@require_GET
@permitted(READ_RECORDS)
def record_page(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = _deployment(request, deployment_id)
    lists = deployment.periods.values_list("watchlist_id", "blue_list_id")
    of = [str(deployment.id), *(str(each) for pair in lists for each in pair if each)]
    history = Entry.objects.in_order().filter(target_id__in=of)
    acts = history.exclude(verb=Verb.CONSULTATION)
    return render(request, "reports/record.html", {"record": record_of(deployment), "history": acts, "rule": RULE})


@require_GET
@permitted(READ_RECORDS)
def record_download(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = _deployment(request, deployment_id)
    with transaction.atomic():
        record(Action.RECORD_EXPORTED, actor=acting(request), target=deployment)
        text = record_csv(record_of(deployment))
    return _download(text, f"{slugify(deployment.name)}-{deployment.created_at:%Y-%m-%d}.csv")


def _deployment(request: HttpRequest, deployment_id: uuid.UUID) -> Deployment:
    deployments = Deployment.objects.visible_to(request.user).with_counts()
    related = ("operating_point__engine", "applicant", "authorised_by")
    return get_object_or_404(deployments.select_related(*related), pk=deployment_id)


def _download(text: str, name: str) -> HttpResponse:
    # The byte order mark tells spreadsheets that this is UTF-8.
    response = HttpResponse("\ufeff" + text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
