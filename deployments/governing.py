"""Acts on governing documents, and whether an application rests on versions that are in force."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.locks import lock
from core.permissions import require
from deployments.models import REQUIRED, Deployment, GoverningDocument, Kit
from deployments.permissions import APPROVE_DOCUMENTS, KEEP_DOCUMENTS
from watchlists.operations import refuse_names_on_file

MOST_BYTES = 20 * 1024 * 1024
# How long before its end a document is announced on the pages that list deployments.
NOTICE = dt.timedelta(days=14)

Kind = GoverningDocument.Kind


@transaction.atomic
def record_document(
    *,
    kind: str,
    version: str,
    owner: str,
    in_force_from: dt.date,
    in_force_until: dt.date,
    file: bytes,
    file_name: str,
    actor: AbstractBaseUser,
) -> GoverningDocument:
    """Record a version of a governing document. It can be used once it is approved and its time has begun.

    Raises:
        Refused: something is missing or has expired, or this version is recorded already.
    """
    require(actor, KEEP_DOCUMENTS)
    if kind not in Kind.values or not version.strip() or not owner.strip():
        raise Refused("Select the kind of document, and enter its version and its owner.")
    refuse_names_on_file(version, owner)
    if in_force_until < max(in_force_from, timezone.localdate()):
        raise Refused("Enter an end that is today or later, and not before the start.")
    if not 0 < len(file) <= MOST_BYTES:
        raise Refused(f"Attach the document, as a file of {MOST_BYTES // 1024 // 1024} MB at most.")
    made = GoverningDocument(
        kind=kind,
        version=version.strip(),
        owner=owner.strip(),
        in_force_from=in_force_from,
        in_force_until=in_force_until,
        file=file,
        file_name=file_name[:200],
        file_sha256=hashlib.sha256(file).hexdigest(),
        recorded_by_id=actor.pk,
    )
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise Refused("This version is recorded already. Enter another version.") from error
    data = {"kind": kind, "version": made.version, "sha256": made.file_sha256, "until": in_force_until.isoformat()}
    record(Action.GOVERNING_RECORDED, actor=actor, target=made, data=data)
    return made


@transaction.atomic
def approve_document(document: GoverningDocument, *, actor: AbstractBaseUser) -> None:
    """Approve a version, as the senior responsible owner.

    Raises:
        Refused: the actor recorded it. Conflict: it is approved or withdrawn already.
    """
    require(actor, APPROVE_DOCUMENTS)
    held = lock(GoverningDocument.objects.defer("file"), document.pk)
    if actor.pk == held.recorded_by_id:
        raise Refused("You recorded this document, so another person must approve it.")
    if held.approved_at is not None or held.withdrawn_at is not None:
        raise Conflict("This document is already approved or withdrawn.")
    rows = GoverningDocument.objects.filter(pk=held.pk)
    rows.update(approved_by_id=actor.pk, approved_at=timezone.now())
    data = {"kind": held.kind, "version": held.version}
    record(Action.GOVERNING_APPROVED, actor=actor, target=held, data=data)


@transaction.atomic
def withdraw_document(document: GoverningDocument, *, actor: AbstractBaseUser) -> None:
    """Withdraw a version. Deployments that rest on it can no longer go live.

    Raises:
        Conflict: it is withdrawn already.
    """
    require(actor, KEEP_DOCUMENTS)
    rows = GoverningDocument.objects.filter(pk=document.pk, withdrawn_at__isnull=True)
    if not rows.update(withdrawn_by_id=actor.pk, withdrawn_at=timezone.now()):
        raise Conflict("This document has already been withdrawn.")
    data = {"kind": document.kind, "version": document.version}
    record(Action.GOVERNING_WITHDRAWN, actor=actor, target=document, data=data)


def current(on: dt.date) -> list[GoverningDocument]:
    """Return the newest version in force of each kind on a day."""
    newest: dict[str, GoverningDocument] = {}
    for document in GoverningDocument.objects.in_force(on).defer("file"):
        newest.setdefault(document.kind, document)
    return list(newest.values())


@dataclass(frozen=True)
class Standing:
    """Governing documents that need attention, for the pages that list deployments.

    missing: what every deployment needs, or what has ended, and of which no version is in force.
    ending: those that end soon, and that no later version continues.
    """

    missing: list[str]
    ending: list[GoverningDocument]


def standing() -> Standing:
    """Return which documents are missing today, and which end within `NOTICE`."""
    today, documents = timezone.localdate(), GoverningDocument.objects
    valid = set(documents.in_force(today).values_list("kind", flat=True))
    soon = documents.in_force(today).filter(in_force_until__lte=today + NOTICE).defer("file")
    ending = [
        each
        for each in soon
        if not documents.in_force(each.in_force_until + dt.timedelta(days=1)).filter(kind=each.kind).exists()
    ]
    known = documents.filter(approved_at__isnull=False, withdrawn_at__isnull=True).values_list("kind", flat=True)
    needed = {*REQUIRED, *known}
    return Standing([str(kind.label) for kind in Kind if kind in needed and kind not in valid], ending)


def _is_shared(deployment: Deployment) -> bool:
    """Return whether another force takes part: with its equipment, its staff, or as the controller of the data."""
    loaned = deployment.kit.filter(kind=Kit.Kind.LOANED, wiped_at__isnull=True)
    is_own = deployment.controller.strip().casefold() in ("", settings.LFR_FORCE.casefold())
    return bool(deployment.lender or deployment.staff_from) or not is_own or loaned.exists()


def problems_of(deployment: Deployment, on: dt.date) -> list[str]:
    """Return what is wrong with the documents that an application rests on, on a day; empty if nothing is."""
    chosen = list(deployment.governing.defer("file"))
    needed = [*REQUIRED, *([Kind.MUTUAL_AID] if _is_shared(deployment) else [])]
    missing = [str(kind.label) for kind in needed if kind not in {each.kind for each in chosen}]
    found = [f"Governing documents not selected: {'; '.join(missing)}."] if missing else []
    if str(Kind.MUTUAL_AID.label) in missing:
        found.append(f"It needs one because another force takes part ({settings.LFR_FORCE} is this one).")
    twice = {each.kind for each in chosen if [other.kind for other in chosen].count(each.kind) > 1}
    found += [f"Select one version only: {Kind(kind).label}." for kind in sorted(twice)]
    return found + [f"{each} is not in force on {on:%d %B %Y}." for each in chosen if not each.is_in_force(on)]
