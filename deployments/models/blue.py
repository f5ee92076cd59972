"""The recognition test: staff who consented walk past, their passes are recorded and alerts on them are counted."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from deployments.models.cameras import Camera
from watchlists.models import Person, SaidAttributes


class Recognition(models.Model):
    """An alert on a member of staff. No name is stored, and `person` is cleared when the blue watchlist goes."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="recognitions")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, related_name="+", null=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ("at",)
        indexes = (models.Index(fields=["camera", "at"]),)

    def __str__(self) -> str:
        return f"recognition {self.pk}"


class Pass(SaidAttributes):
    """One walk of a member of staff through a camera's zone of recognition: one opportunity to recognise them.

    recognition: the alert that it led to; an alert counts for one pass only. The attributes are those that the
    volunteer said, copied because their entry goes with the blue watchlist.
    """

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="passes")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, related_name="+", null=True)
    at = models.DateTimeField()
    before_live = models.BooleanField()
    tapped_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recognition = models.OneToOneField(Recognition, on_delete=models.CASCADE, related_name="of_pass", null=True)

    class Meta:
        verbose_name_plural = "passes"
        ordering = ("at",)
        indexes = (models.Index(fields=["camera", "at"]),)

    def __str__(self) -> str:
        return f"pass {self.pk}"
