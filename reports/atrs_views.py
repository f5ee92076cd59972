"""The page of the algorithmic transparency record."""

from __future__ import annotations

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.downloads import download
from core.permissions import acting, permitted
from deployments.permissions import KEEP_DOCUMENTS, READ_RECORDS
from reports import atrs


@require_GET
@permitted(READ_RECORDS)
def record_page(request: HttpRequest) -> HttpResponse:
    """Show the record with what people still have to answer, or return it as JSON: `?as=json`."""
    if request.GET.get("as") == "json":
        text = json.dumps(atrs.as_json(), ensure_ascii=False, indent=2) + "\n"
        return download(text.encode(), "atrs-record.json", "application/json")
    found = atrs.entries()
    context = {"entries": found, "missing": sum(each.is_missing for each in found), "version": atrs.VERSION}
    return render(request, "reports/atrs.html", context)


@require_POST
@permitted(KEEP_DOCUMENTS)
def answer(request: HttpRequest) -> HttpResponse:
    number = request.POST.get("field", "")
    atrs.answer(number, request.POST.get("text", ""), actor=acting(request))
    messages.success(request, f"Answer to {number} kept. The public pages show it within a minute.")
    return redirect("atrs")
