"""Telling programs and mailboxes outside of alerts.

What is to be told is written in the transaction of the act itself, so that nothing is told that did not happen and
nothing that happened is forgotten. It is sent afterwards, by a worker of its own, until it is taken: a message may
come twice (its id is the same), never not at all without the log saying so. The signature is that of Standard
Webhooks.
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

from alerts import destinations, sending
from alerts.models import Alert, Delivery, Event, Recipient
from alerts.querysets import DeliveryQuerySet
from audit.actions import Action
from audit.errors import Refused
from audit.journal import System, record
from audit.machine import require
from deployments.models import Deployment
from watchlists import keys

logger = logging.getLogger(__name__)

MANAGE = "alerts.manage_recipients"
# After each failure; after the last it is given up, and the log says so.
WAITS = tuple(dt.timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 7200))
# A worker that has taken a message and died leaves it to the next after so long.
CLAIM = dt.timedelta(seconds=60)
# Messages of one round, and so recipients at once at the most.
BATCH = 50
SENDER = System("the messenger")


@transaction.atomic
def add_recipient(
    *,
    name: str,
    kind: str,
    address: str,
    events: Sequence[str],
    deployment: Deployment | None = None,
    actor: AbstractBaseUser,
) -> tuple[Recipient, str]:
    """A program or a mailbox that is told from now on, and the program's secret: it is shown this once.

    Raises:
        Refused: no such events, or the address is none of its kind.
    """
    require(actor, MANAGE)
    if not name.strip() or not events or not set(events) <= set(Event.values):
        raise Refused("Say who it is, and of what they are told.")
    _check_address(kind, address)
    recipient = Recipient.objects.create(
        name=name.strip(),
        kind=kind,
        address=address,
        events=list(events),
        deployment=deployment,
        added_by_id=actor.pk,
    )
    secret = ""
    if kind == Recipient.Kind.WEBHOOK:
        raw = secrets.token_bytes(32)
        keys.store().put(recipient.key_name, [base64.b64encode(raw)])
        secret = f"whsec_{base64.b64encode(raw).decode()}"
    record(Action.RECIPIENT_ADDED, actor=actor, target=recipient, data={"kind": kind, "host": _host(recipient)})
    return recipient, secret


@transaction.atomic
def set_active(recipient: Recipient, *, is_active: bool, actor: AbstractBaseUser) -> None:
    """Stop telling somebody, or go on. What is waiting for them is given up: going on brings back nothing old."""
    require(actor, MANAGE)
    changed = Recipient.objects.filter(pk=recipient.pk, is_active=not is_active).update(is_active=is_active)
    if not changed:
        raise Refused("That is how it stands already.")
    waiting = recipient.deliveries.filter(state=Delivery.State.WAITING)
    waiting.update(state=Delivery.State.FAILED, ended_at=timezone.now(), answer="No longer told.")
    record(Action.RECIPIENT_CHANGED, actor=actor, target=recipient, data={"active": is_active})


@transaction.atomic
def send_again(delivery: Delivery, *, actor: AbstractBaseUser) -> None:
    """Try once more what was given up."""
    require(actor, MANAGE)
    given_up = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.FAILED, recipient__is_active=True)
    if not given_up.update(state=Delivery.State.WAITING, due_at=timezone.now(), attempts=0, ended_at=None):
        raise Refused("This was delivered, is still being tried, or its recipient is no longer told.")
    record(Action.RECIPIENT_CHANGED, actor=actor, target=delivery.recipient, data={"again": str(delivery.pk)})


def tell(alert: Alert, event: Event) -> None:
    """Part of an act: who is to be told of it will be, but of a judgement not as long as it may be taken back."""
    if alert.kind != Alert.Kind.ALERT:
        return
    told = Recipient.objects.filter(is_active=True, events__contains=[event])
    now = timezone.now()
    due = max(now, alert.undo_until() or now)
    if due == now and event != Event.RAISED:
        # In their order: what waited for this is told first.
        _untold(alert).filter(due_at__gt=now).update(due_at=now)
    deliveries = [
        Delivery(recipient=each, alert=alert, event=event, body=_body(alert, event, now), created_at=now, due_at=due)
        for each in told
        if each.deployment_id in (None, alert.deployment_id)
    ]
    Delivery.objects.bulk_create(deliveries)


def withdraw(alert: Alert) -> None:
    """Part of taking a judgement back: what was to be told of it, and has not been tried, is not told."""
    _untold(alert).filter(event__in=(Event.REFERRED, Event.ESCALATED, Event.ENDED)).delete()


def _untold(alert: Alert) -> DeliveryQuerySet:
    return Delivery.objects.filter(alert=alert, state=Delivery.State.WAITING, attempts=0)


def _body(alert: Alert, event: Event, now: dt.datetime) -> dict[str, object]:
    return {
        "type": event.value,
        "timestamp": now.isoformat(),
        "data": {
            "alert": str(alert.pk),
            "deployment": str(alert.deployment_id),
            "number": alert.deployment.number,
            "state": alert.state,
            "tier": alert.tier,
            "code": alert.code,
            "revision": alert.revision,
            "raised_at": alert.raised_at.isoformat(),
        },
    }


def deliver_due(*, at: dt.datetime | None = None) -> tuple[int, int]:
    """Send what is due; (delivered, not taken)."""
    now = at or timezone.now()
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
    """Claim what is due: a list for each recipient, in order."""
    groups: dict[uuid.UUID, list[Delivery]] = {}
    busy: set[uuid.UUID] = set()
    for delivery in Delivery.objects.due(now).in_turn().select_related("recipient")[:BATCH]:
        if delivery.recipient_id in busy:
            continue
        # Claimed by the update: two workers never send one message at once, and what was put off meanwhile waits.
        if Delivery.objects.due(now).filter(pk=delivery.pk).update(due_at=now + CLAIM):
            groups.setdefault(delivery.recipient_id, []).append(delivery)
        else:
            # Another worker sends to this recipient; what comes later must not overtake it.
            busy.add(delivery.recipient_id)
    return list(groups.values())


def _messages(group: Sequence[Delivery]) -> list[sending.Message]:
    recipient = group[0].recipient
    if recipient.kind == Recipient.Kind.EMAIL:
        return [sending.MailMessage(partial(_letter, each)) for each in group]
    secret = _secret(recipient)
    return [sending.WebhookMessage(str(each.pk), recipient.address, secret, each.body) for each in group]


def _secret(recipient: Recipient) -> str:
    try:
        values = keys.store().values(recipient.key_name)
        return values[0].decode() if values else ""
    except Exception:
        # The store is a class of the force's own. One key that cannot be read must not keep others waiting.
        logger.exception("The secret of %s could not be read", recipient.journal_name)
        return ""


def _letter(delivery: Delivery) -> EmailMessage:
    data: Any = delivery.body["data"]
    lines = [
        f"{Event(delivery.event).label}: {data['number']}, response {data['tier'] or 'not said'}.",
        f"Raised at {timezone.localtime(dt.datetime.fromisoformat(data['raised_at'])):%H:%M:%S on %d %B}.",
        f"Alert {data['alert'][:8]}. Open the system to see it; faces and names are never sent.",
    ]
    subject = f"{Event(delivery.event).label} ({data['number']})"
    return EmailMessage(
        subject,
        "\n".join(lines),
        settings.DEFAULT_FROM_EMAIL,
        [delivery.recipient.address],
        headers={"Message-ID": f"<{delivery.pk}@lfr>"},
    )


def _note(
    group: Sequence[Delivery], outcomes: Sequence[sending.Outcome], *, claimed_until: dt.datetime, now: dt.datetime
) -> None:
    """Keep what came of one recipient's messages. What was not sent is due again, in its order and uncounted."""
    for delivery in group[len(outcomes) :]:
        unsent = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING, due_at=claimed_until)
        unsent.update(due_at=delivery.due_at)
    for delivery, outcome in zip(group, outcomes, strict=False):
        if outcome.taken:
            _note_delivered(delivery, now)
            continue
        waiting = Delivery.objects.filter(recipient=delivery.recipient_id, state=Delivery.State.WAITING)
        affected = Q(pk=delivery.pk)
        if not outcome.answered:
            # What else is due to a recipient who does not answer would not be taken either.
            affected |= Q(due_at__lte=now)
        _put_off(waiting.filter(affected), delivery, outcome.reason, now)


