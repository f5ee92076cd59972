"""What was done with an alert: one row an act, never changed."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from alerts.models.alerts import Alert
from alerts.policy import Feature, InconclusiveReason
from alerts.querysets import ActQuerySet
from alerts.states import CODES


class ActName(models.TextChoices):
    """The name that an act is recorded under."""

    SAME = "same", "Same person"
    NOT_SAME = "not_same", "Not the same"
    INCONCLUSIVE = "inconclusive", "Inconclusive"
    OPEN = "open", "Taken up"
    UNDO = "undo", "Taken back"
    HAND_OVER = "hand_over", "Handed over"
    ACKNOWLEDGE = "acknowledge", "On my way"
    ENGAGE = "engage", "Speaking to them"
    NOT_THEM = "not_them", "Not them"
    RELEASE = "release", "Not the person: release"
    CHECK_IDENTITY = "check_identity", "Checking identity"
    CONFIRM = "confirm", "Identity confirmed"
    ARREST = "arrest", "Arrested"
    OTHER = "other", "Other disposal"
    NO_ACTION = "no_action", "No action"
    LOST = "lost", "Not located"
    NO_ENGAGEMENT = "no_engagement", "No engagement"
    ESCALATE = "escalate", "Nobody answered"
    EXPIRE = "expire", "Not looked at in time"
    CODE = "code", "Coded afterwards"
    CORRECT = "correct", "Corrected"


# The adjudications: the only acts that say what an operator saw.
JUDGEMENTS = (ActName.SAME, ActName.NOT_SAME, ActName.INCONCLUSIVE)


class Act(models.Model):
    """One act on an alert, as it was done. The database refuses to change or delete it; a correction is another act.

    revision: of the alert after it. key: made by who sent it, so that one sent twice over a bad connection is one.
    done_at: when it was done; recorded_at: when it came in, later when the handset had no connection. alike, differ,
    reasons: what a judgement rests on.
    """

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="acts")
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=16, choices=ActName.choices)
    revision = models.PositiveIntegerField()
    before = models.CharField(max_length=16, choices=Alert.State.choices)
    after = models.CharField(max_length=16, choices=Alert.State.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    done_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    alike = ArrayField(models.CharField(max_length=12, choices=Feature.choices), default=list)
    differ = ArrayField(models.CharField(max_length=12, choices=Feature.choices), default=list)
    reasons = ArrayField(models.CharField(max_length=12, choices=InconclusiveReason.choices), default=list)
    code = models.CharField(max_length=16, blank=True)
    leaflet = models.BooleanField(null=True, help_text="Whether the leaflet was given, where that is asked.")
    reason = models.CharField(max_length=300, blank=True, help_text="Of a correction.")

    objects = ActQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        indexes = (models.Index(fields=["recorded_at"]),)

    def __str__(self) -> str:
        return f"{self.get_name_display()}: {self.alert}"

    @property
    def code_label(self) -> str:
        """The code in words."""
        return str(CODES[self.after](self.code).label) if self.code else ""

    @property
    def basis(self) -> str:
        """What a judgement rests on, in words."""
        said = [f"alike: {_joined(Feature, self.alike)}"] if self.alike else []
        said += [f"differ: {_joined(Feature, self.differ)}"] if self.differ else []
        said += [_joined(InconclusiveReason, self.reasons)] if self.reasons else []
        return "; ".join(said)


def _joined(choices: type[models.TextChoices], values: list[str]) -> str:
    return ", ".join(str(choices(value).label).lower() for value in values)
