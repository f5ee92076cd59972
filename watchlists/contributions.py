"""Separation of duties by what was done: anybody who worked on a version of a list cannot approve it.

Every operation that changes anything of a version says so here, whatever roles its actor has now or later.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from core.errors import Refused
from watchlists.models import Contribution, Watchlist

Kind = Contribution.Kind


def note_contribution(watchlist: Watchlist, kind: Kind, *, actor: AbstractBaseUser) -> None:
    """Record that somebody worked on this version; part of the operation that is the work."""
    Contribution.objects.bulk_create(
        [Contribution(watchlist=watchlist, user_id=actor.pk, kind=kind)], ignore_conflicts=True
    )


def carry_over(source: Watchlist, draft: Watchlist) -> None:
    """Let work on a version that nobody approved count for the version drawn from it, which holds that work.

    Work on a sealed version does not: somebody else approved it, and what is carried over from there is unchanged.
    """
    if source.sealed_at is not None:
        return
    rows = [Contribution(watchlist=draft, user_id=each.user_id, kind=each.kind) for each in source.contributions.all()]
    Contribution.objects.bulk_create(rows, ignore_conflicts=True)


def contribution_of(watchlist: Watchlist, user: AbstractBaseUser) -> str:
    """Why somebody cannot approve this version, for them to read; empty for somebody who did not work on it."""
    first = watchlist.contributions.filter(user_id=user.pk).first()
    if first is None:
        return ""
    return f"You {first.get_kind_display()}, so another authorising officer must approve it."


def refuse_contributor(watchlist: Watchlist, user: AbstractBaseUser) -> None:
    """Raise Refused for somebody who worked on this version."""
    reason = contribution_of(watchlist, user)
    if reason:
        raise Refused(reason)
