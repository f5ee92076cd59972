"""Manage subscribers and send them the notifications in the outbox.

A separate worker retries each notification until it is accepted or has failed too often; the page shows which ones
failed. A notification may arrive twice, with the same id. Webhooks are signed as Standard Webhooks defines.
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
from notifications.permissions import MANAGE_SUBSCRIBERS
from notifications.querysets import DeliveryQuerySet

logger = logging.getLogger(__name__)

# The wait after each failure. After the last one the delivery fails, and the delivery log shows it.
WAITS = tuple(dt.timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 7200))
# After this time another worker may take a message whose worker has died.
CLAIM = dt.timedelta(seconds=60)
# The most messages in one round, and so the most subscribers at once.
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
    """Add a subscriber, notified from now on. Return it and its webhook secret (shown only once), or "" for email.

    Raises:
        Refused: the name or a valid topic is missing, or the address does not fit the kind.
    """
    require(actor, MANAGE_SUBSCRIBERS)
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
    """Stop or resume notifications. Those that are waiting fail, and resuming sends nothing from before it.

    Raises:
        Refused: notifications are already stopped, or already on.
    """
    require(actor, MANAGE_SUBSCRIBERS)
    now = timezone.now()
    stands = Subscriber.objects.filter(pk=subscriber.pk, is_active=not is_active)
    if not stands.update(is_active=is_active, told_from=now):
        raise Refused(f"Notifications to this subscriber are already {'on' if is_active else 'stopped'}.")
    waiting = subscriber.deliveries.filter(state=Delivery.State.WAITING)
    waiting.update(state=Delivery.State.FAILED, ended_at=now, answer="Notifications were stopped.")
    record(Action.SUBSCRIBER_CHANGED, actor=actor, target=subscriber, data={"active": is_active})


@transaction.atomic
def send_again(delivery: Delivery, *, actor: AbstractBaseUser) -> None:
    """Send a failed notification again.

    Raises:
        Refused: it has not failed, or its subscriber is stopped.
    """
    require(actor, MANAGE_SUBSCRIBERS)
    given_up = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.FAILED, subscriber__is_active=True)
    if not given_up.update(state=Delivery.State.WAITING, due_at=timezone.now(), attempts=0, ended_at=None):
        raise Refused("Only a failed notification can be sent again. If its subscriber is stopped, resume it first.")
    record(Action.SUBSCRIBER_CHANGED, actor=actor, target=delivery.subscriber, data={"again": str(delivery.pk)})


def deliver_due(*, at: dt.datetime | None = None) -> tuple[int, int]:
    """Collect new notifications and send those due. Return how many were delivered and how many were not accepted."""
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
    """Claim the deliveries that are due. Return a list for each subscriber, in order."""
    groups: dict[uuid.UUID, list[Delivery]] = {}
    busy: set[uuid.UUID] = set()
    for delivery in Delivery.objects.due(now).in_turn().select_related("subscriber")[:BATCH]:
        if delivery.subscriber_id in busy:
            continue
        # The update makes the claim, so that two workers never send one message at once and one postponed since waits.
        if Delivery.objects.due(now).filter(pk=delivery.pk).update(due_at=now + CLAIM):
            groups.setdefault(delivery.subscriber_id, []).append(delivery)
        else:
            # Another worker is sending to this subscriber. Later messages must not overtake it.
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
        # The force can supply its own key store. One key that cannot be read must not delay the other subscribers.
        logger.exception("The secret of %s could not be read", subscriber.journal_name)
        return ""


def _letter(delivery: Delivery) -> EmailMessage:
    data: Any = delivery.body["data"]
    lines = [
        f"{Topic(delivery.topic).label}: {data['number']}, response {data['tier'] or 'not set'}.",
        f"Raised at {timezone.localtime(dt.datetime.fromisoformat(data['raised_at'])):%H:%M:%S on %d %B}.",
        f"Sign in to see possible match {data['alert'][:8]}. Faces and names are never sent.",
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
    """Record the outcomes of one subscriber's messages. Unsent ones stay due, in order, with no attempt counted."""
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
            # The subscriber did not answer, so postpone everything else that is due to it as well.
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
    """Count an attempt and postpone all by the wait of the first. Deliveries with no attempts left fail."""
    tried = {"attempts": F("attempts") + 1, "answer": reason[:200]}
    deliveries.filter(attempts__gte=len(WAITS)).update(**tried, state=Delivery.State.FAILED, ended_at=now)
    if first.attempts < len(WAITS):
        deliveries.update(**tried, due_at=now + WAITS[first.attempts])


def _check_address(kind: str, address: str) -> None:
    if kind == Subscriber.Kind.EMAIL:
        try:
            validate_email(address)
        except ValidationError as error:
            raise Refused("Enter an email address in the correct format, like name@example.com.") from error
    elif kind == Subscriber.Kind.WEBHOOK:
        _check_url(address)
    else:
        raise Refused("Select webhook or email.")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        schemes = ("https", "http") if settings.IS_DEMO else ("https",)
        if parts.scheme not in schemes or not parts.hostname or parts.username or parts.password:
            raise Refused("Enter an address that starts with https:// and contains no user name or password.")
        destinations.check_at_saving(url)
    except ValueError as error:
        raise Refused("Enter a web address in the correct format, like https://records.example/alerts.") from error


def _host(subscriber: Subscriber) -> str:
    """Return the host alone, because the rest of an address may contain a person's name or a token."""
    if subscriber.kind == Subscriber.Kind.EMAIL:
        return subscriber.address.rpartition("@")[2]
    return urlsplit(subscriber.address).hostname or ""
