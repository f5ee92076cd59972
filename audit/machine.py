"""State machines whose every step leaves its journal row.

A machine is a table in the module of the model it moves; `move` is the only way a state column changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import models, transaction

from audit.actions import Action
from audit.errors import Conflict
from audit.journal import Actor, JournalData, System, record


@dataclass(frozen=True)
class Step:
    """From any of `sources` to `target`, by who holds `permission` ("" for the system alone)."""

    sources: tuple[str, ...]
    target: str
    permission: str
    action: Action
    system_may: bool = False


def require(actor: Actor, permission: str, *, system_may: bool = False) -> None:
    """Raise `PermissionDenied` unless the actor may."""
    if isinstance(actor, System):
        allowed = system_may
    else:
        allowed = bool(permission) and actor.is_active and _has_permission(actor, permission)
    if not allowed:
        raise PermissionDenied(f"{actor} may not do this ({permission or 'the system only'})")


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
    """
    require(actor, step.permission, system_may=step.system_may)
    rows = type(row)._default_manager.filter(pk=row.pk, state__in=step.sources)
    moved = rows.update(state=step.target, **(changes or {}))
    row.refresh_from_db()
    if not moved:
        state = row.get_state_display()  # type: ignore[attr-defined]
        raise Conflict(f"This cannot be done now: {row._meta.verbose_name} “{row}” is {state.lower()}.")
    record(step.action, actor=actor, target=row, data=data)


def _has_permission(actor: Any, permission: str) -> bool:
    return bool(actor.has_perm(permission))