@transaction.atomic
def _note_delivered(delivery: Delivery, now: dt.datetime) -> None:
    waiting = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING)
    waiting.update(state=Delivery.State.DELIVERED, ended_at=now, answer="", attempts=F("attempts") + 1)
    recipient = delivery.recipient
    data = {"recipient": recipient.journal_name, "host": _host(recipient), "event": delivery.event}
    record(Action.ALERT_SENT, actor=SENDER, target=delivery.alert, data=data)


@transaction.atomic
def _put_off(deliveries: DeliveryQuerySet, first: Delivery, reason: str, now: dt.datetime) -> None:
    """Count an attempt, and wait as long as the first of them has to; what was tried often enough is given up."""
    tried = {"attempts": F("attempts") + 1, "answer": reason[:200]}
    deliveries.filter(attempts__gte=len(WAITS)).update(**tried, state=Delivery.State.FAILED, ended_at=now)
    if first.attempts < len(WAITS):
        deliveries.update(**tried, due_at=now + WAITS[first.attempts])


def _check_address(kind: str, address: str) -> None:
    if kind == Recipient.Kind.EMAIL:
        try:
            validate_email(address)
        except ValidationError as error:
            raise Refused("This is no e-mail address.") from error
    elif kind == Recipient.Kind.WEBHOOK:
        _check_url(address)
    else:
        raise Refused("Choose a program or a mailbox.")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        schemes = ("https", "http") if settings.IS_DEMO else ("https",)
        if parts.scheme not in schemes or not parts.hostname or parts.username or parts.password:
            raise Refused("A program’s address begins with https:// and holds no password.")
        destinations.check_at_saving(url)
    except ValueError as error:
        raise Refused("This is no address of a program.") from error


def _host(recipient: Recipient) -> str:
    """Where it goes, without what an address may hold of a person or a token."""
    if recipient.kind == Recipient.Kind.EMAIL:
        return recipient.address.rpartition("@")[2]
    return urlsplit(recipient.address).hostname or ""
