"""The pseudonymous ledger: it shows whether a reference was on a list, to a user who knows the reference."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core import keys
from core.permissions import require
from watchlists.models import LedgerEntry, Person, Watchlist
from watchlists.permissions import SEARCH_LEDGER


@dataclass(frozen=True)
class Listing:
    """The time that a person was on one list. until: None while they still are."""

    watchlist: Watchlist
    category: str
    legal_basis: str
    since: dt.date
    until: dt.date | None


def prepare() -> None:
    """Create the ledger's key, once, before there is an entry.

    Raises:
        KeyGone: there are entries, but the key they were made with is missing.
    """
    if LedgerEntry.objects.exists() and not keys.fingerprint(keys.LEDGER):
        raise keys.KeyGone("The ledger's key is missing: restore it to the key store")
    keys.create(keys.LEDGER)


def enter(watchlist: Watchlist, people: QuerySet[Person]) -> str:
    """Record that these people were on a list, as they are destroyed. Returns a SHA-256 over the pseudonyms."""
    today, scope = timezone.localdate(), str(watchlist.pk)
    entries = [
        LedgerEntry(
            watchlist=watchlist,
            pseudonym=keys.pseudonym(scope, reference),
            category=category,
            legal_basis=basis,
            listed_on=timezone.localdate(added_at),
            removed_on=today,
        )
        for reference, category, basis, added_at in people.values_list(
            "reference", "category", "legal_basis", "added_at"
        ).iterator(chunk_size=2000)
    ]
    LedgerEntry.objects.bulk_create(entries, batch_size=2000)
    return hashlib.sha256("\n".join(sorted(entry.pseudonym for entry in entries)).encode()).hexdigest()


@transaction.atomic
def search(reference: str, *, actor: AbstractBaseUser) -> list[Listing]:
    """Return every list that a reference is or was on, newest first. The audit log does not keep the reference."""
    require(actor, SEARCH_LEDGER)
    scopes = Watchlist.objects.filter(ledger__isnull=False).distinct().values_list("pk", flat=True)
    pseudonyms = [keys.pseudonym(str(scope), reference) for scope in scopes]
    entries = LedgerEntry.objects.filter(pseudonym__in=pseudonyms).select_related("watchlist")
    past = [
        Listing(
            each.watchlist, each.get_category_display(), each.get_legal_basis_display(), each.listed_on, each.removed_on
        )
        for each in entries
    ]
    wanted = " ".join(reference.upper().split())
    held = Person.objects.filter(reference__iexact=wanted).select_related("watchlist")
    present = [
        Listing(
            each.watchlist,
            each.get_category_display(),
            each.get_legal_basis_display(),
            timezone.localdate(each.added_at),
            None,
        )
        for each in held
    ]
    found = sorted([*present, *past], key=lambda listing: listing.since, reverse=True)
    record(Action.LEDGER_SEARCHED, actor=actor, target=actor, data={"found": len(found)})
    return found
