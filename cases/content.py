"""The encrypted content of a case and of its events, under the key of the case."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from cases.models import Case, CaseEvent
from core import keys
from core.sealing import seal, unseal

CASE_KEY = "case"


@dataclass(frozen=True)
class CaseContent:
    """The name, contact details and request of the person who asks; for a breach, its facts and effects only."""

    name: str = ""
    contact: str = ""
    request: str = ""
    effects: str = ""


@dataclass(frozen=True)
class Found:
    """A place where data about the person who asks are or were. The values are those at the time of the search."""

    where: str
    status: str
    category: str = ""
    legal_basis: str = ""
    since: str = ""
    until: str = ""

    @property
    def words(self) -> str:
        """The place and its particulars in one line."""
        times = f"from {self.since}" + (f" until {self.until}" if self.until else "") if self.since else ""
        return "; ".join(filter(None, (self.where, self.category, self.legal_basis, times, self.status)))


@dataclass(frozen=True)
class EventContent:
    """The text of an event.

    reasons: given to the Commissioner on request, never in a letter. found: the results of a search.
    """

    words: str = ""
    reasons: str = ""
    reference: str = ""
    name: str = ""
    found: list[Found] = field(default_factory=list)


def key_of(case: Case) -> str:
    """Return the name of the key of a case."""
    return keys.name_of(CASE_KEY, case.pk)


def seal_case(case: Case, content: CaseContent) -> bytes:
    return seal(case.key_name, case.pk, asdict(content))


def content_of(case: Case) -> CaseContent | None:
    """Return the content of a case; None if it was destroyed or its key is lost."""
    if case.sealed is None:
        return None
    try:
        about, _ = unseal(case.key_name, case.pk, case.sealed)
    except keys.KeyGone:
        return None
    return CaseContent(**about)


def seal_event(case: Case, event: CaseEvent, content: EventContent, letter: bytes = b"") -> bytes:
    return seal(case.key_name, event.pk, asdict(content), letter)


def content_of_event(event: CaseEvent) -> EventContent | None:
    """Return the content of an event; None if it was destroyed or its key is lost."""
    if event.sealed is None:
        return None
    about: dict[str, Any]
    try:
        about, _ = unseal(event.case.key_name, event.pk, event.sealed)
    except keys.KeyGone:
        return None
    return EventContent(**{**about, "found": [Found(**each) for each in about["found"]]})


def letter_of(event: CaseEvent) -> bytes:
    """Return the letter of an event as PDF.

    Raises:
        core.keys.KeyGone: it was destroyed, or there is none.
    """
    if event.sealed is None or not event.letter_sha256:
        raise keys.KeyGone("There is no letter")
    _, letter = unseal(event.case.key_name, event.pk, event.sealed)
    return letter
