"""A possible match, and what people decided about it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from alerts.querysets import AlertQuerySet
from audit.actions import Action
from audit.machine import Step
from deployments.models import Camera, Deployment
from watchlists.models import OperatingPoint, Person, Photograph


class Outcome(models.TextChoices):
    """What came of it on the street. Exactly one an alert."""

    ARREST = "arrest", "Same person: arrested"
    OTHER = "other", "Same person: other disposal"
    NO_ACTION = "no_action", "Same person: no further action"
    NOT_SAME = "not_same", "Not the same person: released"
    NOT_LOCATED = "not_located", "Not located"
    UNREVIEWED = "unreviewed", "Not looked at in time"


class OffenceClass(models.TextChoices):
    """What an arrest was for, as it is published: it outlives the alert, and is nobody's offence in particular."""

    RAPE = "rape", "Rape and serious sexual offences"
    VIOLENCE = "violence", "Violence"
    ROBBERY = "robbery", "Robbery"
    BURGLARY = "burglary", "Burglary and theft"
    DRUGS = "drugs", "Drugs"
    WEAPONS = "weapons", "Weapons"
    WARRANT = "warrant", "Outstanding warrant"
    RECALL = "recall", "Recall to prison"
    BREACH = "breach", "Breach of an order or of bail"
    OTHER = "other", "Another offence"


class Alert(models.Model):
    """One face at one camera that came near one person's photograph. It is a possible match until a human decides.

    The row outlives its content: the purge takes the face, the person, the score and the box, and leaves what is
    counted. Steps: STEPS.
    """

    class State(models.TextChoices):
        RAISED = "raised", "Possible match"
        UNSURE = "unsure", "Unsure"
        REFERRED = "referred", "Judged the same person"
        DISMISSED = "dismissed", "Judged not the same"
        CONCLUDED = "concluded", "Concluded"
        # Of consenting staff on the blue list: a class of its own, decided by nobody and in no public count.
        BLUE = "blue", "Recognition test"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="alerts")
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="alerts")
    operating_point = models.ForeignKey(OperatingPoint, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=State.choices, default=State.RAISED)
    raised_at = models.DateTimeField()
    received_at = models.DateTimeField(help_text="When the frame came in.")
    frame_number = models.PositiveBigIntegerField()

    track = models.CharField(max_length=32, blank=True)
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, related_name="+")
    photograph = models.ForeignKey(Photograph, on_delete=models.SET_NULL, null=True, related_name="+")
    probe_jpeg = models.BinaryField(null=True)
    box: models.JSONField[list[float] | None, list[float] | None] = models.JSONField(null=True)
    score = models.FloatField(null=True)

    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)
    offence_class = models.CharField(max_length=12, choices=OffenceClass.choices, blank=True)
    outcome_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    outcome_at = models.DateTimeField(null=True)
    purged_at = models.DateTimeField(null=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ("-raised_at",)
        permissions = (
            ("watch_alerts", "Can see possible matches"),
            ("decide_alert", "Can decide possible matches"),
            ("record_outcome", "Can record outcomes"),
        )
        constraints = (
            models.UniqueConstraint(fields=["camera", "track", "person"], name="once_a_person_and_track"),
            models.CheckConstraint(
                condition=models.Q(purged_at__isnull=True)
                | models.Q(
                    probe_jpeg__isnull=True, score__isnull=True, box__isnull=True, person__isnull=True, track=""
                ),
                name="purged_means_empty",
            ),
        )
        indexes = (models.Index(fields=["deployment", "raised_at"]),)

    def __str__(self) -> str:
        return f"alert {str(self.id)[:8]}"

    @property
    def is_open(self) -> bool:
        """Still waiting for a decision."""
        return self.state in (self.State.RAISED, self.State.UNSURE)


_S = Alert.State
_DECIDE = "alerts.decide_alert"

# Every decision is a human's: no step here is the system's.
STEPS: dict[str, Step] = {
    "same": Step((_S.RAISED, _S.UNSURE), _S.REFERRED, _DECIDE, Action.ALERT_DECIDED),
    "not_same": Step((_S.RAISED, _S.UNSURE), _S.DISMISSED, _DECIDE, Action.ALERT_DECIDED),
    "unsure": Step((_S.RAISED,), _S.UNSURE, _DECIDE, Action.ALERT_DECIDED),
    "write_off": Step(
        (_S.RAISED, _S.UNSURE, _S.REFERRED), _S.CONCLUDED, "deployments.run_deployment", Action.ALERT_OUTCOME
    ),
    "conclude": Step((_S.REFERRED,), _S.CONCLUDED, "alerts.record_outcome", Action.ALERT_OUTCOME),
}
