"""Police ranks. Some decisions require a minimum rank."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import models

from core.errors import Refused


class Rank(models.TextChoices):
    """The ranks that a user may hold, in ascending order."""

    CONSTABLE = "constable", "Constable"
    SERGEANT = "sergeant", "Sergeant"
    INSPECTOR = "inspector", "Inspector"
    CHIEF_INSPECTOR = "chief_inspector", "Chief Inspector"
    SUPERINTENDENT = "superintendent", "Superintendent"
    CHIEF_SUPERINTENDENT = "chief_super", "Chief Superintendent"
    ACC = "acc", "Assistant Chief Constable"


RANKS = tuple(Rank)


def at_least(rank: str, needed: Rank) -> bool:
    """Return whether a rank ("" for none) is the needed one or a higher one."""
    return rank in RANKS and RANKS.index(Rank(rank)) >= RANKS.index(needed)


def rank_of(actor: AbstractBaseUser) -> str:
    """Return the rank on a user's account; "" if there is none."""
    return str(getattr(actor, "rank", ""))


def require_rank(actor: AbstractBaseUser, needed: Rank) -> None:
    """Raise `Refused` unless a user holds this rank or a higher one."""
    if not at_least(rank_of(actor), needed):
        raise Refused(f"You need the rank of {needed.label} or above to do this.")
