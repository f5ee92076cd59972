"""What an evidence hold is, whatever it holds: an entry of a list here, an alert in `alerts.models`."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.utils import timezone


class EvidenceHoldBase(models.Model):
    """That something is kept from destruction as evidence: by its owner, for a reason, until a day of review."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=400, help_text="What it is evidence of.")
    review_on = models.DateField("to be reviewed on")
    placed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True
        ordering = ("review_on",)

    @property
    def is_overdue(self) -> bool:
        """Past the day that it should have been reviewed."""
        return self.review_on < timezone.localdate()

    def may_be_released_by(self, user: AbstractBaseUser) -> bool:
        """Whether this is the owner, the day of review has come, or the owner has left. The permission is not asked."""
        return self.owner_id == user.pk or not self.owner.is_active or self.review_on <= timezone.localdate()
