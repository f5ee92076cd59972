"""Acts of authority: deciding on applications, confirming and revoking. `amendments` changes their terms."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from audit.models import Entry
from core.errors import Conflict, Refused
from core.machine import JournalData, move
from core.permissions import require
from core.ranks import Rank, at_least, rank_of
from core.sockets import Event
from deployments import bluetest, documents, equality_findings, executable
from deployments.applications import problems_of
from deployments.choices import AUTHORISES, AUTHORISES_PROTEST, AUTHORISES_URGENTLY, Collateral
from deployments.events import announce
from deployments.locks import lock_deployment
from deployments.models import STEPS, Amendment, Decision, Deployment, Document
from deployments.permissions import AUTHORISE_DEPLOYMENT
from training.register import require_authorising
from watchlists.operations import refuse_names_on_file


def wrote(deployment: Deployment, user: AbstractBaseUser) -> bool:
    """Return whether a user created, changed or submitted an application, according to the audit log.

    It counts as theirs if they did so to an earlier one that it was begun from.
    """
    acts = (Action.DEPLOYMENT_CREATED, Action.DEPLOYMENT_CHANGED, Action.DEPLOYMENT_SUBMITTED)
    applications, each = [deployment], deployment.taken_from
    while each is not None:
        applications.append(each)
        each = each.taken_from
    ids = [str(application.pk) for application in applications]
    own = Entry.objects.filter(target_id__in=ids, action__in=acts, actor_id=str(user.pk))
    return any(user.pk == application.applicant_id for application in applications) or own.exists()


def refuse_writer(deployment: Deployment, actor: AbstractBaseUser) -> None:
    """Raise `Refused` if a user worked on the application that they are to decide about."""
    if wrote(deployment, actor):
        raise Refused("You worked on this application. Another authorising officer must decide on it.")


def rank_needed(deployment: Deployment) -> Rank:
    """Return the lowest rank that can authorise this application."""
    if Collateral.PROTEST in deployment.collateral:
        return AUTHORISES_PROTEST
    return AUTHORISES_URGENTLY if deployment.is_urgent else AUTHORISES


def _accepted_end(deployment: Deployment, ends_at: dt.datetime | None) -> dt.datetime:
    """Return the end of an authority, by default that of the last period, and no later than the intelligence holds.

    Raises:
        Refused: it is past, or after the last period.
    """
    last, holds = deployment.ends_at, deployment.intelligence_expires_on
    until = ends_at or last
    if until is not None and holds is not None:
        after = dt.datetime.combine(holds + dt.timedelta(days=1), dt.time(), timezone.get_current_timezone())
        until = min(until, after)
    if until is None or last is None or until <= timezone.now():
        raise Refused("The end of the authority must be in the future.")
    if until > last:
        raise Refused("The authority cannot end after the last period applied for.")
    return until


@transaction.atomic
def authorise(
    deployment: Deployment,
    *,
    reason: str,
    revision: int,
    actor: AbstractBaseUser,
    conditions: str = "",
    ends_at: dt.datetime | None = None,
) -> Document:
    """Authorise an application and return its Written Authority Document.

    ends_at: by default the end of the last period.

    Raises:
        Refused: the actor worked on the application, their rank is too low, `ends_at` is not possible, or the
            application no longer passes its checks.
        Conflict: the application is not awaiting authority, or has changed since the officer read it.
    """
    _deciding(deployment, actor, revision)
    require_authorising(actor, rank_needed(deployment))
    equality_findings.refuse_unreviewed()
    refuse_names_on_file(reason, conditions)
    problems = problems_of(deployment)
    if problems:
        raise Refused(" ".join(problems) + " Return the application to the applicant.")
    now, until = timezone.now(), _accepted_end(deployment, ends_at)
    review_due_at, decided_until = None, until
    if deployment.is_urgent and not at_least(rank_of(actor), AUTHORISES):
        review_due_at = now + settings.LFR_URGENT_REVIEW
        until = min(until, review_due_at)
    changes = {
        "authorised_by": actor,
        "authorised_rank": rank_of(actor),
        "authorised_at": now,
        "decision_reason": reason,
        "conditions": conditions,
        "authority_ends_at": until,
        "review_due_at": review_due_at,
        "decided_until": decided_until,
    }
    point = deployment.operating_point
    data: JournalData = {
        "reason": reason,
        "conditions": conditions,
        "rank": rank_of(actor),
        "revision": deployment.revision,
        "threshold": f"{point.threshold:.4f}" if point else "",
        "engine": point.engine.digest if point else "",
        "ends_at": until.isoformat(),
        "urgent": review_due_at is not None,
    }
    _decide(deployment, Decision.Kind.AUTHORISED, actor, reason, conditions)
    move(deployment, STEPS["authorise"], actor=actor, changes=changes, data=data)
    executable.sign(deployment, Amendment.AUTHORISED, actor=actor)
    return documents.make(deployment, Document.Kind.AUTHORITY)


@transaction.atomic
def give_back(deployment: Deployment, *, reason: str, revision: int, actor: AbstractBaseUser) -> None:
    """Return an application to the applicant for correction."""
    _deciding(deployment, actor, revision)
    refuse_names_on_file(reason)
    _decide(deployment, Decision.Kind.RETURNED, actor, reason)
    move(deployment, STEPS["return"], actor=actor, changes={"decision_reason": reason}, data={"reason": reason})


@transaction.atomic
def refuse(deployment: Deployment, *, reason: str, revision: int, actor: AbstractBaseUser) -> None:
    """Refuse an application. The rank that can authorise urgently is high enough."""
    _deciding(deployment, actor, revision)
    refuse_names_on_file(reason)
    _decide(deployment, Decision.Kind.REFUSED, actor, reason)
    move(deployment, STEPS["refuse"], actor=actor, changes={"decision_reason": reason}, data={"reason": reason})


@transaction.atomic
def confirm_urgent(deployment: Deployment, *, reason: str, actor: AbstractBaseUser) -> Document:
    """Confirm an urgent authority, as a Superintendent or above, so that it lasts until `decided_until`.

    Raises:
        Refused: the rank is too low, the actor worked on the application or authorised it, or no review is due.
        Conflict: the authority has ended.
    """
    require(actor, AUTHORISE_DEPLOYMENT)
    lock_deployment(deployment)
    require_authorising(actor, AUTHORISES)
    if deployment.review_due_at is None:
        raise Refused("There is no urgent authority to confirm.")
    if actor.pk == deployment.authorised_by_id or wrote(deployment, actor):
        raise Refused("You applied for this deployment or authorised it. Another officer must confirm it.")
    if not deployment.authority_holds():
        raise Conflict("This authority has ended.")
    refuse_names_on_file(reason)
    _decide(deployment, Decision.Kind.REVIEWED, actor, reason)
    deployment.review_due_at, deployment.authority_ends_at = None, deployment.decided_until
    deployment.save(update_fields=["review_due_at", "authority_ends_at"])
    data = {"reason": reason, "rank": rank_of(actor)}
    record(Action.URGENT_REVIEWED, actor=actor, target=deployment, data=data)
    executable.sign(deployment, Amendment.CONFIRMED, actor=actor)
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)
    return documents.make(deployment, Document.Kind.AUTHORITY)


@transaction.atomic
def revoke(deployment: Deployment, *, reason: str, actor: AbstractBaseUser) -> None:
    """Revoke an authority before the deployment goes live; a live deployment is stopped instead."""
    require(actor, AUTHORISE_DEPLOYMENT)
    lock_deployment(deployment)
    refuse_names_on_file(reason)
    _end_unstarted(deployment, "revoke", reason, actor)


@transaction.atomic
def cancel(deployment: Deployment, *, reason: str, actor: AbstractBaseUser) -> None:
    """Cancel a deployment before it goes live, as a user who can apply for deployments."""
    lock_deployment(deployment)
    refuse_names_on_file(reason)
    _end_unstarted(deployment, "cancel", reason, actor)


def _deciding(deployment: Deployment, actor: AbstractBaseUser, revision: int) -> None:
    require(actor, AUTHORISE_DEPLOYMENT)
    lock_deployment(deployment)
    if deployment.state != Deployment.State.SUBMITTED:
        raise Conflict(f"This application is {deployment.quoted_state}, so there is nothing to decide.")
    refuse_writer(deployment, actor)
    if deployment.revision != revision:
        raise Conflict("This application has changed since you opened it. Read it again before you decide.")
    require_authorising(actor, AUTHORISES_URGENTLY)


def _decide(
    deployment: Deployment, kind: Decision.Kind, actor: AbstractBaseUser, reason: str, conditions: str = ""
) -> None:
    if not reason.strip():
        raise Refused("Enter the reasons for your decision, including necessity and proportionality.")
    Decision.objects.create(
        deployment=deployment,
        kind=kind,
        by_id=actor.pk,
        rank=rank_of(actor),
        at=timezone.now(),
        reason=reason,
        conditions=conditions,
    )


def _end_unstarted(deployment: Deployment, step: str, reason: str, actor: AbstractBaseUser) -> None:
    if not reason.strip():
        raise Refused("Enter a reason.")
    if deployment.periods.filter(went_live_at__isnull=False).exists():
        raise Refused("Part of this deployment has already taken place. Stop it from live operations, then review it.")
    had_authority = deployment.has_authority
    bluetest.end_tests(deployment, actor=actor)
    changes = {"ended_at": timezone.now(), "end_reason": reason[:400]}
    move(deployment, STEPS[step], actor=actor, changes=changes, data={"reason": reason})
    announce(deployment.id, Event.DEPLOYMENT_ENDED, deployment.id)
    if had_authority:
        documents.make_or_leave(deployment, Document.Kind.CANCELLATION)
