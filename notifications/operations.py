"""Subscribers, and sending them what the outbox holds.

A worker of its own sends each notification until it is taken. A notification may come twice, with the same id; one that
never comes is shown as given up. The signature is that of Standard Webhooks.
"""

from __future__ import annotations

import base64
import datetime as dt
import logging
import secrets
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core import keys
from core.actors import System
from core.errors import Refused
from core.permissions import require
from deployments.models import Deployment
from notifications import destinations, outbox, sending
from notifications.models import Delivery, Subscriber, Topic
from notifications.querysets import DeliveryQuerySet

logger = logging.getLogger(__name__)

MANAGE = "notifications.manage_subscribers"
# After each failure; after the last it is given up, and the log says so.
WAITS = tuple(dt.timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 7200))
# A worker that has taken a message and died leaves it to the next after so long.
CLAIM = dt.timedelta(seconds=60)
# Messages of one round, and so subscribers at once at the most.
BATCH = 50
SENDER = System("the notification worker")


@transaction.atomic
def add_subscriber(
    *,
    name: str,
    kind: str,
    address: str,
    topics: Sequence[str],
    deployment: Deployment | None = None,
    actor: AbstractBaseUser,
) -> tuple[Subscriber, str]:
    """Notify a program or a mailbox from now on. Return it, and a webhook's secret, which is shown this once.

    Raises:
        Refused: no name, no such topics, or the address is not one of its kind.
    """
    require(actor, MANAGE)
    if not name.strip() or not topics or not set(topics) <= set(Topic.values):
        raise Refused("Enter a name and select at least one topic.")
    _check_address(kind, address)
    subscriber = Subscriber.objects.create(
        name=name.strip(),
        kind=kind,
        address=address,
        topics=list(topics),
        deployment=deployment,
        told_from=timezone.now(),
        added_by_id=actor.pk,
    )
    secret = ""
    if kind == Subscriber.Kind.WEBHOOK:
        raw = secrets.token_bytes(32)
        keys.store().put(subscriber.key_name, [base64.b64encode(raw)])
        secret = f"whsec_{base64.b64encode(raw).decode()}"
    record(Action.SUBSCRIBER_ADDED, actor=actor, target=subscriber, data={"kind": kind, "host": _host(subscriber)})
    return subscriber, secret


@transaction.atomic
def set_active(subscriber: Subscriber, *, is_active: bool, actor: AbstractBaseUser) -> None:
    """Stop or resume notifications. Those that wait are given up; resuming brings back nothing old.

    Raises:
        Refused: they are stopped, or not stopped, already.
    """
    require(actor, MANAGE)
    now = timezone.now()
    stands = Subscriber.objects.filter(pk=subscriber.pk, is_active=not is_active)
    if not stands.update(is_active=is_active, told_from=now):
        raise Refused(f"Notifications to this subscriber are already {'on' if is_active else 'stopped'}.")
    waiting = subscriber.deliveries.filter(state=Delivery.State.WAITING)
    waiting.update(state=Delivery.State.FAILED, ended_at=now, answer="Notifications were stopped.")
    record(Action.SUBSCRIBER_CHANGED, actor=actor, target=subscriber, data={"active": is_active})


@transaction.atomic
def send_again(delivery: Delivery, *, actor: AbstractBaseUser) -> None:
    """Try once more to deliver what was given up.

    Raises:
        Refused: it was not given up, or its subscriber was stopped.
    """
    require(actor, MANAGE)
    given_up = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.FAILED, subscriber__is_active=True)
    if not given_up.update(state=Delivery.State.WAITING, due_at=timezone.now(), attempts=0, ended_at=None):
        raise Refused(
            "Only a notification that was given up can be sent again, and only to a subscriber that is not stopped."
        )
    record(Action.SUBSCRIBER_CHANGED, actor=actor, target=delivery.subscriber, data={"again": str(delivery.pk)})


def deliver_due(*, at: dt.datetime | None = None) -> tuple[int, int]:
    """Collect what happened, and send what is due. Return how many were delivered and how many were not taken."""
    now = at or timezone.now()
    outbox.collect(now)
    groups = _claim(now)
    if not groups:
        return 0, 0
    outcomes = sending.send([_messages(group) for group in groups])
    ended = at or timezone.now()
    for group, of_group in zip(groups, outcomes, strict=True):
        _note(group, of_group, claimed_until=now + CLAIM, now=ended)
    taken = [outcome.taken for of_group in outcomes for outcome in of_group]
    return taken.count(True), taken.count(False)


def _claim(now: dt.datetime) -> list[list[Delivery]]:
    """Claim what is due: a list for each subscriber, in order."""
    groups: dict[uuid.UUID, list[Delivery]] = {}
    busy: set[uuid.UUID] = set()
    for delivery in Delivery.objects.due(now).in_turn().select_related("subscriber")[:BATCH]:
        if delivery.subscriber_id in busy:
            continue
        # Claimed by the update: two workers never send one message at once, and what was put off meanwhile waits.
        if Delivery.objects.due(now).filter(pk=delivery.pk).update(due_at=now + CLAIM):
            groups.setdefault(delivery.subscriber_id, []).append(delivery)
        else:
            # Another worker sends to this subscriber; what comes later must not overtake it.
            busy.add(delivery.subscriber_id)
    return list(groups.values())


