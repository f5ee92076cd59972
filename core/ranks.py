"""Police ranks. Some decisions require a minimum rank."""

from __future__ import annotations

from django.db import models


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
