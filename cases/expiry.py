"""The end of a case: its names, words and letters are destroyed with their key; dates and outcome stay."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from cases.content import CASE_KEY
from cases.models import Case, CaseEvent
from core import keys, retention
from core.actors import CLOCK
from core.locks import Turn, lock, take

__all__ = ["CASE_KEY", "destroy_case_key", "keys_in_use", "purge_due"]


def purge_due(*, at: dt.datetime | None = None) -> int:
    """Destroy the content of every case that is due; return how many there were."""
    due = Case.objects.due_for_purge(at or timezone.now(), retention.period("case"))
    return sum(_purge(pk) for pk in list(due.values_list("pk", flat=True)))


@transaction.atomic
def _purge(case_id: uuid.UUID) -> bool:
    case = lock(Case.objects.all(), case_id)
    if case.purged_at is not None:
        return False
    key_name = case.key_name
    events = CaseEvent.objects.filter(case=case).update(sealed=None)
    Case.objects.filter(pk=case_id).update(purged_at=timezone.now(), sealed=None, key_name="")
    record(Action.CASE_PURGED, actor=CLOCK, target=case, data={"kind": case.kind, "events": events})
    transaction.on_commit(lambda: keys.destroy(key_name))
    return True


def keys_in_use() -> set[str]:
    """Return the names of the keys of all cases that are not purged."""
    return set(Case.objects.exclude(key_name="").values_list("key_name", flat=True))


def destroy_case_key(name: str, owner: str) -> None:
    """Destroy the key of a case that was purged, or whose opening was rolled back."""
    # While a case is being opened its row is not visible yet: a key is unused only if no opening is under way.
    with transaction.atomic():
        take(Turn.CASE_NUMBER)
        if not Case.objects.filter(pk=owner, key_name=name).exists():
            keys.destroy(name)
