"""Acts on alerts: one row for each act, never changed."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from alerts.choices import Feature, InconclusiveReason
from alerts.models.alerts import Alert
from alerts.querysets import ActQuerySet
from alerts.states import CODES, ActName


class Act(models.Model):
    """One act on an alert. The database refuses to change or delete it; a correction is another act.

    revision: the alert's, after the act. key: chosen by the sender, so that an act sent twice over a bad connection is
    recorded once. done_at: when it was done. recorded_at: when it was received, which is later if the handset had no
    connection. alike, differ, reasons: the basis of an adjudication.
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
    leaflet = models.BooleanField(null=True, help_text="Whether the leaflet was given, if the act asks for that.")
    reason = models.CharField(max_length=300, blank=True, help_text="The reason for a correction.")

    objects = ActQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        indexes = (models.Index(fields=["recorded_at"]),)

    def __str__(self) -> str:
        return f"{self.get_name_display()}: {self.alert}"

    @property
    def code_label(self) -> str:
        """The label of the code."""
        return str(CODES[self.after](self.code).label) if self.code else ""

    @property
    def words(self) -> str:
        """The act in words: its name, its code, and whether the leaflet was given."""
        told = str(self.get_name_display())
        if self.name in (ActName.CODE, ActName.CORRECT):
            told += f": {str(self.get_after_display()).lower()}"
        if self.code:
            told += f" ({self.code_label.lower()})"
        if self.leaflet is not None:
            told += f", leaflet {'given' if self.leaflet else 'not given'}"
        return told

    @property
    def by_words(self) -> str:
        """The person who did it, or the system."""
        return "the system" if self.by is None else self.by.get_full_name() or str(self.by)

    @property
    def basis(self) -> str:
        """The basis of an adjudication, in words."""
        parts = [f"alike: {_joined(Feature, self.alike)}"] if self.alike else []
        parts += [f"differ: {_joined(Feature, self.differ)}"] if self.differ else []
        parts += [_joined(InconclusiveReason, self.reasons)] if self.reasons else []
        return "; ".join(parts)


def _joined(choices: type[models.TextChoices], values: list[str]) -> str:
    return ", ".join(str(choices(value).label).lower() for value in values)
