"""Pages for bulk imports."""

from __future__ import annotations

import csv
import io
import tempfile
import uuid
from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.actions import Action
from audit.journal import record
from core.errors import Refused
from core.pages import query_of
from core.permissions import acting, permitted
from watchlists import imports
from watchlists.filters import ImportRowFilter
from watchlists.forms import ImportForm
from watchlists.importfile import COLUMNS, template
from watchlists.models import Import, ImportRow, Watchlist
from watchlists.permissions import COMPILE_WATCHLIST
from watchlists.tasks import hurry_imports

PAGE = 100


class NamelessFileHandler(FileUploadHandler):
    """Stores a large upload in an unnamed temporary file, which disappears however the request ends."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the request)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile[bytes]:
        self._file.seek(0)
        return UploadedFile(self._file, self.file_name, self.content_type, file_size, self.charset)


def _large_upload(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Set the upload handler before anything reads the body, including the CSRF check."""
    protected = csrf_protect(view)

    @csrf_exempt
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.upload_handlers = [NamelessFileHandler(request)]
        return protected(request, *args, **kwargs)

    return wrapped


@_large_upload
@require_http_methods(["GET", "POST"])
@permitted(COMPILE_WATCHLIST)
def import_new(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = get_object_or_404(Watchlist.objects.visible_to(request.user), pk=watchlist_id)
    form = ImportForm(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            table, archive = form.cleaned_data["table"], form.cleaned_data["archive"]
            try:
                begun = imports.begin(watchlist, table.read(), archive.file, actor=acting(request))
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                hurry_imports()
                return redirect("import", begun.id)
        status = 422
    context = {"watchlist": watchlist, "form": form, "columns": COLUMNS, "imports": watchlist.imports.all()}
    return render(request, "watchlists/import_new.html", context, status=status)


@require_GET
@permitted(COMPILE_WATCHLIST)
def import_template(request: HttpRequest) -> HttpResponse:
    return _download(template(), "watchlist-template.csv")


@require_GET
@permitted(COMPILE_WATCHLIST)
def import_detail(request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
    imported = _import(request, import_id)
    chosen = ImportRowFilter(request.GET, queryset=imported.rows.all())
    progress = imports.progress_of(imported)
    context = {
        "imported": imported,
        "watchlist": imported.watchlist,
        "progress": progress,
        "counts": [
            (value, label, progress.by_verdict[value])
            for value, label in ImportRow.Verdict.choices
            if progress.by_verdict.get(value)
        ],
        "able": sum(progress.by_verdict.get(name, 0) for name in (ImportRow.Verdict.GOOD, ImportRow.Verdict.WARN)),
        "query": query_of(request),
        "page": Paginator(chosen.qs, PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "watchlists/import.html", context)


@require_POST
@permitted(COMPILE_WATCHLIST)
def import_confirm(request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
    imported = _import(request, import_id)
    imports.confirm(imported, actor=acting(request))
    hurry_imports()
    return redirect("import", imported.id)


@require_POST
@permitted(COMPILE_WATCHLIST)
def import_cancel(request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
    imported = _import(request, import_id)
    imports.cancel(imported, actor=acting(request))
    return redirect("import", imported.id)


@require_GET
@permitted(COMPILE_WATCHLIST)
def import_report(request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
    """Return the result of every line as a CSV, so that the user can correct and upload them again."""
    imported = _import(request, import_id)
    with transaction.atomic():
        record(Action.IMPORT_EXPORTED, actor=acting(request), target=imported)
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["line", "reference", "verdict", "message"])
    for row in imported.rows.iterator(chunk_size=2000):
        # The reference comes from an uploaded file: a spreadsheet must not run it as a formula.
        reference = f"'{row.reference}" if row.reference.startswith(("=", "+", "-", "@")) else row.reference
        writer.writerow([row.line, reference, row.get_verdict_display(), row.message])
    return _download(stream.getvalue(), "import-report.csv")


def _download(text: str, name: str) -> HttpResponse:
    answer = HttpResponse("\ufeff" + text, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _import(request: HttpRequest, import_id: uuid.UUID) -> Import:
    visible = Watchlist.objects.visible_to(request.user)
    return get_object_or_404(Import.objects.select_related("watchlist").filter(watchlist__in=visible), pk=import_id)
