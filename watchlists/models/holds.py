"""The fields and rules shared by evidence holds on entries (here) and on alerts (in `alerts.models`)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.utils import timezone


class EvidenceHoldBase(models.Model):
    """An evidence hold: it keeps something from destruction, with an owner, a reason and a date of review."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=400, help_text="What it is evidence of.")
    review_on = models.DateField("to be reviewed on")
    placed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True
        ordering = ("review_on",)

    @property
    def is_overdue(self) -> bool:
        """Whether the date of review has passed."""
        return self.review_on < timezone.localdate()

    def may_be_released_by(self, user: AbstractBaseUser) -> bool:
        """Return whether this is the owner, the date of review has come, or the owner is no longer active.

        The caller checks the permission.
        """
        return self.owner_id == user.pk or not self.owner.is_active or self.review_on <= timezone.localdate()
