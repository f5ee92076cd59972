"""Verify the audit log where it is. The same is done elsewhere, from an export, by `transparency.verifier`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from django.db import models, transaction
from django.utils import timezone

from audit import journal, log_keys
from audit.actions import Action
from audit.journal import record
from audit.models import Checkpoint, Cosignature, Entry
from audit.reading import Row, expired_through, last_expiry, parts
from audit.tree import WIDTH, Tree
from core import signing
from core.actors import Actor
from core.machine import JournalData
from transparency.verifier import SHORTEST_RETENTION_S, Finding, Key, Note, NotVerified, Walk
from transparency.verifier import Checkpoint as State

SHORTEST_RETENTION = dt.timedelta(seconds=SHORTEST_RETENTION_S)


@dataclass(frozen=True)
class Verification:
    """The result of a verification. rows: entries read. covered: up to the last countersigned checkpoint that fits."""

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
    # Checkpoints first: the log may grow meanwhile, and must then have at least what they say.
    roots, findings = _roots()
    in_tree, last = Tree().size, journal.last_number()
    if in_tree != last:
        findings.append(Finding(min(in_tree, last) + 1, f"the log ends at entry {last:,} and its tree at {in_tree:,}"))
    walk, rows = Walk(roots), 0
    for part in parts(max(in_tree, last), sorted(roots)):
        if isinstance(part, Row):
            walk.entry(part.content, part.stored)
            rows += 1
        else:
            # Asked at each gap: entries may be destroyed while this reads.
            walk.left_out(part.hash, part.level, is_missing=part.first > expired_through())
    findings += [*walk.finish(max(roots, default=0)), *_expiry_findings()]
    return Verification(rows, walk.size, sorted(set(findings)), last_covered(walk.compared))


def _expiry_findings() -> list[Finding]:
    """Return what is wrong with the last destruction of entries at the end of their retention."""
    last = last_expiry()
    if last is None:
        return []
    through, findings = int(last.data["through"]), []
    if through % WIDTH or Entry.objects.filter(number__lte=through).exists():
        findings.append(
            Finding(through, "an entry says that retention ended here, but entries did not leave by the rule")
        )
    if Checkpoint.objects.filter(size__lt=through, at__gt=min(last.at, timezone.now()) - SHORTEST_RETENTION).exists():
        findings.append(Finding(through, "it was destroyed before its retention ended"))
    return findings


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


def last_covered(compared: Collection[int] | None = None) -> int:
    """Return the size of the last countersigned checkpoint, or 0. compared: only of these sizes.

    A row could be put into the database by anybody who owns it, so the signature is verified.
    """
    keys = {witness.key.name: witness.key for witness in log_keys.witnesses()}
    rows = Cosignature.objects.select_related("checkpoint").order_by("-checkpoint__size")
    for row in rows.filter(witness__in=keys).iterator(chunk_size=50):
        size = row.checkpoint.size
        if (compared is None or size in compared) and _is_countersigned(row, keys[row.witness]):
            return size
    return 0


def _is_countersigned(row: Cosignature, key: Key) -> bool:
    try:
        return bool(key.time_of(Note.read(f"{row.checkpoint.note}{row.line}")))
    except NotVerified:
        return False


def _roots() -> tuple[dict[int, bytes], list[Finding]]:
    """Return the root at the size of each checkpoint, and those checkpoints that the log did not sign."""
    keys = list(signing.public_keys(log_keys.LOG).values())
    roots, findings = dict[int, bytes](), []
    for checkpoint in Checkpoint.objects.order_by("size").iterator():
        state = _opened(checkpoint, keys)
        if state is None:
            findings.append(Finding(checkpoint.size, "the checkpoint here is not one that the log signed"))
        else:
            roots[state.size] = state.root
    return roots, findings


def _opened(checkpoint: Checkpoint, keys: list[bytes]) -> State | None:
    """Return the state in a checkpoint, or None if the log did not sign it. keys: the public keys of the log."""
    try:
        note = Note.read(checkpoint.note)
        state = State.read(note.text)
    except NotVerified:
        return None
    message = note.text.encode()
    signatures = [value for name, _, value in note.signatures if name == state.origin]
    is_ours = any(signing.is_signed(key, message, value) for key in keys for value in signatures)
    is_this = (state.size, state.origin) == (checkpoint.size, checkpoint.origin)
    return state if is_ours and is_this else None
