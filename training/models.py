"""Courses that users completed, each for one task and until a day."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Task(models.TextChoices):
    """The tasks that people are trained for, each by training of its own."""

    OPERATOR = "operator", "LFR operator"
    ENGAGEMENT = "engagement", "Engagement officer"
    COMMANDER = "commander", "Commander"
    AUTHORISING = "authorising", "Authorising officer"


class TrainingQuerySet(models.QuerySet["TrainingRecord"]):
    def valid(self, on: dt.date) -> TrainingQuerySet:
        """Return the records that were not withdrawn and whose time includes this day."""
        return self.filter(withdrawn_at__isnull=True, completed_on__lte=on, valid_until__gte=on)


class TrainingRecord(models.Model):
    """A course that a user completed. It counts until its last day, unless it is withdrawn."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="training")
    task = models.CharField(max_length=12, choices=Task.choices)
    course = models.CharField(max_length=120, help_text="Its title, and who gave it.")
    completed_on = models.DateField()
    valid_until = models.DateField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawal_reason = models.CharField(max_length=400, blank=True)

    objects = TrainingQuerySet.as_manager()

    class Meta:
        ordering = ("user__username", "task", "-valid_until", "-pk")
        permissions = (
            ("keep_training", "Can record and withdraw training"),
            ("see_training", "Can see the register of training"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(valid_until__gte=F("completed_on")), name="training_valid_for_a_time"),
            models.CheckConstraint(condition=~Q(recorded_by=F("user")), name="training_recorded_by_another"),
        )

    def __str__(self) -> str:
        return f"{self.get_task_display()}: {self.user}"

    @property
    def journal_name(self) -> str:
        return f"training record {self.pk}"

    def is_valid(self, on: dt.date) -> bool:
        return self.withdrawn_at is None and self.completed_on <= on <= self.valid_until
