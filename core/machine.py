"""State machines that write an entry to the audit log at every step.

A machine is a table in the module of its model. A state column changes only through `move`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from django.db import models, transaction

from core.actors import Actor
from core.errors import Conflict
from core.permissions import require

JournalData = Mapping[str, str | int | bool | None]


class Recorder(Protocol):
    """A function that writes an entry to the audit log in the caller's transaction."""

    def __call__(
        self, action: Any, *, actor: Actor, target: models.Model, data: JournalData | None = None
    ) -> object: ...


class _Log:
    """The recorder of the audit log, registered by `audit` at start-up because `core` must not import `audit`."""

    record: Recorder | None = None


@dataclass(frozen=True)
class Step:
    """A step from any of `sources` to `target`.

    permission: needed by a user who takes the step; empty if only the system may. action: the `audit.actions.Action`
    that the step is recorded as. system_may: whether the system may take the step.
    """

    sources: tuple[str, ...]
    target: str
    permission: str
    action: models.TextChoices
    system_may: bool = False


class Stateful:
    """Questions that templates ask a model with a machine. Its table of steps is set beside the table.

    A template that names a state or step which does not exist would silently get nothing; tests/test_templates.py
    checks the names.
    """

    State: ClassVar[type[models.TextChoices]]
    steps: ClassVar[Mapping[str, Step]] = {}
    state: str

    @property
    def is_in(self) -> dict[str, bool]:
        """For each state, whether this is the present one: `row.is_in.live`."""
        return {value: value == self.state for value in type(self).State.values}

    @property
    def quoted_state(self) -> str:
        """The present state as pages show it, in quotation marks, for messages that begin "This deployment is"."""
        return f"“{type(self).State(self.state).label}”"

    @property
    def can(self) -> dict[str, bool]:
        """For each step, whether it starts from the present state: `row.can.cancel`. Who may take it is not asked."""
        return {name: self.state in step.sources for name, step in self.steps.items()}


def record_with(recorder: Recorder) -> None:
    """Set the function that records every step."""
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
    """Take one step, once. If two actors try at the same time, one of them gets `Conflict`.

    Raises:
        PermissionDenied: the actor may not take this step.
        Conflict: the row is not, or is no longer, in a state that this step starts from.
        RuntimeError: no audit log is registered. No state changes without one.
    """
    require(actor, step.permission, system_may=step.system_may)
    record = _Log.record
    if record is None:
        raise RuntimeError("no audit log is registered to record this step")
    rows = type(row)._default_manager.filter(pk=row.pk, state__in=step.sources)
    moved = rows.update(state=step.target, **(changes or {}))
    row.refresh_from_db()
    if not moved:
        state = row.get_state_display()  # type: ignore[attr-defined]
        raise Conflict(f"This cannot be done now. The {row._meta.verbose_name} “{row}” is “{state}”.")
    record(step.action, actor=actor, target=row, data=data)
