"""Checkpoints: the signed states of the audit log that others keep, countersign and compare."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit import journal, log_keys
from audit.actions import Action
from audit.models import Checkpoint, Entry
from audit.tree import Tree
from core import signing
from core.locks import Turn, take
from transparency.verifier import ED25519, Key, signature_line
from transparency.verifier import Checkpoint as State

LIVE_EVERY = dt.timedelta(minutes=10)
DAILY = dt.timedelta(days=1)
# After any of these, a checkpoint is made at once.
ENDS = (
    *(Action.DEPLOYMENT_ENDED, Action.DEPLOYMENT_STOPPED, Action.DEPLOYMENT_CANCELLED, Action.DEPLOYMENT_STOOD_DOWN),
    *(Action.DEPLOYMENT_CLOSED, Action.RESULTS_PUBLISHED),
)


def why_due(now: dt.datetime, *, is_live: bool) -> Checkpoint.Why | None:
    """Return why a checkpoint is due, or None. is_live: a deployment is live."""
    last = Checkpoint.objects.first()
    since = Entry.objects.filter(Q(number=None) | Q(number__gt=last.size if last is not None else 0))
    if not since.exists():
        return None
    if since.filter(action__in=ENDS).exists():
        return Checkpoint.Why.OVER
    if is_live and (last is None or now - last.at >= LIVE_EVERY):
        return Checkpoint.Why.LIVE
    return Checkpoint.Why.DAILY if last is None or now - last.at >= DAILY else None


def make(why: Checkpoint.Why) -> Checkpoint:
    """Number every committed entry and sign the state of the log; return the last checkpoint if nothing was added.

    Raises:
        KeyGone: the key of the log is missing.
    """
    journal.number_waiting()
    with transaction.atomic():
        take(Turn.CHECKPOINT)
        tree = Tree()
        before = Checkpoint.objects.filter(size=tree.size).first()
        if before is not None:
            return before
        origin = log_keys.origin()
        note = signed(State(origin, tree.size, tree.root()).text)
        return Checkpoint.objects.create(at=timezone.now(), size=tree.size, origin=origin, why=why, note=note)


def signed(text: str) -> str:
    """Return a text as a note that the log signed (signed-note). text: ends with a line feed."""
    signature = signing.sign(log_keys.LOG, text.encode())
    public = signing.public_keys(log_keys.LOG)[signature.key_id]
    return f"{text}\n{signature_line(Key.of(log_keys.origin(), ED25519, public), signature.value)}"
