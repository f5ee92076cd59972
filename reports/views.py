"""Pages of the records of deployments."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from audit.actions import Action, Verb
from audit.journal import note_consulted, record
from audit.models import Entry
from core.downloads import csv_download, download
from core.machine import JournalData
from core.permissions import acting, permitted
from deployments import governing
from deployments.document_parts import PART
from deployments.models import Deployment
from deployments.permissions import APPLY_DEPLOYMENT, AUTHORISE_DEPLOYMENT, READ_RECORDS
from reports.expectations import earlier_of
from reports.post_deployment import record_pdf
from reports.record_files import record_csv, record_json
from reports.record_sections import is_wide, record_sections
from reports.records import record_of


@require_GET
@permitted(READ_RECORDS)
def record_list(request: HttpRequest) -> HttpResponse:
    deployments = Deployment.objects.visible_to(request.user).with_counts().prefetch_related("periods__watchlist")
    return render(request, "reports/records.html", {"deployments": deployments, "standing": governing.standing()})


@require_GET
@permitted(READ_RECORDS)
def record_page(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = _deployment(request, deployment_id)
    note_consulted(Action.RECORD_VIEWED, actor=acting(request), target=deployment)
    lists = deployment.periods.values_list("watchlist_id", "blue_list_id")
    of = [str(deployment.id), *(str(each) for pair in lists for each in pair if each)]
    history = Entry.objects.in_order().filter(target_id__in=of)
    found = record_of(deployment)
    context = {
        "record": found,
        "sections": [(section, is_wide(section)) for section in record_sections(found)],
        "part": PART,
        "history": history.exclude(verb=Verb.CONSULTATION),
    }
    return render(request, "reports/record.html", context)


@require_GET
@permitted(READ_RECORDS)
def record_download(request: HttpRequest, deployment_id: uuid.UUID, kind: str) -> HttpResponse:
    """Return the record as CSV, JSON or PDF: `?public=1` for the form without the names of officers (CSV and JSON)."""
    deployment = _deployment(request, deployment_id)
    public = request.GET.get("public") == "1"
    data: JournalData = {"kind": kind, "public": public}
    with transaction.atomic():
        record(Action.RECORD_EXPORTED, actor=acting(request), target=deployment, data=data)
        found = record_of(deployment)
    name = f"{slugify(deployment.name)}-{deployment.created_at:%Y-%m-%d}{'-public' if public else ''}.{kind}"
    if kind == "csv":
        return csv_download(record_csv(found, public=public), name)
    if kind == "json":
        return download(record_json(found, public=public).encode(), name, "application/json")
    return download(record_pdf(found), name, "application/pdf")


@require_GET
@permitted(APPLY_DEPLOYMENT, AUTHORISE_DEPLOYMENT, READ_RECORDS)
def earlier(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Return what earlier deployments for the same place or use case expected and found, as a part of a page."""
    deployment = get_object_or_404(Deployment.objects.visible_to(request.user), pk=deployment_id)
    context = {"earlier": earlier_of(deployment), "may_read": request.user.has_perm(READ_RECORDS)}
    return render(request, "reports/_earlier.html", context)


def _deployment(request: HttpRequest, deployment_id: uuid.UUID) -> Deployment:
    deployments = Deployment.objects.visible_to(request.user).with_counts()
    related = ("operating_point__engine", "applicant", "authorised_by")
    return get_object_or_404(deployments.select_related(*related), pk=deployment_id)
