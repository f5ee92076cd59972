"""Pages for compliance officers: the audit log, its reports and exports, its checkpoints and proofs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import IO, Any, cast

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import journal as audit_journal
from audit import log_keys
from audit.actions import Action
from audit.journal import record
from audit.models import Checkpoint, Cosignature, Entry, EntryQuerySet
from audit.permissions import READ_JOURNAL
from audit.verification import Verification, last_covered, verify_and_record
from core.downloads import csv_download, download
from core.errors import Refused
from core.keys import KeyGone
from core.machine import JournalData
from core.pages import query_of
from core.permissions import acting, permitted
from reports.audit_log import journal_csv, names_of, set_back
from reports.audit_report import report_csv, report_on, report_pdf
from reports.filters import EntryFilter
from reports.regulator import extension_of, proof_of, write_export

PAGE = 100


class ExportForm(forms.Form):
    """To whom an export goes, and for what: section 62 wants both for a disclosure."""

    recipient = forms.CharField(label="Recipient", max_length=200, help_text="The organisation, and who there.")
    purpose = forms.CharField(max_length=200)


@require_GET
@permitted(READ_JOURNAL)
def journal(request: HttpRequest) -> HttpResponse:
    return _journal_page(request, None)


@require_POST
@permitted(READ_JOURNAL)
def journal_verify(request: HttpRequest) -> HttpResponse:
    """Recompute the whole log, record that and with what result, and show the page with it."""
    found = verify_and_record(actor=acting(request), target=acting(request))
    return _journal_page(request, found)


def _journal_page(request: HttpRequest, checked: Verification | None) -> HttpResponse:
    audit_journal.number_waiting()
    chosen = EntryFilter(request.GET, queryset=Entry.objects.all())
    page = Paginator(chosen.qs, PAGE).get_page(request.GET.get("page"))
    context = {
        "filter": chosen,
        "page": page,
        "names": names_of(page),
        "set_back": set_back(page),
        "query": query_of(request),
        "checked": checked,
        **_standing(),
    }
    return render(request, "reports/journal.html", context)


def _standing() -> dict[str, Any]:
    """Return the state of the log as a whole: its size, its last checkpoint, and the entries without a witness."""
    size = Entry.objects.exclude(number=None).count()
    last = Entry.objects.exclude(number=None).order_by("-number").first()
    covered = last_covered()
    return {
        "size": size,
        "last": last,
        "checkpoint": Checkpoint.objects.prefetch_related("cosignatures").first(),
        "covered": covered,
        "uncovered_from": covered + 1 if last is not None and last.number and last.number > covered else None,
        "has_witnesses": bool(log_keys.witnesses()),
        "verified": Entry.objects.filter(action=Action.JOURNAL_VERIFIED).order_by("-id").first(),
        "refusal": _last_refusal(),
    }


def _last_refusal() -> Entry | None:
    """Return the entry about a witness that refused, unless the same witness has countersigned since."""
    last = Entry.objects.filter(action=Action.WITNESS_REFUSED).order_by("-id").first()
    if last is None:
        return None
    since = Cosignature.objects.filter(witness=last.data["witness"], at__gt=last.at)
    return None if since.exists() else last


@require_GET
@permitted(READ_JOURNAL)
def journal_download(request: HttpRequest) -> HttpResponse:
    """Return the entries that the page shows with these filters, oldest first. Without a filter, every entry."""
    # Commit the entry first: it is part of what is downloaded.
    with transaction.atomic():
        entries = _chosen(request.GET)
        record(
            Action.JOURNAL_EXPORTED, actor=acting(request), target=acting(request), data={"filters": _filters(request)}
        )
    audit_journal.number_waiting()
    # Entries that were committed since then have no number yet.
    numbered = entries.exclude(number=None)
    return csv_download(journal_csv(numbered.iterator(chunk_size=2000)), "audit-log.csv")


@require_http_methods(["GET", "POST"])
@permitted(READ_JOURNAL)
def journal_export(request: HttpRequest) -> HttpResponse:
    """Ask to whom the regulator's export goes; then make it, of the entries that the filters choose."""
    query = query_of(request)
    entries = _chosen(request.GET)
    form = ExportForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        context = {"form": form, "query": query, "count": entries.count(), "asked": _asked(request.GET)}
        return render(request, "reports/journal_export.html", context, status=422 if form.errors else 200)
    data: JournalData = {
        "recipient": form.cleaned_data["recipient"],
        "purpose": form.cleaned_data["purpose"],
        "filters": _filters(request),
        "kind": "with proofs",
    }
    stream = cast("IO[bytes]", tempfile.TemporaryFile(prefix="lfr-export-"))  # noqa: SIM115 - the response closes it
    try:
        asked = _asked(request.GET) if query else ""
        exported = write_export(
            stream, made_by=str(acting(request)), chosen=entries if query else None, selection=asked
        )
    except KeyGone as gone:
        raise Refused(f"The export cannot be signed. {gone}") from gone
    data = {**data, "entries": exported.rows, "manifest": exported.sha256}
    with transaction.atomic():
        record(Action.JOURNAL_EXPORTED, actor=acting(request), target=acting(request), data=data)
    stream.seek(0)
    name = f"audit-log-{timezone.localdate():%Y-%m-%d}.zip"
    answer = FileResponse(stream, as_attachment=True, filename=name, content_type="application/zip")
    return cast("HttpResponse", answer)


