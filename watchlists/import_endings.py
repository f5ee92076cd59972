"""How an import ends without a person's act: it failed repeatedly, or nobody finished it in time."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from core import retention
from core.actors import CLOCK
from core.locks import lock
from core.machine import move
from watchlists.models import IMPORT_STEPS, OPEN_STATES, Import, ImportPhotograph, ImportRow

_SETTLED = (ImportRow.Verdict.ADDED, ImportRow.Verdict.WRONG)


def cancel_stale(*, at: dt.datetime | None = None) -> int:
    """Cancel every import that was not finished in time, and delete what was handed in. Returns how many."""
    period = retention.period("import")
    since = (at or timezone.now()) - period
    ids = Import.objects.filter(state__in=OPEN_STATES, created_at__lte=since).values_list("pk", flat=True)
    return sum(_cancel_stale(pk, period) for pk in ids)


@transaction.atomic
def _cancel_stale(pk: uuid.UUID, period: dt.timedelta) -> bool:
    imported = lock(Import.objects.all(), pk)
    if not imported.is_open:
        return False
    give_up(imported, f"Cancelled: the import was not finished within {retention.words(period)}.", "retention")
    return True


def give_up(imported: Import, why: str, reason: str) -> None:
    """Cancel an import for the system. why: to people, at each line that was not added. reason: for the audit log."""
    imported.rows.exclude(verdict__in=_SETTLED).update(verdict=ImportRow.Verdict.WRONG, message=why)
    forget(imported)
    data: dict[str, Any] = {"reason": reason}
    move(imported, IMPORT_STEPS["cancel"], actor=CLOCK, changes={"finished_at": timezone.now()}, data=data)


def forget(imported: Import) -> None:
    """Delete the uploaded data of a finished or cancelled import. Line numbers, references and reasons stay."""
    ImportPhotograph.objects.filter(row__of=imported).delete()
    imported.rows.update(values={})
