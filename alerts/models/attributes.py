"""Attributes of the person whom officers met or saw, for the equality report."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from alerts.models.alerts import Alert
from watchlists.attributes import OfficerDefined
from watchlists.models import SaidAttributes


class PersonAttributes(SaidAttributes):
    """What the person of a possible match said about themselves, and what an officer saw. Never taken from a picture.

    officer_defined: the officer's own view of the person's ethnicity. It never fills in for what the person says.
    """

    alert = models.OneToOneField(Alert, on_delete=models.PROTECT, related_name="attributes")
    officer_defined = models.CharField(
        "officer-defined ethnicity", max_length=1, choices=OfficerDefined.choices, blank=True
    )
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~Q(self_defined="") | ~Q(officer_defined="") | ~Q(sex="") | ~Q(age_band=""),
                name="something_was_recorded",
            ),
        )

    def __str__(self) -> str:
        return f"attributes of {self.alert_id}"
