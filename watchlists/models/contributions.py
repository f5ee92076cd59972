"""Records of who worked on a version of a list, and so cannot approve it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from watchlists.models.lists import Watchlist


class Contribution(models.Model):
    """A record that a user did one kind of work on a version of a list. It outlives the entries concerned."""

    class Kind(models.TextChoices):
        """The label follows “You”."""

        CREATED = "created", "created this list"
        VERSION_DRAWN = "version", "created this version of the list"
        ENTRY_ADDED = "added", "added an entry to this list"
        ENTRY_EDITED = "edited", "edited an entry on this list"
        ENTRY_REMOVED = "removed", "removed an entry from this list"
        ENTRIES_MERGED = "merged", "merged two entries on this list"
        PHOTOGRAPH_ADDED = "photo_added", "added a photograph to this list"
        PHOTOGRAPH_REMOVED = "photo_removed", "removed a photograph from this list"
        FLAG_ACCEPTED = "flag", "accepted a flag on this list"
        IMPORTED = "imported", "imported entries to this list"
        IMPORT_CANCELLED = "cancelled", "cancelled an import to this list"
        PHOTOGRAPH_CONFIRMED = "photo_confirmed", "confirmed that photographs on this list are of the right people"
        CURRENCY_CHECKED = "current", "confirmed that people on this list are still sought"
        COMPILED = "compiled", "compiled this list"
        CHECKED = "checked", "checked this list"
        WITHDRAWN = "withdrawn", "took this list back to change it"

    watchlist = models.ForeignKey(Watchlist, on_delete=models.PROTECT, related_name="contributions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=Kind.choices)

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["watchlist", "user", "kind"], name="contribution_once"),)

    def __str__(self) -> str:
        return f"{self.user} {self.get_kind_display()}"
