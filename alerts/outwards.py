"""Telling programs and mailboxes outside of alerts.

What is to be told is written in the transaction of the act itself, so that nothing is told that did not happen and
nothing that happened is forgotten. It is sent afterwards, by a worker of its own, until it is taken: a message may
come twice (its id is the same), never not at all without the log saying so. The signature is that of Standard
Webhooks.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import logging
import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from standardwebhooks import Webhook

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
PATIENCE_S = 5.0
# After each failure; after the last it is given up, and the log says so.
WAITS = tuple(dt.timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 7200))
# A worker that has taken a message and died leaves it to the next after so long.
CLAIM = dt.timedelta(seconds=60)
BATCH = 20
# What was not taken by somebody who is there begins with this, and the status.
ANSWERED = "HTTP"
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
    if due == now:
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
    delivered = refused = 0
    for delivery in Delivery.objects.due(at or timezone.now()).select_related("recipient")[:BATCH]:
        now = at or timezone.now()
        # Claimed by the update: two workers never send one message at once, and what was put off meanwhile waits.
        if not Delivery.objects.due(now).filter(pk=delivery.pk).update(due_at=now + CLAIM):
            continue
        answer = _send(delivery)
        if answer == "":
            delivered += 1
        else:
            refused += 1
        _note(delivery, answer, at or timezone.now())
    return delivered, refused


def _send(delivery: Delivery) -> str:
    """Nothing when it was taken; otherwise why not, in words."""
    recipient = delivery.recipient
    try:
        if recipient.kind == Recipient.Kind.EMAIL:
            _message(delivery).send()
            return ""
        return _call(delivery)
    except Exception as error:
        # Whatever it is, it is this recipient's, and the others are told. Its own words may repeat what was sent.
        return type(error).__name__


def _call(delivery: Delivery) -> str:
    recipient, now = delivery.recipient, timezone.now()
    values = keys.store().values(recipient.key_name)
    if not values:
        raise keys.KeyGone("The secret is gone")
    text = json.dumps(delivery.body, separators=(",", ":"))
    headers = {
        "content-type": "application/json",
        "webhook-id": str(delivery.pk),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(values[0].decode()).sign(str(delivery.pk), now, text),
    }
    # A redirect would lead it to somebody whom nobody named.
    answer = requests.post(
        recipient.address, data=text, headers=headers, timeout=PATIENCE_S, allow_redirects=False, stream=True
    )
    answer.close()
    return "" if 200 <= answer.status_code < 300 else f"{ANSWERED} {answer.status_code}"


def _message(delivery: Delivery) -> EmailMessage:
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


@transaction.atomic
def _note(delivery: Delivery, answer: str, now: dt.datetime) -> None:
    changes: dict[str, Any] = {"attempts": delivery.attempts + 1, "answer": answer[:200]}
    if answer == "":
        changes |= {"state": Delivery.State.DELIVERED, "ended_at": now}
        data = {
            "recipient": delivery.recipient.journal_name,
            "host": _host(delivery.recipient),
            "event": delivery.event,
        }
        record(Action.ALERT_SENT, actor=SENDER, target=delivery.alert, data=data)
    elif delivery.attempts >= len(WAITS):
        changes |= {"state": Delivery.State.FAILED, "ended_at": now}
    else:
        changes["due_at"] = now + WAITS[delivery.attempts]
        if not answer.startswith(ANSWERED):
            # What else is due to who does not answer would not be taken either, and others would wait behind it.
            due = delivery.recipient.deliveries.due(now)
            due.update(due_at=changes["due_at"], attempts=F("attempts") + 1, answer=changes["answer"])
    Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING).update(**changes)


def _check_address(kind: str, address: str) -> None:
    if kind == Recipient.Kind.EMAIL:
        try:
            validate_email(address)
        except ValidationError as error:
            raise Refused("This is no e-mail address.") from error
    elif kind == Recipient.Kind.WEBHOOK:
        try:
            parts = urlsplit(address)
        except ValueError as error:
            raise Refused("This is no address of a program.") from error
        allowed = ("https", "http") if settings.IS_DEMO else ("https",)
        if parts.scheme not in allowed or not parts.hostname or parts.username or parts.password:
            raise Refused("A program’s address begins with https:// and holds no password.")
    else:
        raise Refused("Choose a program or a mailbox.")


def _host(recipient: Recipient) -> str:
    """Where it goes, without what an address may hold of a person or a token."""
    if recipient.kind == Recipient.Kind.EMAIL:
        return recipient.address.rpartition("@")[2]
    return urlsplit(recipient.address).hostname or ""
