"""Acts on the register of training, and the check that a person is trained for what they are about to do."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.permissions import require
from core.ranks import Rank, require_rank
from training.models import Task, TrainingRecord
from training.permissions import KEEP_TRAINING

# How long before its end training is shown as ending.
NOTICE = dt.timedelta(days=28)
# A course longer ago, or one that counts for longer, is a slip in the date.
LONGEST = dt.timedelta(days=366 * 5)


@transaction.atomic
def record_training(
    user: AbstractBaseUser,
    *,
    task: str,
    course: str,
    completed_on: dt.date,
    valid_until: dt.date,
    actor: AbstractBaseUser,
) -> TrainingRecord:
    """Record that a user completed a course, and until when it counts.

    Raises:
        Refused: something is missing, a date is not possible, or the actor records their own training.
    """
    require(actor, KEEP_TRAINING)
    today = timezone.localdate()
    if task not in Task.values or not course.strip():
        raise Refused("Select what the person is trained for, and enter the course.")
    if user.pk == actor.pk:
        raise Refused("You cannot record your own training. Another person must record it.")
    if not today - LONGEST <= completed_on <= today:
        raise Refused("Enter the day on which the course was completed: today or within the last five years.")
    if not today <= valid_until <= completed_on + LONGEST:
        raise Refused("Enter the last day on which the training counts: today or later, five years after it at most.")
    made = TrainingRecord.objects.create(
        user_id=user.pk,
        task=task,
        course=course.strip()[:120],
        completed_on=completed_on,
        valid_until=valid_until,
        recorded_by_id=actor.pk,
    )
    data = {"user": user.get_username(), "task": task, "course": made.course, "until": valid_until.isoformat()}
    record(Action.TRAINING_RECORDED, actor=actor, target=made, data=dict(data))
    return made


@transaction.atomic
def withdraw_training(training: TrainingRecord, *, reason: str, actor: AbstractBaseUser) -> None:
    """Withdraw a record, so that it no longer counts.

    Raises:
        Refused: no reason is given. Conflict: it is withdrawn already.
    """
    require(actor, KEEP_TRAINING)
    if not reason.strip():
        raise Refused("Enter why this training no longer counts.")
    rows = TrainingRecord.objects.filter(pk=training.pk, withdrawn_at__isnull=True)
    given: dict[str, Any] = {"withdrawn_by_id": actor.pk, "withdrawn_at": timezone.now()}
    if not rows.update(**given, withdrawal_reason=reason.strip()[:400]):
        raise Conflict("This training has already been withdrawn.")
    # The reason stays in the register: it may say something about a person's health.
    data = {"user": training.user.get_username(), "task": training.task}
    record(Action.TRAINING_WITHDRAWN, actor=actor, target=training, data=dict(data))


def is_trained(user: AbstractBaseUser, task: Task, on: dt.date | None = None) -> bool:
    """Return whether a user's training for a task counts on a day, today by default."""
    records = TrainingRecord.objects.filter(user_id=user.pk, task=task)
    return records.valid(on or timezone.localdate()).exists()


def require_trained(user: AbstractBaseUser, task: Task, on: dt.date | None = None) -> None:
    """Raise `Refused` unless a user's training for a task counts on a day, today by default."""
    if not is_trained(user, task, on):
        when = "today" if on is None else f"on {on:%d %B %Y}"
        raise Refused(
            f"No training as {_with_article(task)} is recorded for you that counts {when}. Ask the compliance officer "
            "to record it."
        )


def require_authorising(actor: AbstractBaseUser, rank: Rank) -> None:
    """Raise `Refused` unless a user holds this rank or a higher one, and is trained as an authorising officer."""
    require_rank(actor, rank)
    require_trained(actor, Task.AUTHORISING)


def _with_article(task: Task) -> str:
    name = str(task.label)
    name = name if name.startswith("LFR") else name[0].lower() + name[1:]
    return f"a {name}" if name.startswith("c") else f"an {name}"
