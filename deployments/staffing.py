"""Posting operators and engagement officers to a deployment, and ending postings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Refused
from core.permissions import require
from core.sockets import Event
from deployments.events import announce
from deployments.locks import lock_deployment
from deployments.models import Deployment, Posting, last_day
from deployments.permissions import DECIDE_ALERT, RECORD_OUTCOME, RUN_DEPLOYMENT
from training.models import Task, TrainingRecord

_BE_POSTED = Q(groups__permissions__codename="be_posted", groups__permissions__content_type__app_label="deployments")


def postable() -> QuerySet[AbstractBaseUser]:
    """Return the active users who can be posted to deployments."""
    return get_user_model().objects.filter(_BE_POSTED, is_active=True).distinct().order_by("username")


def trained_until(users: Collection[AbstractBaseUser], day: dt.date) -> dict[Any, set[Task]]:
    """Return, by primary key, what each user may be posted for: by their role, and trained until this day."""
    today, of_role = timezone.localdate(), {DECIDE_ALERT: Task.OPERATOR, RECORD_OUTCOME: Task.ENGAGEMENT}
    records = TrainingRecord.objects.valid(today).filter(user__in=[user.pk for user in users], valid_until__gte=day)
    known = set(records.values_list("user_id", "task"))
    return {
        user.pk: {
            task
            for permission, task in of_role.items()
            if user.has_perm(permission) and (user.pk, task) in known  # type: ignore[attr-defined]
        }
        for user in users
    }


@transaction.atomic
def post(deployment: Deployment, user: AbstractBaseUser, *, team: str = "", actor: AbstractBaseUser) -> Posting:
    """Post a user to a deployment, in a team or without one. A user who is already posted changes to this team.

    Raises:
        Refused: users with their role are not posted to deployments, their training ends before the deployment, or the
            deployment is over.
    """
    require(actor, RUN_DEPLOYMENT)
    lock_deployment(deployment)
    if deployment.is_over:
        raise Refused("This deployment is over, so nobody can be posted to it.")
    if not postable().filter(pk=user.pk).exists():
        raise Refused("Only LFR operators and engagement officers can be posted to deployments.")
    until = last_day(deployment.ends_at)
    if not trained_until([user], until)[user.pk]:
        raise Refused(
            f"No training of {user} is recorded that counts until {until:%d %B %Y}, when this deployment ends. Ask "
            "the compliance officer to record it, or post somebody else."
        )
    before = deployment.postings.current().filter(user_id=user.pk).first()
    if before is not None:
        _end(before, actor)
    posting = Posting.objects.create(
        deployment=deployment, user_id=user.pk, team=team.strip(), posted_at=timezone.now(), posted_by_id=actor.pk
    )
    record(
        Action.STAFF_POSTED, actor=actor, target=deployment, data={"user": user.get_username(), "team": posting.team}
    )
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)
    return posting


@transaction.atomic
def withdraw(posting: Posting, *, actor: AbstractBaseUser) -> None:
    """End a posting. The user can no longer see the deployment."""
    require(actor, RUN_DEPLOYMENT)
    lock_deployment(posting.deployment)
    if not Posting.objects.current().filter(pk=posting.pk).exists():
        raise Refused("This posting has already ended.")
    _end(posting, actor)
    data = {"user": posting.user.get_username(), "team": posting.team}
    record(Action.STAFF_WITHDRAWN, actor=actor, target=posting.deployment, data=data)
    announce(posting.deployment_id, Event.DEPLOYMENT_CHANGED, posting.deployment_id)


def _end(posting: Posting, actor: AbstractBaseUser) -> None:
    Posting.objects.filter(pk=posting.pk).update(ended_at=timezone.now(), ended_by_id=actor.pk)
