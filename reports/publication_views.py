"""The publisher's page, and the public pages."""

from __future__ import annotations

import mimetypes
import uuid
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from deployments.models import Deployment
from deployments.permissions import PUBLISH_RESULTS, READ_RECORDS
from reports import publishing
from reports.tasks import hurry_public

# Browsers and proxies may keep a public page for this long.
KEPT_S = 60


class CorrectionReason(forms.Form):
    """Why published results are corrected."""

    reason = forms.CharField(
        label="Reason for the correction", max_length=400, help_text="It is published. Name nobody."
    )


@require_GET
@permitted(PUBLISH_RESULTS, READ_RECORDS)
def publication(request: HttpRequest) -> HttpResponse:
    """Show what waits to be published with its clock, what could be corrected, and what is published."""
    waiting = publishing.waiting()
    context = {
        "waiting": waiting,
        "overdue": sum(each.is_overdue for each in waiting),
        "published": publishing.latest(),
        "to_correct": publishing.to_correct(),
        "correction": CorrectionReason(),
    }
    return render(request, "reports/publication.html", context)


@require_POST
@permitted(PUBLISH_RESULTS)
def publish(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = get_object_or_404(Deployment.objects.visible_to(request.user), pk=deployment_id)
    reason = ""
    if deployment.publications.exists():
        form = CorrectionReason(request.POST)
        if not form.is_valid():
            raise Refused("Enter why the published results are corrected, in 400 characters or fewer.")
        reason = form.cleaned_data["reason"]
    publishing.publish(deployment, reason=reason, actor=acting(request))
    transaction.on_commit(hurry_public)
    messages.success(request, "Published. The public pages show it within a minute.")
    return redirect("publication")


@require_GET
@login_not_required
def public_file(request: HttpRequest, name: str = "index.html") -> HttpResponse:
    """Answer with a public file. It touches no database, so that it stands while the rest is busy."""
    folder = Path(settings.LFR_PUBLIC).resolve()
    if "\0" in name:
        raise Http404
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or path.name.startswith(".") or not path.is_file():
        raise Http404
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    charset = "; charset=utf-8" if kind.startswith("text/") or kind == "application/json" else ""
    response = HttpResponse(path.read_bytes(), content_type=f"{kind}{charset}")
    response["Cache-Control"] = f"public, max-age={KEPT_S}"
    return response
