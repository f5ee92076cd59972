"""The staff of a deployment: operators at consoles and officers in the street."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from deployments.models.deployments import Deployment
from deployments.querysets import PostingQuerySet


class Posting(models.Model):
    """The posting of a user to a deployment. Users with the permission `be_posted` see no other deployments.

    team: call sign of those who respond together; a possible match can be referred to a whole team.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="postings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="postings")
    team = models.CharField("team or call sign", max_length=40, blank=True)
    posted_at = models.DateTimeField()
    posted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)

    objects = PostingQuerySet.as_manager()

    class Meta:
        ordering = ("team", "user__username")
        permissions = (("be_posted", "Can see only the deployments they are posted to"),)
        constraints = (
            models.UniqueConstraint(
                fields=["deployment", "user"], condition=models.Q(ended_at__isnull=True), name="posted_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user}, {self.team}" if self.team else str(self.user)
