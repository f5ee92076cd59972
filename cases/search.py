"""The search for one person at every place that could hold data about them, on behalf of a case."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from alerts import subject_search
from audit.actions import Action
from audit.journal import record
from cases import operations
from cases.choices import CaseKind
from cases.content import EventContent, Found
from cases.models import Case
from core import keys
from core.errors import Refused
from core.machine import JournalData
from core.permissions import require
from deployments.document_parts import day
from watchlists import ledger
from watchlists.ledger import Listing
from watchlists.permissions import SEARCH_LEDGER

# The scope of the pseudonyms that the audit log keeps of references that were searched.
SCOPE = "search"


@transaction.atomic
def search(case: Case, *, reference: str, name: str = "", actor: AbstractBaseUser) -> list[Found]:
    """Search for a reference, and for a name where there are names; keep what was found under the case's key.

    The audit log has the case, how much was found, and a pseudonym of the reference by which two searches for the same
    person can be recognised.

    Raises:
        Refused: there is no reference, the case is a breach, or it is about a person whose identity is not established.
        core.keys.KeyGone: the ledger's key is missing.
    """
    require(actor, SEARCH_LEDGER)
    operations.lock_open(case, actor)
    if case.kind in (CaseKind.BREACH, CaseKind.FOI):
        raise Refused("This kind of case is not about one person’s data.")
    if case.is_of_own_data and case.identity_on is None:
        raise Refused("Establish who is asking first.")
    if not reference.strip():
        raise Refused("Enter the nominal reference.")
    found = [_listed(listing) for listing in ledger.find(reference, name)]
    for alert, subject in subject_search.find(reference, name):
        state = "held as evidence" if hasattr(alert, "hold") else "until its purge"
        where = f"Possible match of {day(timezone.localdate(alert.raised_at))}, {alert.deployment.name}"
        found.append(Found(where, f"{str(alert.get_state_display()).lower()}; {state}", subject.category))
    operations.note_search(case, EventContent(reference=reference.strip(), name=name.strip(), found=found), actor=actor)
    data: JournalData = {"pseudonym": keys.pseudonym(SCOPE, reference), "found": len(found)}
    record(Action.LEDGER_SEARCHED, actor=actor, target=case, data=data)
    return found


def _listed(listing: Listing) -> Found:
    return Found(
        f"Watchlist {listing.watchlist}",
        listing.status,
        listing.category,
        listing.legal_basis,
        day(listing.since),
        day(listing.until) if listing.until is not None else "",
    )
