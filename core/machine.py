"""State machines whose every step leaves its entry in the audit log.

A machine is a table in the module of the model it moves; `move` is the only way a state column changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import models, transaction

from core.actors import Actor
from core.errors import Conflict
from core.permissions import require

JournalData = Mapping[str, str | int | bool | None]


class Recorder(Protocol):
    """What writes an entry to the audit log, in the caller's transaction."""

    def __call__(
        self, action: Any, *, actor: Actor, target: models.Model, data: JournalData | None = None
    ) -> object: ...


class _Log:
    """The audit log, which lies a floor above: it is put in as the programs start."""

    record: Recorder | None = None


@dataclass(frozen=True)
class Step:
    """From any of `sources` to `target`, by who holds `permission` ("" for the system alone).

    action: an `audit.actions.Action`, under which the step is recorded.
    """

    sources: tuple[str, ...]
    target: str
    permission: str
    action: models.TextChoices
    system_may: bool = False


def record_with(recorder: Recorder) -> None:
    """Have every step recorded by this."""
    _Log.record = recorder


@transaction.atomic
def move(
    row: models.Model,
    step: Step,
    *,
    actor: Actor,
    changes: Mapping[str, Any] | None = None,
    data: JournalData | None = None,
) -> None:
    """Take one step, once: two who try together, one of them gets `Conflict`.

    Raises:
        PermissionDenied: the actor may not.
        Conflict: the row is not, or no longer, in a state this step starts from.
        RuntimeError: there is no audit log; nothing moves without one.
    """
    require(actor, step.permission, system_may=step.system_may)
    record = _Log.record
    if record is None:
        raise RuntimeError("there is no audit log to record this step in")
    rows = type(row)._default_manager.filter(pk=row.pk, state__in=step.sources)
    moved = rows.update(state=step.target, **(changes or {}))
    row.refresh_from_db()
    if not moved:
        state = row.get_state_display()  # type: ignore[attr-defined]
        raise Conflict(f"This cannot be done now: {row._meta.verbose_name} “{row}” is {state.lower()}.")
    record(step.action, actor=actor, target=row, data=data)
