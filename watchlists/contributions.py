"""Separation of duties by what was done: anyone who worked on a version of a list cannot approve it.

Every operation that changes a version records it here, whatever roles the actor has now or later.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from core.errors import Refused
from watchlists.models import Contribution, Watchlist

Kind = Contribution.Kind


def note_contribution(watchlist: Watchlist, kind: Kind, *, actor: AbstractBaseUser) -> None:
    """Record that a user worked on this version, in the transaction of that work."""
    Contribution.objects.bulk_create(
        [Contribution(watchlist=watchlist, user_id=actor.pk, kind=kind)], ignore_conflicts=True
    )


def carry_over(source: Watchlist, draft: Watchlist) -> None:
    """Count work on an unapproved version towards the draft made from it, which contains that work.

    Work on a sealed version does not count: another person approved it, and its content is copied unchanged.
    """
    if source.sealed_at is not None:
        return
    rows = [Contribution(watchlist=draft, user_id=each.user_id, kind=each.kind) for each in source.contributions.all()]
    Contribution.objects.bulk_create(rows, ignore_conflicts=True)


def contribution_of(watchlist: Watchlist, user: AbstractBaseUser) -> str:
    """Return a message on why the user cannot approve this version; empty if they did not work on it."""
    first = watchlist.contributions.filter(user_id=user.pk).first()
    if first is None:
        return ""
    return f"You {first.get_kind_display()}, so another authorising officer must approve it."


def refuse_contributor(watchlist: Watchlist, user: AbstractBaseUser) -> None:
    """Raise Refused if the user worked on this version."""
    reason = contribution_of(watchlist, user)
    if reason:
        raise Refused(reason)
