"""The register of governing documents."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from deployments import governing
from deployments.amendment_forms import GoverningForm
from deployments.models import GoverningDocument
from deployments.permissions import APPROVE_DOCUMENTS, KEEP_DOCUMENTS, VIEW_DEPLOYMENT


@require_GET
@permitted(VIEW_DEPLOYMENT)
def register(request: HttpRequest) -> HttpResponse:
    """Show every version of every governing document, and which are in force."""
    people = ("recorded_by", "approved_by", "withdrawn_by")
    context = {
        "documents": GoverningDocument.objects.select_related(*people).defer("file"),
        "in_force": GoverningDocument.objects.in_force(timezone.localdate()).defer("file"),
        "standing": governing.standing(),
        "form": GoverningForm(),
    }
    return render(request, "deployments/governing.html", context)


@require_POST
@permitted(KEEP_DOCUMENTS)
def record(request: HttpRequest) -> HttpResponse:
    form = GoverningForm(request.POST, request.FILES)
    if not form.is_valid():
        raise Refused("Select the kind and the file, and enter version, owner, start and end.")
    given = dict(form.cleaned_data)
    file = given.pop("file")
    if file.size > governing.MOST_BYTES:
        raise Refused("The document can have 20 MB at most.")
    governing.record_document(**given, file=file.read(), file_name=file.name, actor=acting(request))
    messages.success(request, "Document recorded. It can be used once the senior responsible owner approves it.")
    return redirect("governing")


@require_POST
@permitted(APPROVE_DOCUMENTS)
def approve(request: HttpRequest, governing_id: int) -> HttpResponse:
    governing.approve_document(_document(governing_id), actor=acting(request))
    messages.success(request, "Document approved.")
    return redirect("governing")


@require_POST
@permitted(KEEP_DOCUMENTS)
def withdraw(request: HttpRequest, governing_id: int) -> HttpResponse:
    governing.withdraw_document(_document(governing_id), actor=acting(request))
    messages.info(request, "Document withdrawn. Deployments that rest on it can no longer go live.")
    return redirect("governing")


@require_GET
@permitted(VIEW_DEPLOYMENT)
def download(request: HttpRequest, governing_id: int) -> HttpResponse:
    """Return the document, as it was attached."""
    found = get_object_or_404(GoverningDocument, pk=governing_id)
    answer = HttpResponse(bytes(found.file), content_type="application/octet-stream")
    answer["Content-Disposition"] = content_disposition_header(True, found.file_name or "document")
    return answer


def _document(governing_id: int) -> GoverningDocument:
    return get_object_or_404(GoverningDocument.objects.defer("file"), pk=governing_id)