@require_GET
@permitted(READ_JOURNAL)
def journal_report(request: HttpRequest) -> HttpResponse:
    """Show the audit report on the entries that the filters choose, or return it as PDF or CSV. Each is recorded."""
    entries = _chosen(request.GET, with_machines=True)
    form = request.GET.get("as", "page")
    if form not in ("page", "pdf", "csv"):
        raise Http404
    query = query_of(request, "as")
    audit_journal.number_waiting()
    report = report_on(entries, _asked(request.GET, with_machines=True))
    data: JournalData = {"filters": _filters(request), "kind": form, "entries": report.count}
    with transaction.atomic():
        record(Action.JOURNAL_REPORTED, actor=acting(request), target=acting(request), data=data)
    name = f"audit-report-{timezone.localdate():%Y-%m-%d}"
    if form == "csv":
        return csv_download(report_csv(report), f"{name}.csv")
    if form == "pdf":
        return download(report_pdf(report, made_by=str(acting(request))), f"{name}.pdf", "application/pdf")
    return render(request, "reports/audit_report.html", {"report": report, "query": query})


@require_GET
@permitted(READ_JOURNAL)
def journal_entry(request: HttpRequest, number: int) -> HttpResponse:
    entry = get_object_or_404(Entry, number=number)
    context = {"entry": entry, "names": names_of([entry]), "covered": last_covered()}
    return render(request, "reports/journal_entry.html", context)


@require_GET
@permitted(READ_JOURNAL)
def journal_proof(request: HttpRequest, number: int) -> HttpResponse:
    """Return the proof that an entry is in the log. It contains the entry, so that it is recorded as a download."""
    entry = get_object_or_404(Entry, number=number)
    with transaction.atomic():
        data: JournalData = {"entry": number, "kind": "proof"}
        record(Action.JOURNAL_EXPORTED, actor=acting(request), target=acting(request), data=data)
    return download(_made(lambda: proof_of(entry)), f"entry-{number}.tlog-proof", "text/plain; charset=utf-8")


@require_GET
@permitted(READ_JOURNAL)
def checkpoint_list(request: HttpRequest) -> HttpResponse:
    found = Checkpoint.objects.prefetch_related("cosignatures").select_related("timestamp")
    page = Paginator(found, 50).get_page(request.GET.get("page"))
    context = {"page": page, "keys": log_keys.policy_text(), "has_witnesses": bool(log_keys.witnesses())}
    return render(request, "reports/checkpoints.html", context)


@require_GET
@permitted(READ_JOURNAL)
def checkpoint_note(request: HttpRequest, size: int) -> HttpResponse:
    checkpoint = get_object_or_404(Checkpoint, size=size)
    return download(checkpoint.signed.encode(), f"checkpoint-{size}.txt", "text/plain; charset=utf-8")


@require_GET
@permitted(READ_JOURNAL)
def checkpoint_proof(request: HttpRequest) -> HttpResponse:
    """Return the proof that one checkpoint extends an earlier one: `?old=…&new=…`, their sizes."""
    try:
        old, new = sorted((int(request.GET.get("old", "")), int(request.GET.get("new", ""))))
    except ValueError:
        raise Refused("Select two checkpoints.") from None
    first, second = get_object_or_404(Checkpoint, size=old), get_object_or_404(Checkpoint, size=new)
    proof = _made(lambda: extension_of(first, second))
    return download(proof, f"checkpoint-{new}-extends-{old}.txt", "text/plain; charset=utf-8")


@require_GET
@login_not_required
def log_policy(request: HttpRequest) -> HttpResponse:
    """Return the keys of the log and of its witnesses, for `verify.py --policy`. They are public."""
    return download(log_keys.policy_text().encode(), "policy.txt", "text/plain; charset=utf-8")


def _made(proof: Callable[[], str]) -> bytes:
    try:
        return proof().encode()
    except (KeyGone, LookupError) as problem:
        raise Refused(f"This proof cannot be made: {problem}") from problem


def _filters(request: HttpRequest) -> str:
    """Return the filters as the audit log keeps them: without words typed, which may name a person."""
    kept = request.GET.copy()
    for name in ("page", "as"):
        kept.pop(name, None)
    for name in ("q", "record"):
        if kept.get(name):
            kept[name] = "(not kept)"
    return kept.urlencode()[:400]


def _chosen(given: QueryDict, *, with_machines: bool = False) -> EntryQuerySet:
    """Return the entries that the filters choose, in order. Without a filter, every entry.

    Raises:
        Refused: a filter cannot be read: nobody should take a whole log for a part of it.
    """
    filters = given.copy()
    for name in ("page", "as"):
        filters.pop(name, None)
    everything = Entry.objects.in_order()
    if not filters:
        return everything
    if with_machines:
        filters["machines"] = "on"
    chosen = EntryFilter(filters, queryset=everything)
    if not chosen.is_valid():
        raise Refused("Correct the filters of the audit log, then try again.")
    return cast("EntryQuerySet", chosen.qs)


def _asked(given: QueryDict, *, with_machines: bool = False) -> str:
    """Return the filters in words."""
    filters = given.copy()
    for name in ("page", "as"):
        filters.pop(name, None)
    chosen = EntryFilter(filters, queryset=Entry.objects.none())
    if not filters or not chosen.is_valid():
        return "All entries"
    words = []
    for name, value in chosen.form.cleaned_data.items():
        if value not in (None, "", False):
            field = chosen.form.fields[name]
            shown = dict(getattr(field, "choices", ())).get(value, value) if isinstance(value, str) else value
            shown = f"{shown:%d %B %Y}" if hasattr(shown, "strftime") else shown
            words.append(str(field.label) if value is True else f"{field.label}: {shown}")
    if not with_machines and not chosen.form.cleaned_data["machines"]:
        words.append("Without machines’ rows")
    return "; ".join(words)