def _messages(group: Sequence[Delivery]) -> list[sending.Message]:
    subscriber = group[0].subscriber
    if subscriber.kind == Subscriber.Kind.EMAIL:
        return [sending.MailMessage(partial(_letter, each)) for each in group]
    secret = _secret(subscriber)
    return [sending.WebhookMessage(str(each.pk), subscriber.address, secret, each.body) for each in group]


def _secret(subscriber: Subscriber) -> str:
    try:
        values = keys.store().values(subscriber.key_name)
        return values[0].decode() if values else ""
    except Exception:
        # The store is a class of the force's own. One key that cannot be read must not keep others waiting.
        logger.exception("The secret of %s could not be read", subscriber.journal_name)
        return ""


def _letter(delivery: Delivery) -> EmailMessage:
    data: Any = delivery.body["data"]
    lines = [
        f"{Topic(delivery.topic).label}: {data['number']}, response {data['tier'] or 'not set'}.",
        f"Raised at {timezone.localtime(dt.datetime.fromisoformat(data['raised_at'])):%H:%M:%S on %d %B}.",
        f"Alert {data['alert'][:8]}. Sign in to see it. Faces and names are never sent.",
    ]
    subject = f"{Topic(delivery.topic).label} ({data['number']})"
    return EmailMessage(
        subject,
        "\n".join(lines),
        settings.DEFAULT_FROM_EMAIL,
        [delivery.subscriber.address],
        headers={"Message-ID": f"<{delivery.pk}@lfr>"},
    )


def _note(
    group: Sequence[Delivery], outcomes: Sequence[sending.Outcome], *, claimed_until: dt.datetime, now: dt.datetime
) -> None:
    """Keep what came of one subscriber's messages. What was not sent is due again, in its order and uncounted."""
    for delivery in group[len(outcomes) :]:
        unsent = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING, due_at=claimed_until)
        unsent.update(due_at=delivery.due_at)
    for delivery, outcome in zip(group, outcomes, strict=False):
        if outcome.taken:
            _note_delivered(delivery, now)
            continue
        waiting = Delivery.objects.filter(subscriber=delivery.subscriber_id, state=Delivery.State.WAITING)
        affected = Q(pk=delivery.pk)
        if not outcome.answered:
            # What else is due to a subscriber who does not answer would not be taken either.
            affected |= Q(due_at__lte=now)
        _put_off(waiting.filter(affected), delivery, outcome.reason, now)


@transaction.atomic
def _note_delivered(delivery: Delivery, now: dt.datetime) -> None:
    waiting = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING)
    waiting.update(state=Delivery.State.DELIVERED, ended_at=now, answer="", attempts=F("attempts") + 1)
    subscriber = delivery.subscriber
    data = {"subscriber": subscriber.journal_name, "host": _host(subscriber), "topic": delivery.topic}
    record(Action.ALERT_SENT, actor=SENDER, target=delivery.alert, data=data)


@transaction.atomic
def _put_off(deliveries: DeliveryQuerySet, first: Delivery, reason: str, now: dt.datetime) -> None:
    """Count an attempt, and wait as long as the first of them has to; what was tried often enough is given up."""
    tried = {"attempts": F("attempts") + 1, "answer": reason[:200]}
    deliveries.filter(attempts__gte=len(WAITS)).update(**tried, state=Delivery.State.FAILED, ended_at=now)
    if first.attempts < len(WAITS):
        deliveries.update(**tried, due_at=now + WAITS[first.attempts])


def _check_address(kind: str, address: str) -> None:
    if kind == Subscriber.Kind.EMAIL:
        try:
            validate_email(address)
        except ValidationError as error:
            raise Refused("Enter an e-mail address in the correct format, like name@example.com.") from error
    elif kind == Subscriber.Kind.WEBHOOK:
        _check_url(address)
    else:
        raise Refused("Select webhook or e-mail.")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        schemes = ("https", "http") if settings.IS_DEMO else ("https",)
        if parts.scheme not in schemes or not parts.hostname or parts.username or parts.password:
            raise Refused("Enter an address that starts with https:// and holds no password.")
        destinations.check_at_saving(url)
    except ValueError as error:
        raise Refused("Enter a web address in the correct format, like https://records.example/alerts.") from error


def _host(subscriber: Subscriber) -> str:
    """Where it goes, without what an address may hold of a person or a token."""
    if subscriber.kind == Subscriber.Kind.EMAIL:
        return subscriber.address.rpartition("@")[2]
    return urlsplit(subscriber.address).hostname or ""
