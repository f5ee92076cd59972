"""Evidence on an engine's fairness: measured figures of each group, or a risk that somebody answers for until a day."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from recognition.statistics import percent, wilson
from watchlists.models.engines import Engine


class BiasEvidenceQuerySet(models.QuerySet["BiasEvidence"]):
    def in_force(self, engine: Engine, on: dt.date) -> BiasEvidenceQuerySet:
        """Return the evidence on this engine that is countersigned and neither withdrawn nor expired on that day."""
        found = self.filter(engine=engine, countersigned_at__isnull=False, withdrawn_at__isnull=True)
        return found.filter(expires_on__gte=on)

    def as_of(self, engine: Engine, moment: dt.datetime) -> BiasEvidenceQuerySet:
        """Return the evidence on this engine that was in force at a moment, whatever happened since."""
        found = self.filter(engine=engine, countersigned_at__lte=moment, expires_on__gte=timezone.localdate(moment))
        return found.filter(Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gt=moment))

    def covering(self, threshold: float) -> BiasEvidenceQuerySet:
        """Return the evidence whose range includes this threshold, measured evidence before accepted risks."""
        found = self.filter(lowest_threshold__lte=threshold, highest_threshold__gte=threshold)
        return found.order_by("kind", "-recorded_at")


class BiasEvidence(models.Model):
    """Evidence on how an engine performs by ethnicity, sex and age, within a range of thresholds.

    The public sector equality duty is the force's own (Bridges [2020] EWCA Civ 1058, paragraphs 199 to 201). Without
    an entry in force for the engine at a threshold, nothing is authorised at it. An entry has figures for each group
    (`groups`), or it is a risk acceptance. A compliance officer records it, the senior responsible owner countersigns
    it, and it changes only when withdrawn.
    """

    class Kind(models.TextChoices):
        # In this order: measured evidence is preferred.
        MEASURED = "measured", "Measured by group"
        RISK = "risk", "Risk acceptance: nothing was measured"

    class Independence(models.TextChoices):
        INDEPENDENT = "independent", "Independent of the force and of the supplier"
        FORCE = "force", "The force itself"
        SUPPLIER = "supplier", "The supplier of the system or of a model"

    engine = models.ForeignKey(Engine, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    title = models.CharField(max_length=200)
    laboratory = models.CharField("measured by", max_length=200, blank=True)
    independence = models.CharField(max_length=12, choices=Independence.choices, blank=True)
    finding = models.TextField(
        help_text="What was found, in one or two sentences, or why the risk is accepted and what limits it."
    )
    lowest_threshold = models.FloatField()
    highest_threshold = models.FloatField()
    file = models.BinaryField(null=True, editable=False)
    file_name = models.CharField(max_length=200, blank=True, editable=False)
    file_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    expires_on = models.DateField("to be renewed by")
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    recorded_at = models.DateTimeField(auto_now_add=True)
    countersigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    countersigned_at = models.DateTimeField(null=True, editable=False)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    withdrawn_at = models.DateTimeField(null=True, editable=False)

    objects = BiasEvidenceQuerySet.as_manager()

    class Meta:
        ordering = ("-recorded_at",)
        verbose_name_plural = "bias evidence"
        permissions = (
            ("keep_evidence", "Can record and withdraw evidence on the engine's fairness"),
            ("countersign_evidence", "Can countersign evidence on the engine's fairness and risk acceptances"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(
                    lowest_threshold__gt=0, highest_threshold__lt=1, lowest_threshold__lte=F("highest_threshold")
                ),
                name="evidence_range_between_0_and_1",
                violation_error_message="Both thresholds must be between 0 and 1, the lowest first.",
            ),
            models.CheckConstraint(
                condition=~Q(kind="measured") | (~Q(laboratory="") & ~Q(independence="") & ~Q(file_sha256="")),
                name="measured_evidence_names_laboratory_and_file",
            ),
            models.CheckConstraint(
                condition=Q(countersigned_by__isnull=True) | ~Q(countersigned_by=F("recorded_by")),
                name="evidence_countersigned_by_another",
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def journal_name(self) -> str:
        return f"evidence {self.pk}"

    @property
    def is_risk(self) -> bool:
        """Whether nothing was measured."""
        return self.kind == self.Kind.RISK

    @property
    def range_words(self) -> str:
        return f"{self.lowest_threshold:.3f} to {self.highest_threshold:.3f}"

    @property
    def words(self) -> str:
        """The entry in one sentence, for every page and document that describes a deployment on it."""
        until = f"{self.expires_on:%d %B %Y}".lstrip("0")
        owner = self.countersigned_by
        by = f"countersigned by {owner.get_full_name() or owner}" if owner is not None else "not countersigned"
        if self.is_risk:
            return (
                f"Risk acceptance until {until}, {by}, for thresholds of {self.range_words}: {self.finding} How this "
                "engine performs by ethnicity, sex and age was not measured."
            )
        return (
            f"{self.title}: measured by {self.laboratory} ({self.get_independence_display().lower()}), for thresholds "
            f"of {self.range_words}, {by}, to be renewed by {until}. SHA-256 of the report: {self.file_sha256}."
        )


class EvidenceGroup(models.Model):
    """The figures of one group: volunteers on a list who were searched for, and people who were on none."""

    class Characteristic(models.TextChoices):
        ETHNICITY = "ethnicity", "Ethnicity"
        SEX = "sex", "Sex"
        AGE = "age", "Age"

    evidence = models.ForeignKey(BiasEvidence, on_delete=models.CASCADE, related_name="groups")
    characteristic = models.CharField(max_length=12, choices=Characteristic.choices)
    name = models.CharField(max_length=60)
    passes = models.PositiveIntegerField(help_text="Passes of volunteers on the list.")
    recognised = models.PositiveIntegerField()
    searches = models.PositiveIntegerField(help_text="Searches for people on no list.")
    false_matches = models.PositiveIntegerField()

    class Meta:
        ordering = ("characteristic", "pk")
        constraints = (
            models.UniqueConstraint(fields=["evidence", "characteristic", "name"], name="each_group_once"),
            models.CheckConstraint(
                condition=Q(
                    recognised__lte=F("passes"), false_matches__lte=F("searches"), passes__gt=0, searches__gt=0
                ),
                name="group_figures_add_up",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_characteristic_display()}: {self.name}"

    @property
    def recognition_rate(self) -> str:
        """The share of passes recognised, with its 95% interval."""
        return _rate(self.recognised, self.passes)

    @property
    def false_match_rate(self) -> str:
        """The share of searches with a false match, with its 95% interval."""
        return _rate(self.false_matches, self.searches)


def _rate(count: int, of: int) -> str:
    low, high = wilson(count, of)
    return f"{percent(count / of)} ({percent(low)} to {percent(high)})"
