"""The user model."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models

from core.ranks import Rank


class User(AbstractUser):
    """A member of the force. What they may do comes from their roles (groups): see `lfr_site.roles`."""

    rank = models.CharField(max_length=16, choices=Rank.choices, blank=True)

    def __str__(self) -> str:
        full_name = self.get_full_name()
        return f"{full_name} ({self.username})" if full_name else self.username

    @property
    def role_names(self) -> str:
        """The names of the user's roles, as the head of each page shows them."""
        return ", ".join(sorted(group.name for group in self.groups.all()))
