"""What is left of a list once it is destroyed, and what is kept from destruction."""

from __future__ import annotations

from django.db import models

from watchlists.models.holds import EvidenceHoldBase
from watchlists.models.lists import Watchlist
from watchlists.models.people import Person
from watchlists.policy import Category, LegalBasis


class Certificate(models.Model):
    """That a list was destroyed: counts and hashes, never a person. Its own hash is in the journal.

    left_at: when rows of the list were last deleted. scrubbed_at: when what the database keeps of deleted rows was
    rewritten too. log_removed: whether nothing is left of the write-ahead log of before.
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
    """That a reference was on a list: answers who asks with the reference in hand, and nobody who reads the table.

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
