"""Public notice of a deployment: where and when it was published, and an exemption from its lead time."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from core.ranks import Rank
from deployments.models.deployments import Deployment


class PublicNotice(models.Model):
    """One publication of the notice. published_at: as the commander says; recorded_at: when it was entered."""

    class Channel(models.TextChoices):
        SITE = "site", "Force website"
        SOCIAL = "social", "Social media"
        PRESS = "press", "Press or radio"
        LEAFLETS = "leaflets", "Leaflets or posters"
        OTHER = "other", "Other"

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="notices")
    channel = models.CharField(max_length=8, choices=Channel.choices)
    address = models.CharField(
        "address or place", max_length=300, help_text="The web address, the account, the paper, or the streets."
    )
    published_at = models.DateTimeField("published at")
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("published_at", "pk")

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: {self.address}"


class NoticeExemption(models.Model):
    """An authorising officer's decision that, for a critical threat, notice need not be published in advance."""

    deployment = models.OneToOneField(Deployment, on_delete=models.CASCADE, related_name="notice_exemption")
    reason = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    rank = models.CharField(max_length=16, choices=Rank.choices)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"No lead time: {self.deployment}"
