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
from core.permissions import acting, permitted
from deployments import governing
from deployments.models import Deployment
from deployments.permissions import READ_RECORDS
from reports.downloads import csv_download
from reports.rates import RULE
from reports.records import record_csv, record_of


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
    acts = history.exclude(verb=Verb.CONSULTATION)
    return render(request, "reports/record.html", {"record": record_of(deployment), "history": acts, "rule": RULE})


@require_GET
@permitted(READ_RECORDS)
def record_download(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = _deployment(request, deployment_id)
    with transaction.atomic():
        record(Action.RECORD_EXPORTED, actor=acting(request), target=deployment)
        text = record_csv(record_of(deployment))
    return csv_download(text, f"{slugify(deployment.name)}-{deployment.created_at:%Y-%m-%d}.csv")


def _deployment(request: HttpRequest, deployment_id: uuid.UUID) -> Deployment:
    deployments = Deployment.objects.visible_to(request.user).with_counts()
    related = ("operating_point__engine", "applicant", "authorised_by")
    return get_object_or_404(deployments.select_related(*related), pk=deployment_id)
