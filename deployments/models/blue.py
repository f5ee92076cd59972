"""The recognition test: consenting staff walk past, each pass is tapped in, and each alert on them is counted."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from deployments.models.cameras import Camera
from watchlists.models import Person


class Recognition(models.Model):
    """A camera raised an alert on a member of staff. Their name is not here, and they go with the blue list."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="recognitions")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, related_name="+", null=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ("at",)
        indexes = (models.Index(fields=["camera", "at"]),)

    def __str__(self) -> str:
        return f"recognition {self.pk}"


class Pass(models.Model):
    """A member of staff walked through a camera's zone of recognition: an opportunity to recognise them.

    recognition: the alert that it led to; one alert counts for one pass.
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
