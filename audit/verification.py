"""Verify the audit log where it is. The same is done elsewhere, from an export, by `transparency.verifier`."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models, transaction
from django.db.models import Max

from audit import journal, log_keys
from audit.actions import Action
from audit.journal import record
from audit.models import Checkpoint, Cosignature, Entry
from audit.reading import Row, expired_through, parts
from audit.tree import Tree
from core import signing
from core.actors import Actor
from core.machine import JournalData
from transparency.verifier import Checkpoint as State
from transparency.verifier import Finding, Note, NotVerified, Walk


@dataclass(frozen=True)
class Verification:
    """What was found. rows: entries read. covered: the entries up to the last countersigned checkpoint that fits."""

    rows: int
    size: int
    findings: list[Finding]
    covered: int

    @property
    def is_intact(self) -> bool:
        return not self.findings


@transaction.atomic
def verify() -> Verification:
    """Recompute the hash of every numbered entry and compare the tree with every checkpoint."""
    last = Entry.objects.aggregate(number=Max("number"))["number"]
    size = max(Tree().size, last or 0)
    roots, findings = _roots()
    walk, rows, expired = Walk(roots), 0, expired_through()
    for part in parts(size, sorted(roots)):
        if isinstance(part, Row):
            walk.entry(part.content, part.stored)
            rows += 1
        else:
            walk.left_out(part.hash, part.level, is_missing=part.first > expired)
    found = sorted([*findings, *walk.finish(max(roots, default=0))])
    return Verification(rows, size, found, last_covered(walk.agreed))


def verify_and_record(*, actor: Actor, target: models.Model) -> Verification:
    """Number what waits, verify, and record the result. target: what the entry is about: the user, or a checkpoint."""
    journal.number_waiting()
    found = verify()
    data: JournalData = {"entries": found.rows, "findings": len(found.findings)}
    if found.findings:
        data = {**data, "first": found.findings[0].first, "what": found.findings[0].words}
    with transaction.atomic():
        record(Action.JOURNAL_VERIFIED, actor=actor, target=target, data=data)
    return found


def last_covered(agreed: int | None = None) -> int:
    """Return the size of the last countersigned checkpoint, or 0. agreed: only up to this size."""
    found = Cosignature.objects.order_by("-checkpoint__size")
    found = found if agreed is None else found.filter(checkpoint__size__lte=agreed)
    return found.values_list("checkpoint__size", flat=True).first() or 0


def _roots() -> tuple[dict[int, bytes], list[Finding]]:
    """Return the root at the size of each checkpoint, and those checkpoints that the log did not sign."""
    keys = list(signing.public_keys(log_keys.LOG).values())
    roots, findings = dict[int, bytes](), []
    for checkpoint in Checkpoint.objects.order_by("size"):
        try:
            note = Note.read(checkpoint.note)
            state = State.read(note.text)
        except NotVerified:
            state = None
        signatures = [value for name, _, value in note.signatures if name == log_keys.origin()] if state else []
        message = note.text.encode()
        is_ours = any(signing.is_signed(key, message, value) for key in keys for value in signatures)
        if state is None or state.size != checkpoint.size or not is_ours:
            findings.append(Finding(checkpoint.size, "the checkpoint here is not one that the log signed"))
        else:
            roots[state.size] = state.root
    return roots, findings
