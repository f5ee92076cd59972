"""Subscribers and the notifications to them, which hold ids and codes, never a face, a name or a score."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from alerts.models import Act, Alert
from deployments.models import Deployment
from notifications.querysets import DeliveryQuerySet


class Topic(models.TextChoices):
    """The events that a subscriber can be notified of."""

    RAISED = "alert.raised", "Possible match raised"
    REFERRED = "alert.referred", "Referred to officers"
    ESCALATED = "alert.escalated", "Not answered in time"
    EXPIRED = "alert.expired", "Not decided in time"
    ENDED = "alert.ended", "Outcome recorded"


class Subscriber(models.Model):
    """A program that is called over https, or a mailbox.

    deployment: the only one that it is notified of; None for all. told_from: events before this time are not sent. The
    secret of a webhook, with which its program checks who is calling, is in the key store.
    """

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", "Webhook"
        EMAIL = "email", "Email"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    address = models.CharField(max_length=300, help_text="An https address, or an email address.")
    topics = ArrayField(models.CharField(max_length=20, choices=Topic.choices))
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+", null=True, blank=True)
    is_active = models.BooleanField(default=True)
    told_from = models.DateTimeField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "pk")
        permissions = (
            ("manage_subscribers", "Can manage who is notified of possible matches"),
            ("see_deliveries", "Can see who is notified of possible matches, and the log of deliveries"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def journal_name(self) -> str:
        return f"subscriber {str(self.id)[:8]}"

    @property
    def key_name(self) -> str:
        return f"webhook-{self.id}"

    @property
    def topic_labels(self) -> list[str]:
        return [str(Topic(topic).label) for topic in self.topics]


class Delivery(models.Model):
    """One notification to one subscriber, and whether it was delivered.

    act: the act that it reports; None if it reports that the alert was raised. body: the content that is sent.
    happened_at: when the event was recorded. Notifications are sent in this order.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="deliveries")
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="+")
    act = models.ForeignKey(Act, on_delete=models.PROTECT, related_name="+", null=True)
    topic = models.CharField(max_length=20, choices=Topic.choices)
    body: models.JSONField[dict[str, object], dict[str, object]] = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    happened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=200, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ("happened_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=["subscriber", "act"], name="an_act_is_told_once"),
            models.UniqueConstraint(
                fields=["subscriber", "alert"], condition=models.Q(act=None), name="an_alert_is_told_once"
            ),
        )
        indexes = (models.Index(fields=["state", "due_at"]),)

    def __str__(self) -> str:
        return f"{self.topic} to {self.subscriber}"

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.WAITING

    @property
    def can_be_sent_again(self) -> bool:
        """Whether it failed and its subscriber is active."""
        return self.state == self.State.FAILED and self.subscriber.is_active
