"""The search for one person at every place that could hold data about them, on behalf of a case."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from alerts import subject_search
from audit.actions import Action
from audit.journal import record
from audit.models import Entry
from cases import content, operations
from cases.casework import begin
from cases.choices import CaseKind
from cases.content import EventContent, Found
from cases.models import Case
from core import keys
from core.errors import Refused
from core.machine import JournalData
from core.names import spelt, words_of
from core.permissions import require
from deployments.document_parts import day
from watchlists import ledger
from watchlists.ledger import Listing
from watchlists.permissions import SEARCH_LEDGER

# The scope of the pseudonyms that the audit log keeps of references that were searched.
SCOPE = "search"


@transaction.atomic
def search(case: Case, *, reference: str = "", name: str = "", actor: AbstractBaseUser) -> list[Found]:
    """Search for a reference or a name, or both; keep what was found under the case's key.

    The audit log has the case, how much was found, and a pseudonym of the reference by which two searches for the same
    person can be recognised.

    Raises:
        Refused: there is neither reference nor name, the case is not about one person, it is about a person whose
            identity is not established, or the ledger's key is missing.
    """
    require(actor, SEARCH_LEDGER)
    begin(case, actor)
    if case.kind in (CaseKind.BREACH, CaseKind.FOI):
        raise Refused("This kind of case is not about one person’s data.")
    if case.is_of_own_data and case.identity_on is None:
        raise Refused("Establish who is asking first.")
    if not spelt(reference) and not words_of(name):
        raise Refused("Enter the nominal reference, the name, or both.")
    try:
        pseudonym = keys.pseudonym(SCOPE, reference) if spelt(reference) else ""
        found = [*_on_lists(reference, name), *_possible_matches(reference, name), *_cases(case, pseudonym, name)]
    except keys.KeyGone as error:
        raise Refused("The ledger’s key is missing, so past lists cannot be searched. Restore it first.") from error
    operations.note_search(case, EventContent(reference=reference.strip(), name=name.strip(), found=found), actor=actor)
    data: JournalData = {"pseudonym": pseudonym, "found": len(found)}
    record(Action.LEDGER_SEARCHED, actor=actor, target=case, data=data)
    return found


def _on_lists(reference: str, name: str) -> Iterator[Found]:
    yield from (_listed(listing) for listing in ledger.find(reference, name))


def _possible_matches(reference: str, name: str) -> Iterator[Found]:
    for alert, subject in subject_search.find(reference, name):
        state = "held as evidence" if hasattr(alert, "hold") else "until its purge"
        where = f"Possible match of {day(timezone.localdate(alert.raised_at))}, {alert.deployment.name}"
        yield Found(where, f"{str(alert.get_state_display()).lower()}; {state}", subject.category)


def _cases(case: Case, pseudonym: str, name: str) -> Iterator[Found]:
    """Yield other cases of somebody of this name, or in which this reference was searched."""
    others = Case.objects.filter(purged_at=None).exclude(pk=case.pk)
    searched = Entry.objects.filter(action=Action.LEDGER_SEARCHED, data__pseudonym=pseudonym) if pseudonym else ()
    same = {entry.target_id for entry in searched}
    called = words_of(name)
    for other in others.iterator(chunk_size=500):
        about = content.content_of(other) if called else None
        if str(other.pk) in same or (about is not None and words_of(about.name) == called):
            status = str(other.get_state_display()).lower()
            since = day(timezone.localdate(other.received_at))
            yield Found(f"Case {other.reference}", status, str(other.get_kind_display()), since=since)


def _listed(listing: Listing) -> Found:
    return Found(
        f"Watchlist {listing.watchlist}",
        listing.status,
        listing.category,
        listing.legal_basis,
        day(listing.since),
        day(listing.until) if listing.until is not None else "",
    )
