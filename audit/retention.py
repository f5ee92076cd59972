"""The retention of the audit log's own entries."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import Max

from audit.actions import Action
from audit.attestation import LOG
from audit.journal import record
from audit.models import Entry, Tile
from audit.tree import HASH, WIDTH, Tree
from core.machine import JournalData
from core.retention import period


@transaction.atomic
def expire(now: dt.datetime) -> int:
    """Destroy the entries whose retention has ended, oldest first, and return how many there were.

    Entries leave in whole tiles of 256, once the last of them is old enough. The hash of the subtree over them stays,
    so that everything that is left still verifies. The last tile always stays.
    """
    count = 0
    for tile in Tile.objects.select_for_update().filter(level=0).order_by("index"):
        entries = Entry.objects.filter(number__gt=tile.index * WIDTH, number__lte=(tile.index + 1) * WIDTH)
        newest = entries.aggregate(newest=Max("at"))["newest"]
        is_last = not Tile.objects.filter(level=0, index__gt=tile.index).exists()
        if is_last or newest is None or newest >= now - period("audit_log"):
            break
        data: JournalData = {
            "from": tile.index * WIDTH + 1,
            "through": tile.index * WIDTH + len(tile.hashes) // HASH,
            "subtree": Tree().node(8, tile.index).hex(),
        }
        record(Action.JOURNAL_EXPIRED, actor=LOG, target=tile, data=data)
        count += entries.delete()[0]
        tile.delete()
    return count
