"""Equipment that the force lends to others, and disclosures of what a deployment recorded."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from deployments.models.deployments import Deployment
from deployments.models.governing import GoverningDocument


class EquipmentLoan(models.Model):
    """Equipment that the force lends to another one under an agreement of mutual aid, until it comes back wiped.

    controller: the force responsible for the personal data that are processed with it. staff: of this force who go
    with it, in words; empty if none.
    """

    description = models.CharField("equipment", max_length=200)
    serial = models.CharField("serial or asset number", max_length=80)
    borrower = models.CharField("lent to", max_length=120)
    controller = models.CharField("controller of the data", max_length=120)
    staff = models.CharField("staff of this force who go with it", max_length=200, blank=True)
    purpose = models.CharField(max_length=300)
    agreement = models.ForeignKey(GoverningDocument, on_delete=models.PROTECT, related_name="loans")
    lent_at = models.DateTimeField()
    lent_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    due_back_on = models.DateField("due back on")
    returned_at = models.DateTimeField(null=True)
    returned_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    wiping = models.CharField(max_length=300, blank=True)
    witness = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ("-lent_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=["serial"], condition=Q(returned_at__isnull=True), name="lent_once_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(returned_at__isnull=True) | ~Q(witness="") & ~Q(wiping=""),
                name="back_wiped_before_a_witness",
            ),
        )

    def __str__(self) -> str:
        return f"{self.description} ({self.serial})"

    @property
    def journal_name(self) -> str:
        return f"equipment loan {self.pk}"


class Disclosure(models.Model):
    """Something that was given to somebody outside the force: what, to whom, for what and on what basis."""

    class Basis(models.TextChoices):
        LAW_ENFORCEMENT = "law", "Another competent authority, for a law enforcement purpose (DPA 2018, Part 3)"
        PROSECUTION = "prosecution", "Prosecutor or court (CPIA 1996)"
        DEFENCE = "defence", "Defence, by the prosecutor or an order of the court"
        REGULATOR = "regulator", "Regulator or oversight body"
        SUBJECT = "subject", "The person themselves or their representative"
        ORDER = "order", "Order of a court, or another duty in law"

    deployment = models.ForeignKey(
        Deployment, on_delete=models.PROTECT, related_name="disclosures", null=True, blank=True
    )
    what = models.CharField("what was disclosed", max_length=300)
    recipient = models.CharField("to whom", max_length=200)
    purpose = models.CharField(max_length=300)
    basis = models.CharField(max_length=12, choices=Basis.choices)
    disclosed_at = models.DateTimeField("when")
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-disclosed_at", "-pk")
        permissions = (
            ("record_disclosure", "Can record disclosures"),
            ("see_sharing", "Can see disclosures, and loans of equipment"),
        )

    def __str__(self) -> str:
        return f"{self.what}, to {self.recipient}"

    @property
    def journal_name(self) -> str:
        return f"disclosure {self.pk}"
