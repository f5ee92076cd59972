"""Whether a watchlist fits the authority: who may be on it, how serious the matters, how many people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Count

from deployments.models import Deployment
from watchlists.choices import Category, Seriousness, Tier
from watchlists.models import Watchlist


@dataclass(frozen=True)
class Mix:
    """How many people of each kind are on a list. counts: label and number, without zeros."""

    title: str
    counts: list[tuple[str, int]]


def mix_of(watchlist: Watchlist) -> list[Mix]:
    """Return the mix of a list by lawful ground, seriousness and response, and how many are under 18."""
    found = [
        Mix(
            title,
            [(str(label), count) for value, label in choices if (count := _counts(watchlist, name).get(value, 0))],
        )
        for title, name, choices in (
            ("Lawful ground", "category", Category.choices),
            ("Seriousness", "seriousness", Seriousness.choices),
            ("Response", "tier", Tier.choices),
        )
    ]
    return [
        *found,
        Mix("Age", [("Under 18", watchlist.under_18 or 0), ("Adults", watchlist.size - (watchlist.under_18 or 0))]),
    ]


def misfits(watchlist: Watchlist, deployment: Deployment) -> list[str]:
    """Return how a list goes beyond what was applied for, as sentences; empty if it fits."""
    found: list[str] = []
    for name, allowed, choices in (
        ("category", deployment.list_categories, Category),
        ("seriousness", deployment.list_seriousness, Seriousness),
        ("tier", deployment.list_tiers, Tier),
    ):
        found += _outside(watchlist, name, allowed, choices)
    if watchlist.size > (deployment.list_size_asked or 0):
        most = deployment.list_size_asked or 0
        found.append(f"There are {watchlist.size:,} people on this watchlist; the authority allows {most:,}.")
    if (watchlist.under_18 or 0) > (deployment.list_under_18 or 0):
        found.append(
            f"There are {watchlist.under_18:,} people under 18 on this watchlist; the authority allows "
            f"{deployment.list_under_18 or 0:,}."
        )
    return found


def _outside(
    watchlist: Watchlist, name: str, allowed: Iterable[str], choices: type[models.TextChoices]
) -> Iterable[str]:
    for value, count in _counts(watchlist, name).items():
        if value not in allowed:
            yield f"The authority does not allow “{choices(value).label}”: {count:,} on this watchlist."


def _counts(watchlist: Watchlist, name: str) -> dict[Any, int]:
    people = watchlist.people.order_by().values_list(name)
    return dict(people.annotate(count=Count("pk")).values_list(name, "count"))
