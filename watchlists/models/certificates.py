"""What remains after a list is destroyed, and what is kept from destruction."""

from __future__ import annotations

from django.db import models

from watchlists.choices import Category, LegalBasis
from watchlists.models.holds import EvidenceHoldBase
from watchlists.models.lists import Watchlist
from watchlists.models.people import Person


class Certificate(models.Model):
    """The certificate that a list was destroyed: counts and hashes, no person. The audit log has its hash.

    left_at: when rows of the list were last deleted. scrubbed_at: when the tables were rewritten, so that deleted rows
    are gone. log_removed: whether none of the older write-ahead log is left.
    """

    watchlist = models.OneToOneField(Watchlist, on_delete=models.PROTECT, related_name="certificate")
    issued_at = models.DateTimeField()
    due_at = models.DateTimeField()
    people = models.PositiveIntegerField()
    photographs = models.PositiveIntegerField()
    templates = models.PositiveIntegerField()
    held = models.PositiveIntegerField(default=0)
    sealed_hash = models.CharField(max_length=64, blank=True)
    key_fingerprint = models.CharField(max_length=64)
    ledger_hash = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    left_at = models.DateTimeField()
    scrubbed_at = models.DateTimeField(null=True)
    log_removed = models.BooleanField(default=False)

    class Meta:
        ordering = ("-issued_at",)

    def __str__(self) -> str:
        return f"certificate of {self.watchlist}"

    @property
    def was_late(self) -> bool:
        return self.issued_at > self.due_at


class LedgerEntry(models.Model):
    """A record that a reference was on a list. It can be found only by a user who knows the reference.

    pseudonym: HMAC-SHA256 of list and reference under a key that is not in the database.
    """

    watchlist = models.ForeignKey(Watchlist, on_delete=models.PROTECT, related_name="ledger")
    pseudonym = models.CharField(max_length=64, db_index=True)
    category = models.CharField(max_length=12, choices=Category.choices)
    legal_basis = models.CharField(max_length=12, choices=LegalBasis.choices)
    listed_on = models.DateField()
    removed_on = models.DateField()

    class Meta:
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"ledger entry {self.pk}"


class Hold(EvidenceHoldBase):
    """An entry that is kept from destruction as evidence."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="hold")

    def __str__(self) -> str:
        return f"hold on {self.person}"
