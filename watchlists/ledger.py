"""The ledger: it shows where a reference is or was held, to a user who knows it. Past lists are pseudonymous."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from core import keys
from core.names import spelt, words_of
from watchlists.models import ImportRow, LedgerEntry, Person, Watchlist


@dataclass(frozen=True)
class Listing:
    """Where a reference is, or was, on one list. until: None while its data is still here; status: why it is."""

    watchlist: Watchlist
    category: str
    legal_basis: str
    since: dt.date
    until: dt.date | None
    status: str


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


def find(reference: str, name: str = "") -> list[Listing]:
    """Return every place where a reference or a name is or was held, newest first.

    These are lists in any state, drafts included, entries kept as evidence, lines of imports that were not added, and
    past lists. Names are compared by their words, also with the look-alikes that are noted beside an entry; past lists
    have none. Whoever calls this checks who may search, and records it.
    """
    wanted = _Wanted(spelt(reference), words_of(name))
    listings = [*_present(wanted), *_staged(wanted), *(_past(reference) if wanted.reference else ())]
    return sorted(listings, key=lambda listing: listing.since, reverse=True)


@dataclass(frozen=True)
class _Wanted:
    """What is searched for. words: of the name; empty if only the reference is known."""

    reference: str
    words: frozenset[str]

    def is_reference(self, text: str) -> bool:
        return bool(self.reference) and spelt(text) == self.reference

    def is_name(self, text: str) -> bool:
        return bool(self.words) and words_of(text) == self.words

    def is_mentioned(self, text: str) -> bool:
        return bool(self.words) and self.words <= words_of(text)


def _present(wanted: _Wanted) -> Iterator[Listing]:
    entries = Person.objects.values_list("pk", "reference", "name", "look_alikes").iterator(chunk_size=2000)
    found, mentioned = set(), set()
    for pk, reference, name, look_alikes in entries:
        if wanted.is_reference(reference) or wanted.is_name(name):
            found.add(pk)
        elif wanted.is_mentioned(look_alikes):
            mentioned.add(pk)
    for person in Person.objects.filter(pk__in=found | mentioned).select_related("watchlist", "hold"):
        state = person.watchlist.get_state_display().lower()
        since = timezone.localdate(person.added_at)
        if person.pk in mentioned:
            yield Listing(person.watchlist, "", "", since, None, f"named as a look-alike; watchlist {state}")
            continue
        is_held = hasattr(person, "hold")
        yield Listing(
            person.watchlist,
            person.get_category_display(),
            person.get_legal_basis_display(),
            since,
            None,
            f"kept as evidence; watchlist {state}" if is_held else f"on the watchlist, whose state is {state}",
        )


def _staged(wanted: _Wanted) -> Iterator[Listing]:
    """Yield lines of imports that were not added: they wait to be confirmed, or stand in the report of the import."""
    lines = ImportRow.objects.exclude(verdict=ImportRow.Verdict.ADDED).select_related("of__watchlist")
    for line in lines.iterator(chunk_size=2000):
        if wanted.is_reference(line.reference) or wanted.is_name(line.values.get("name", "")):
            since, state = timezone.localdate(line.of.created_at), line.of.get_state_display().lower()
            status = f"not added: in an import, whose state is {state}"
            yield Listing(line.of.watchlist, "", "", since, None, status)


def _past(reference: str) -> Iterator[Listing]:
    scopes = Watchlist.objects.filter(ledger__isnull=False).distinct().values_list("pk", flat=True)
    pseudonyms = [keys.pseudonym(str(scope), reference) for scope in scopes]
    for entry in LedgerEntry.objects.filter(pseudonym__in=pseudonyms).select_related("watchlist"):
        yield Listing(
            entry.watchlist,
            entry.get_category_display(),
            entry.get_legal_basis_display(),
            entry.listed_on,
            entry.removed_on,
            "destroyed",
        )
