"""Cases, what was done on them, and the times in which the force waited for somebody."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from alerts.models import Alert
from audit.actions import Action
from cases.choices import OF_OWN_DATA, CaseKind, CaseOutcome, Channel, Ground, IdentityProof, WaitFor
from cases.permissions import KEEP_CASES
from cases.querysets import CaseQuerySet
from core import retention
from core.machine import Stateful, Step
from deployments.models import Deployment


class CaseState(models.TextChoices):
    """The states of a case."""

    OPEN = "open", "In progress"
    WAITING = "waiting", "Waiting for the person"
    ANSWERED = "answered", "Answered"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Case(Stateful, models.Model):
    """A request, a complaint or a breach. Kind, dates and outcome stay; what names anybody is destroyed on the clock.

    received_at: the start of the day on which it was received; of a breach, the moment at which the force became aware
    of it. sealed: who asks and what, encrypted under `key_name` (`cases.content`). The other times are those of acts
    that a time limit asks for (`cases.time_limits`).
    """

    State = CaseState

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(unique=True)
    kind = models.CharField(max_length=16, choices=CaseKind.choices)
    state = models.CharField(max_length=12, choices=CaseState.choices, default=CaseState.OPEN)
    channel = models.CharField(max_length=16, choices=Channel.choices)
    received_at = models.DateTimeField()
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    alerts = models.ManyToManyField(Alert, related_name="cases", blank=True)

    identity_on = models.DateField(null=True, help_text="When proof of identity was received.")
    identity_proof = models.CharField(max_length=16, choices=IdentityProof.choices, blank=True)
    searched_at = models.DateTimeField(null=True, help_text="When every place was last searched.")
    acknowledged_at = models.DateTimeField(null=True)
    extended_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True, help_text="When the Commissioner was told of a breach.")
    told_at = models.DateTimeField(null=True, help_text="When the people affected by a breach were told.")

    outcome = models.CharField(max_length=16, choices=CaseOutcome.choices, blank=True)
    ground = models.CharField(max_length=16, choices=Ground.choices, blank=True)
    closed_at = models.DateTimeField(null=True)
    was_late = models.BooleanField(null=True, help_text="Once it is closed: whether a time limit was missed.")
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    key_name = models.CharField(max_length=60, blank=True)
    sealed = models.BinaryField(null=True, help_text="Encrypted: who asks, how to reach them, and what they ask.")
    purged_at = models.DateTimeField(null=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        ordering = ("-number",)
        permissions = (("keep_cases", "Can keep the cases of people who ask or complain, and of breaches"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(purged_at__isnull=True) | Q(sealed__isnull=True, key_name=""),
                name="purged_case_is_empty",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("open", "waiting"), closed_at__isnull=True, outcome="", purged_at__isnull=True)
                | Q(state="answered", closed_at__isnull=False) & ~Q(outcome="")
                | Q(state="withdrawn", closed_at__isnull=False, outcome=""),
                name="case_is_closed_with_an_outcome",
            ),
        )

    def __str__(self) -> str:
        return f"case {self.number}"

    @property
    def reference(self) -> str:
        """The number as letters give it."""
        return f"LFR/{timezone.localdate(self.received_at):%Y}/C{self.number:04d}"

    @property
    def style(self) -> str:
        """The style of the badge that shows the state."""
        styles = {CaseState.OPEN: "", CaseState.WAITING: "wait"}
        return styles.get(CaseState(self.state), "sealed")

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None

    @property
    def is_breach(self) -> bool:
        return self.kind == CaseKind.BREACH

    @property
    def is_of_own_data(self) -> bool:
        """Whether it is about the data of the person who asks."""
        return self.kind in OF_OWN_DATA

    @property
    def purge_by(self) -> dt.datetime | None:
        """When its names, words and letters are destroyed; None while it is open."""
        return self.closed_at + retention.period("case") if self.closed_at is not None else None


STEPS: Mapping[str, Step] = {
    "ask": Step((CaseState.OPEN, CaseState.WAITING), CaseState.WAITING, KEEP_CASES, Action.CASE_ASKED),
    "resume": Step((CaseState.WAITING,), CaseState.OPEN, KEEP_CASES, Action.CASE_RESUMED),
    "answer": Step((CaseState.OPEN, CaseState.WAITING), CaseState.ANSWERED, KEEP_CASES, Action.CASE_ANSWERED),
    "withdraw": Step((CaseState.OPEN, CaseState.WAITING), CaseState.WITHDRAWN, KEEP_CASES, Action.CASE_WITHDRAWN),
}
Case.steps = STEPS


class CaseEvent(models.Model):
    """Something done on a case. Its words and its letter are encrypted under the case's key.

    letter_sha256: of the letter as PDF; empty if there is none.
    """

    class Kind(models.TextChoices):
        OPENED = "opened", "Opened"
        NOTE = "note", "Note"
        IDENTITY = "identity", "Identity established"
        ASKED = "asked", "Asked the person"
        RESUMED = "resumed", "Reply received"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        EXTENDED = "extended", "Extended by two months"
        SEARCHED = "searched", "Searched"
        LINKED = "linked", "Linked"
        UNLINKED = "unlinked", "Link removed"
        REPORTED = "reported", "Commissioner told"
        TOLD = "told", "People affected told"
        CORRECTED = "corrected", "Details corrected"
        ANSWERED = "answered", "Answered"
        WITHDRAWN = "withdrawn", "Withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    sealed = models.BinaryField(null=True)
    letter_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.case}"


class Wait(models.Model):
    """A time in which the force waited for the person. ended_on: the day of the reply; None while it waits."""

    WaitFor: ClassVar = WaitFor

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="waits")
    wanted = models.CharField(max_length=16, choices=WaitFor.choices)
    asked_on = models.DateField()
    ended_on = models.DateField(null=True)

    class Meta:
        ordering = ("asked_on", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["case", "wanted"], condition=Q(ended_on__isnull=True), name="waits_once_for_each_thing"
            ),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True) | Q(ended_on__gte=models.F("asked_on")), name="a_wait_ends_later"
            ),
        )

    def __str__(self) -> str:
        return f"wait of {self.case} for {self.get_wanted_display()}"
