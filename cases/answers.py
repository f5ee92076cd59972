"""The answer to a case, and what must be there before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from cases import content, letters
from cases.casework import KEY_GONE, begin, closing, mark_lateness, note_event
from cases.choices import (
    ON_A_GROUND,
    OUTCOMES,
    REASONED,
    UNSEARCHED,
    CaseKind,
    CaseOutcome,
    Ground,
)
from cases.content import EventContent, Found
from cases.models import STEPS, Case, CaseEvent
from core.errors import Refused
from core.machine import JournalData, move

_K = CaseEvent.Kind


@dataclass(frozen=True)
class CaseAnswer:
    """The answer to a case. words: of the letter; of a breach, what was done about it. reasons: never in a letter.

    search: the id of the search that the officer saw. given: which of the places that it found the letter tells, by
    their positions. effects: of a breach.
    """

    outcome: str
    words: str
    reasons: str = ""
    ground: str = ""
    search: str = ""
    given: Sequence[int] = ()
    effects: str = ""


@transaction.atomic
def answer(case: Case, reply: CaseAnswer, *, actor: AbstractBaseUser) -> None:
    """Answer a case with a letter, and close it. A breach is closed without a letter.

    Raises:
        Refused: `check` finds that something is missing. Conflict: it is closed.
    """
    begin(case, actor)
    check(case, reply)
    now, telling = timezone.now(), told(case, reply)
    about = content.content_of(case)
    if about is None:
        raise Refused(KEY_GONE)
    changes = {"outcome": reply.outcome, "ground": reply.ground, **closing(case, actor, now)}
    data: JournalData = {"outcome": reply.outcome, "ground": reply.ground, "told": len(telling)}
    letter = b""
    if case.is_breach:
        changes["sealed"] = content.seal_case(case, replace(about, effects=reply.effects.strip()))
    else:
        letter = letters.answer_letter(case, reply.outcome, reply.words, telling, now)
    case.waits.filter(ended_on=None).update(ended_on=timezone.localdate(now))
    move(case, STEPS["answer"], actor=actor, changes=changes, data=data)
    if case.is_breach:
        mark_lateness(case)
    note_event(case, _K.ANSWERED, actor, EventContent(words=reply.words.strip(), reasons=reply.reasons.strip()), letter)


def check(case: Case, reply: CaseAnswer) -> None:
    """Raise `Refused` if an answer is incomplete, or says what the search does not bear out."""
    outcome = reply.outcome
    if outcome not in OUTCOMES[case.kind]:
        raise Refused("Select the outcome.")
    if not reply.words.strip():
        raise Refused("Enter what was done about it." if case.is_breach else "Enter the words of the letter.")
    if outcome in REASONED and not reply.reasons.strip():
        raise Refused("Enter the reasons. They are kept for the Information Commissioner.")
    if case.kind == CaseKind.ACCESS and outcome in ON_A_GROUND and reply.ground not in Ground.values:
        raise Refused("Select the ground of section 45(4) on which information is withheld.")
    if case.is_breach:
        _check_breach(case, reply)
    if outcome == CaseOutcome.NO_REPLY and not case.events.filter(kind=_K.ASKED).exists():
        raise Refused("The person was not asked for anything.")
    if case.is_of_own_data and outcome not in UNSEARCHED:
        _check_searched(case, reply)


def _check_breach(case: Case, reply: CaseAnswer) -> None:
    if not reply.effects.strip():
        raise Refused("Enter the effects of the breach, or that there are none.")
    if reply.outcome == CaseOutcome.REPORTED and case.reported_at is None:
        raise Refused("Record first when the Commissioner was told.")
    if reply.outcome == CaseOutcome.NOT_REPORTED and case.reported_at is not None:
        raise Refused("The Commissioner was told. Select that it was reported.")


def _check_searched(case: Case, reply: CaseAnswer) -> None:
    if case.identity_on is None:
        raise Refused("Establish who is asking first.")
    if case.searched_at is None:
        raise Refused("Search for the person first.")
    if reply.reasons.strip():
        return
    if reply.outcome == CaseOutcome.NONE_HELD and any(each.found for _, each in searches(case)):
        raise Refused("A search found something. Enter in the reasons why it is not about this person.")
    found = last_search(case)[1]
    if case.kind == CaseKind.ACCESS and reply.outcome == CaseOutcome.GIVEN and len(told(case, reply)) < len(found):
        raise Refused("The letter does not tell everything that was found. Enter in the reasons why not.")


def searches(case: Case) -> list[tuple[CaseEvent, EventContent]]:
    """Return the searches of a case that can still be read, the earliest first."""
    events = case.events.filter(kind=_K.SEARCHED).select_related("case")
    return [(event, said) for event in events if (said := content.content_of_event(event)) is not None]


def last_search(case: Case) -> tuple[str, list[Found]]:
    """Return the id of the last search of a case and what it found; nothing if there was none."""
    found = searches(case)
    return (str(found[-1][0].pk), found[-1][1].found) if found else ("", [])


def told(case: Case, reply: CaseAnswer) -> list[Found]:
    """Return the places of the last search that the letter tells: only if information is given.

    Raises:
        Refused: the officer saw another search than the last one.
    """
    if case.kind != CaseKind.ACCESS or reply.outcome not in (CaseOutcome.GIVEN, CaseOutcome.PART):
        return []
    last, found = last_search(case)
    if reply.search != last or any(not 0 <= position < len(found) for position in reply.given):
        raise Refused("The case was searched again since you opened this page. Open it again.")
    return [found[position] for position in sorted(set(reply.given))]
