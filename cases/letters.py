"""The letters of a case as PDF: what the officer wrote, and what the law and the system's own tables add to it."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from cases import content, time_limits
from cases.choices import CaseKind, CaseOutcome, WaitFor
from cases.content import CaseContent, Found
from cases.models import Case
from core import retention
from deployments.document_parts import day
from deployments.documents import compile_pdf

TEMPLATE = Path(__file__).resolve().parent / "typeset" / "letter.typ"
COMMISSIONER = (
    "Information Commissioner’s Office, Wycliffe House, Water Lane, Wilmslow, Cheshire SK9 5AF; telephone 0303 123 "
    "1113; ico.org.uk"
)
_KEPT = ("watchlist", "alert", "hold", "ledger")


@dataclass(frozen=True)
class LetterKind:
    """A letter that is made from what the officer wrote. key: which standard paragraph follows."""

    key: str
    title: str


QUESTION = LetterKind("question", "What we need from you")
ACKNOWLEDGEMENT = LetterKind("acknowledgement", "We have received your {}")
EXTENSION = LetterKind("extension", "We need more time for our answer")


@dataclass(frozen=True)
class LetterSection:
    """A section of a letter: a heading, text, and a list."""

    heading: str
    text: str = ""
    items: Sequence[str] = ()


def short_letter(case: Case, kind: LetterKind, words: str, at: dt.datetime) -> bytes:
    """Return the letter of an act during a case."""
    rights = [LetterSection("Your rights", _to_complain())] if kind == EXTENSION else []
    return _letter(case, kind.title.format(_noun(case)), f"{words}\n\n{_standard(case, kind)}".strip(), rights, at)


def answer_letter(
    case: Case, outcome: str, words: str, told: Sequence[Found], at: dt.datetime, *, marking: str = ""
) -> bytes:
    """Return the answer. told: what the person is told about; nothing else of a search is in the letter.

    marking: printed at the top, of a letter that is not to be sent.
    """
    sections = list(_answer_sections(case, outcome, told))
    return _letter(case, f"Our answer to your {_noun(case)}", words.strip(), sections, at, marking=marking)


def _noun(case: Case) -> str:
    return "complaint" if case.kind == CaseKind.COMPLAINT else "request"


def _standard(case: Case, kind: LetterKind) -> str:
    """Return the paragraph that the system adds, from the case's own dates."""
    received = day(timezone.localdate(case.received_at))
    if kind == ACKNOWLEDGEMENT:
        limit = time_limits.next_of(case)
        # Only a day that is ahead and does not move is promised.
        is_fixed = limit is not None and limit.due is not None and limit.due > timezone.now() and not limit.is_stopped
        when = f"by {limit.due_words}" if limit is not None and is_fixed else "without undue delay"
        return f"Your {_noun(case)} reached us on {received}. You will have our answer {when}."
    if kind == EXTENSION:
        (limit,) = time_limits.limits_of(case)
        return f"Your request reached us on {received}. You will have our answer by {limit.due_words}."
    waited_for = set(case.waits.filter(ended_on=None).values_list("wanted", flat=True))
    if WaitFor.IDENTITY in waited_for:
        return "The time for our answer begins on the day on which your proof of identity reaches us."
    if waited_for:
        return "The time for our answer does not run until your reply reaches us."
    return f"We continue to deal with your {_noun(case)} in the meantime."


def _answer_sections(case: Case, outcome: str, told: Sequence[Found]) -> Iterator[LetterSection]:
    if told:
        yield LetterSection("What we hold or held about you", items=[each.words for each in told])
        lines = [retention.line(key) for key in _KEPT]
        yield LetterSection(
            "How long it is kept", items=[f"{line.what}: {line.kept}. {line.besides}".strip() for line in lines]
        )
    if case.kind == CaseKind.FOI:
        yield LetterSection(
            "If you disagree",
            "You can ask us to review this answer. After that you can complain to the Information Commissioner "
            f"(Freedom of Information Act 2000, section 50): {COMMISSIONER}.",
        )
        return
    rights = _to_complain()
    if case.is_of_own_data:
        rights = f"{_to_others()}\n\n{rights}"
    if case.kind == CaseKind.ACCESS and outcome in (CaseOutcome.GIVEN, CaseOutcome.PART):
        rights = f"You can ask us to correct or to erase data about you, or to restrict their use.\n\n{rights}"
    yield LetterSection("Your rights", rights)


def _to_others() -> str:
    return (
        "You can ask the Information Commissioner to check whether our decision is lawful, and you can apply to a "
        "court (Data Protection Act 2018, sections 51 and 167)."
    )


def _to_complain() -> str:
    return (
        "If you are unhappy with how we handle your data, you can complain to us and to the Information "
        f"Commissioner (Data Protection Act 2018, sections 164A and 165): {COMMISSIONER}."
    )


def _letter(
    case: Case, title: str, body: str, sections: Sequence[LetterSection], at: dt.datetime, *, marking: str = ""
) -> bytes:
    who = content.content_of(case) or CaseContent()
    data = {
        "force": settings.LFR_FORCE,
        "marking": marking or ("DEMONSTRATION" if settings.IS_DEMO else ""),
        "reference": case.reference,
        "date": day(timezone.localdate(at)),
        "to": f"{who.name}\n{who.contact}",
        "title": title,
        "body": f"Dear {who.name},\n\n{body}",
        "sections": [asdict(section) for section in sections],
        "signed": f"Yours sincerely,\n\nCompliance officer\n{settings.LFR_FORCE}",
    }
    with tempfile.TemporaryDirectory(prefix="lfr-letter-") as folder:
        return compile_pdf(TEMPLATE, data, Path(folder))
