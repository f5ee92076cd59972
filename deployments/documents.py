"""The documents of a deployment: PDFs made from the record and stored as made, their hashes in the audit log."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typst
from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.actors import System
from deployments import document_content
from deployments.document_parts import Content, Section, moment
from deployments.models import OVER, PRINTED, Deployment, Document

logger = logging.getLogger(__name__)

CLERK = System("the document service")
# Words that may not fit into a column, and the pieces that do.
_LONG_WORD, _PIECE = re.compile(r"[^\s\u200b]{41,}"), re.compile(r".{1,20}")
_HASH = re.compile(r"[0-9a-f]{64}")
TEMPLATE = Path(__file__).resolve().parent / "typeset" / "document.typ"
_K = Document.Kind
# `reports` adds the Post-Deployment Report, which counts what this package does not know of.
CONTENT: dict[str, Content] = {
    _K.AUTHORITY: document_content.AUTHORITY,
    _K.AMENDMENT: document_content.AUTHORITY,
    _K.CANCELLATION: document_content.ENDING,
}


def make(deployment: Deployment, kind: str) -> Document:
    """Make a document from the present record and store it, as part of the act that it documents."""
    deployment = Deployment.objects.select_related("operating_point__engine", "applicant", "authorised_by").get(
        pk=deployment.pk
    )
    now = timezone.now()
    pdf = _set(deployment, kind, now)
    document = Document.objects.create(
        deployment=deployment, kind=kind, pdf=pdf, sha256=hashlib.sha256(pdf).hexdigest(), made_at=now
    )
    data = {"kind": kind, "sha256": document.sha256}
    record(Action.DOCUMENT_MADE, actor=CLERK, target=deployment, data=data)
    return document


def make_or_leave(deployment: Deployment, kind: str) -> None:
    """Make a document, or log the failure and let the act succeed; `make_missing` tries again."""
    try:
        with transaction.atomic():
            make(deployment, kind)
    except Exception:
        logger.exception("A document could not be made yet")


def make_missing() -> int:
    """Make the amended authority documents and the reports that are missing, and return how many there were."""
    over = Deployment.objects.filter(state__in=OVER, authorised_by__isnull=False)
    open_ones, closed = over.filter(closed_at__isnull=True), over.filter(closed_at__isnull=False)
    missing = [(each, _K.CANCELLATION) for each in open_ones.exclude(documents__kind=_K.CANCELLATION)]
    missing += [(each, _K.POST_DEPLOYMENT) for each in closed.exclude(documents__kind=_K.POST_DEPLOYMENT)]
    changed = Deployment.objects.annotate(
        signed=Max("authorities__signed_at", filter=Q(authorities__what__in=PRINTED)),
        printed=Max("documents__made_at", filter=Q(documents__kind=_K.AMENDMENT)),
    ).filter(Q(printed__isnull=True) | Q(printed__lt=F("signed")), signed__isnull=False)
    missing += [(each, _K.AMENDMENT) for each in changed]
    for deployment, kind in missing:
        # One failure must not prevent the others.
        make_or_leave(deployment, kind)
    return len(missing)


def _set(deployment: Deployment, kind: str, now: dt.datetime) -> bytes:
    content = CONTENT[kind]
    with tempfile.TemporaryDirectory(prefix="lfr-document-") as folder:
        return typeset(
            Document.Kind(kind).label,
            deployment.name,
            number=deployment.number,
            footer=f"Made from the record on {moment(now)}. The SHA-256 of this document is in the audit log.",
            facts=content.facts(deployment),
            sections=content.sections(deployment, Path(folder)),
            folder=Path(folder),
        )


def typeset(
    title: str,
    subtitle: str,
    *,
    number: str,
    footer: str,
    facts: Sequence[tuple[str, str]],
    sections: Iterable[Section],
    folder: Path,
) -> bytes:
    """Return a document as PDF, in the style of all documents. folder: of the pictures that the sections name."""
    data = {
        "title": title,
        "subtitle": subtitle,
        "number": number,
        "force": settings.LFR_FORCE,
        "marking": "DEMONSTRATION" if settings.IS_DEMO else "OFFICIAL",
        "footer": footer,
        "facts": facts,
        "sections": [asdict(section) for section in sections],
    }
    return compile_pdf(TEMPLATE, data, folder)


def compile_pdf(template: Path, data: Mapping[str, Any], folder: Path) -> bytes:
    """Return a Typst template filled with data as PDF. folder: of the pictures that the data name."""
    source = folder / template.name
    source.write_bytes(template.read_bytes())
    inputs = {"data": json.dumps(_breakable(data))}
    return bytes(typst.compile(str(source), root=str(folder), sys_inputs=inputs, format="pdf"))


def _with_breaks(word: re.Match[str]) -> str:
    """Return a long word with places to break; addresses and hashes, which people copy, as they are."""
    text = word[0]
    return text if "://" in text or _HASH.fullmatch(text) else "\u200b".join(_PIECE.findall(text))


def _breakable(value: Any) -> Any:
    """Return data in which every text has line ends of one kind, and a place to break in words longer than a line."""
    if isinstance(value, str):
        text = value.replace("\r\n", "\n").replace("\r", "\n")
        return _LONG_WORD.sub(_with_breaks, text)
    if isinstance(value, Mapping):
        return {key: _breakable(each) for key, each in value.items()}
    return [_breakable(each) for each in value] if isinstance(value, list | tuple) else value
