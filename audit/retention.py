"""The retention of the audit log's own entries."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.db.models import Max, QuerySet

from audit.actions import Action
from audit.attestation import LOG
from audit.journal import record
from audit.models import Entry, Tile
from audit.tree import HEIGHT, WIDTH, Tree
from core.machine import JournalData
from core.retention import period

logger = logging.getLogger(__name__)


def expire(now: dt.datetime) -> int:
    """Destroy the entries whose retention has ended, oldest first, and return how many there were.

    Entries leave in whole tiles of 256, once the newest of them is old enough. Their hashes stay, so that everything
    that is left still verifies.
    """
    count = 0
    while destroyed := _expire_first(now):
        count += destroyed
    return count


@transaction.atomic
def _expire_first(now: dt.datetime) -> int:
    first = Entry.objects.exclude(number=None).order_by("number").first()
    if first is None or first.number is None:
        return 0
    index, before = divmod(first.number - 1, WIDTH)
    entries = _of_tile(index)
    newest = entries.aggregate(newest=Max("at"))["newest"]
    if newest >= now - period("audit_log"):
        return 0
    if before or entries.count() != WIDTH:
        if Entry.objects.filter(number__gt=(index + 1) * WIDTH).exists():
            logger.error("No entry of the audit log can be destroyed: entries are missing around %d", first.number)
        return 0
    data: JournalData = {
        "from": first.number,
        "through": (index + 1) * WIDTH,
        "subtree": Tree().node(HEIGHT, index).hex(),
    }
    record(Action.JOURNAL_EXPIRED, actor=LOG, target=Tile.objects.get(level=0, index=index), data=data)
    return entries.delete()[0]


def _of_tile(index: int) -> QuerySet[Entry]:
    return Entry.objects.filter(number__gt=index * WIDTH, number__lte=(index + 1) * WIDTH)
