"""What was done with an alert: one row an act, never changed."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from alerts.models.alerts import CORRECTIONS, ENDINGS, OFFICER_ACTS, OPERATOR_ACTS, OTHER_ACTS, Alert
from alerts.policy import Feature, Hindrance
from alerts.querysets import ActQuerySet

_LABELS = {
    **{name: kind.label for name, kind in {**OPERATOR_ACTS, **OFFICER_ACTS, **OTHER_ACTS}.items()},
    "code": "Coded afterwards",
    "correct": "Corrected",
}


class Act(models.Model):
    """One act on an alert, as it was done. The database refuses to change or delete it; a correction is another act.

    revision: of the alert after it. key: made by who sent it, so that one sent twice over a bad connection is one.
    done_at: when it was done; recorded_at: when it came in, later when the handset had no connection. alike, differ,
    hindrances: what a judgement rests on.
    """

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="acts")
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=16, choices=list(_LABELS.items()))
    revision = models.PositiveIntegerField()
    before = models.CharField(max_length=16, choices=Alert.State.choices)
    after = models.CharField(max_length=16, choices=Alert.State.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    done_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    alike = ArrayField(models.CharField(max_length=12, choices=Feature.choices), default=list)
    differ = ArrayField(models.CharField(max_length=12, choices=Feature.choices), default=list)
    hindrances = ArrayField(models.CharField(max_length=12, choices=Hindrance.choices), default=list)
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
        kinds = (OFFICER_ACTS.get(self.name), ENDINGS.get(self.after), CORRECTIONS.get(self.after))
        codes = next((kind.codes for kind in kinds if kind is not None and kind.codes is not None), None)
        return str(codes(self.code).label) if codes is not None and self.code else ""

    @property
    def basis(self) -> str:
        """What a judgement rests on, in words."""
        said = [f"alike: {_joined(Feature, self.alike)}"] if self.alike else []
        said += [f"differ: {_joined(Feature, self.differ)}"] if self.differ else []
        said += [_joined(Hindrance, self.hindrances)] if self.hindrances else []
        return "; ".join(said)


def _joined(choices: type[models.TextChoices], values: list[str]) -> str:
    return ", ".join(str(choices(value).label).lower() for value in values)
