"""Governing documents: the policies and assessments under which deployments are applied for, in versions."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class GoverningQuerySet(models.QuerySet["GoverningDocument"]):
    def in_force(self, on: dt.date) -> GoverningQuerySet:
        """Return the documents that are approved and not withdrawn, and whose time includes this day, newest first."""
        found = self.filter(approved_at__isnull=False, withdrawn_at__isnull=True)
        return found.filter(in_force_from__lte=on, in_force_until__gte=on).order_by("kind", "-in_force_from", "-pk")


class GoverningDocument(models.Model):
    """A version of a governing document. One person records it, the senior responsible owner approves it."""

    class Kind(models.TextChoices):
        POLICY = "policy", "LFR policy"
        SOP = "sop", "Standard operating procedure"
        DPIA = "dpia", "Data protection impact assessment (section 64)"
        APD = "apd", "Appropriate Policy Document (section 42)"
        EQUALITY = "equality", "Equality impact assessment"
        PRIVACY = "privacy", "Privacy notice"
        PROCESSING = "processing", "Record of processing (section 61)"
        MUTUAL_AID = "mutual_aid", "Agreement of mutual aid"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    version = models.CharField(max_length=40)
    owner = models.CharField(max_length=120, help_text="The role that answers for it.")
    file = models.BinaryField(editable=False)
    file_name = models.CharField(max_length=200, editable=False)
    file_sha256 = models.CharField(max_length=64, editable=False)
    in_force_from = models.DateField()
    in_force_until = models.DateField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    approved_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = GoverningQuerySet.as_manager()

    class Meta:
        ordering = ("kind", "-in_force_from", "-pk")
        permissions = (
            ("keep_documents", "Can record and withdraw governing documents"),
            ("approve_documents", "Can approve governing documents"),
        )
        constraints = (
            models.UniqueConstraint(fields=["kind", "version"], name="each_version_of_a_document_once"),
            models.CheckConstraint(
                condition=Q(in_force_until__gte=F("in_force_from")), name="document_in_force_for_a_time"
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("recorded_by")),
                name="document_approved_by_another",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, version {self.version}"

    @property
    def journal_name(self) -> str:
        return f"governing document {self.pk}"

    def is_in_force(self, on: dt.date) -> bool:
        stands = self.approved_at is not None and self.withdrawn_at is None
        return stands and self.in_force_from <= on <= self.in_force_until


# Those that every deployment needs. An agreement of mutual aid is needed if equipment is lent.
REQUIRED = tuple(kind for kind in GoverningDocument.Kind if kind != GoverningDocument.Kind.MUTUAL_AID)
