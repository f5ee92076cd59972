"""Who outside is told of alerts, and every attempt to tell them: ids and codes, never a face, a name or a score."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from alerts.models.alerts import Alert
from alerts.querysets import DeliveryQuerySet
from deployments.models import Deployment


class Event(models.TextChoices):
    """What somebody outside may be told of."""

    RAISED = "alert.raised", "Possible match raised"
    REFERRED = "alert.referred", "Handed to officers"
    ESCALATED = "alert.escalated", "Nobody answered"
    EXPIRED = "alert.expired", "Not looked at in time"
    ENDED = "alert.ended", "What came of it"


class Recipient(models.Model):
    """A program that is called (https), or a mailbox. deployment: one, or nothing for every one.

    A program's secret, with which it checks who calls, lies in the key store.
    """

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", "Program (webhook)"
        EMAIL = "email", "Mailbox"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    address = models.CharField(max_length=300, help_text="An https address, or an e-mail address.")
    events = ArrayField(models.CharField(max_length=20, choices=Event.choices))
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+", null=True, blank=True)
    is_active = models.BooleanField(default=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "pk")
        permissions = (("manage_recipients", "Can say who outside is told of alerts"),)

    def __str__(self) -> str:
        return self.name

    @property
    def journal_name(self) -> str:
        return f"recipient {str(self.id)[:8]}"

    @property
    def key_name(self) -> str:
        return f"webhook-{self.id}"

    @property
    def event_labels(self) -> list[str]:
        return [str(Event(event).label) for event in self.events]


class Delivery(models.Model):
    """One message to one recipient, until it was taken or given up. body: what is sent, as it stood then."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Given up"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="deliveries")
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="+")
    event = models.CharField(max_length=20, choices=Event.choices)
    body: models.JSONField[dict[str, object], dict[str, object]] = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=200, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "pk")
        indexes = (models.Index(fields=["state", "due_at"]),)

    def __str__(self) -> str:
        return f"{self.event} to {self.recipient}"
