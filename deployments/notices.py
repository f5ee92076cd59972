"""Public notice: recorded with where and when it was published, and long enough before the cameras are on."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.machine import move
from core.permissions import require
from core.ranks import rank_of
from core.sockets import Event
from deployments.authority import rank_needed, refuse_writer
from deployments.events import announce
from deployments.locks import lock_deployment
from deployments.models import STEPS, Deployment, NoticeExemption, PublicNotice
from deployments.permissions import AUTHORISE_DEPLOYMENT, RUN_DEPLOYMENT
from training.register import require_authorising
from watchlists.operations import refuse_names_on_file

# A publication longer ago is a slip in the date, which would pass the lead time unseen.
OLDEST = dt.timedelta(days=90)


@transaction.atomic
def give_notice(
    deployment: Deployment, *, channel: str, address: str, published_at: dt.datetime | None, actor: AbstractBaseUser
) -> PublicNotice:
    """Record a publication of the notice; the first one moves an authorised deployment on.

    Raises:
        Refused: something is missing, or the time is in the future. Conflict: no authority is in force.
    """
    require(actor, RUN_DEPLOYMENT)
    lock_deployment(deployment)
    if not deployment.authority_holds():
        raise Conflict("This deployment has no authority in force.")
    if channel not in PublicNotice.Channel.values or not address.strip() or published_at is None:
        raise Refused("Enter how, where and when the notice was published.")
    if timezone.now() - published_at > OLDEST:
        raise Refused(f"Check the year: this is more than {OLDEST.days} days ago.")
    if published_at > timezone.now():
        raise Refused("Record the notice once it is published. This time is in the future.")
    refuse_names_on_file(address)
    made = PublicNotice.objects.create(
        deployment=deployment,
        channel=channel,
        address=address.strip()[:300],
        published_at=published_at,
        recorded_by_id=actor.pk,
    )
    data = {"channel": channel, "address": made.address, "published": published_at.isoformat()}
    if deployment.state == Deployment.State.AUTHORISED:
        move(deployment, STEPS["notify"], actor=actor, changes={"notified_at": timezone.now()}, data=dict(data))
    else:
        record(Action.NOTICE_RECORDED, actor=actor, target=deployment, data=dict(data))
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)
    return made


@transaction.atomic
def exempt(deployment: Deployment, *, reason: str, actor: AbstractBaseUser) -> NoticeExemption:
    """Decide, for a critical threat, that the notice need not be published in advance. It must still be published.

    The public pages show the reason at once, instead of the place; whoever gives it is told so.

    Raises:
        Refused: the rank is too low, the actor worked on the application, or no reason is given.
        Conflict: no authority is in force, or it is exempt already.
    """
    require(actor, AUTHORISE_DEPLOYMENT)
    lock_deployment(deployment)
    if not deployment.authority_holds() or NoticeExemption.objects.filter(deployment=deployment).exists():
        raise Conflict("This deployment is already exempt, or has no authority in force.")
    refuse_writer(deployment, actor)
    require_authorising(actor, rank_needed(deployment))
    if not reason.strip():
        raise Refused("Enter the critical threat, and why notice cannot be given in time.")
    refuse_names_on_file(reason)
    rank = str(rank_of(actor))
    made = NoticeExemption.objects.create(deployment=deployment, reason=reason.strip(), by_id=actor.pk, rank=rank)
    data = {"reason": made.reason, "rank": rank}
    record(Action.NOTICE_EXEMPTED, actor=actor, target=deployment, data=data)
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)
    return made
