"""The acts on the page of a case, each with its form, its button and the condition for offering it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from cases import breaches, forms, operations
from cases.choices import OF_OWN_DATA, CaseKind, WaitFor
from cases.content import content_of
from cases.models import Case, CaseState


def _always(case: Case) -> bool:
    return True


def _needs_identity(case: Case) -> bool:
    return case.is_of_own_data and case.identity_on is None


def _can_be_read(case: Case) -> bool:
    return content_of(case) is not None


def _waits_for_words(case: Case) -> bool:
    return case.waits.filter(ended_on=None, wanted=WaitFor.CLARIFICATION).exists()


@dataclass(frozen=True)
class CaseAct:
    """An act. do: of `cases.operations`, given the case and the values of the form. letter: whether it makes one.

    offered: whether it makes sense now. The operation checks it again.
    """

    title: str
    button: str
    done: str
    form: type[Any]
    do: Callable[..., None]
    kinds: tuple[str, ...] = tuple(CaseKind)
    states: tuple[str, ...] = (CaseState.OPEN, CaseState.WAITING)
    offered: Callable[[Case], bool] = _always
    letter: bool = False

    def form_for(self, case: Case, given: QueryDict | None = None) -> Any:
        needs = {"case": case} if self.form in (forms.AskForm, forms.CorrectForm) else {}
        return self.form(given, auto_id=f"{self.form.__name__}-%s", **needs)


_LETTERS = tuple(kind for kind in CaseKind if kind != CaseKind.BREACH)
ACTS: dict[str, CaseAct] = {
    "identity": CaseAct(
        "Record that identity was established",
        "Record identity",
        "Identity recorded.",
        forms.IdentityForm,
        operations.establish_identity,
        kinds=OF_OWN_DATA,
        offered=_needs_identity,
    ),
    "resume": CaseAct(
        "Record the reply",
        "Record reply",
        "Reply recorded. The time runs on.",
        forms.ResumeForm,
        operations.resume,
        states=(CaseState.WAITING,),
        offered=_waits_for_words,
    ),
    "acknowledge": CaseAct(
        "Acknowledge",
        "Make letter and acknowledge",
        "Acknowledged. Send the letter below.",
        forms.AcknowledgeForm,
        operations.acknowledge,
        kinds=_LETTERS,
        offered=lambda case: case.acknowledged_at is None,
        letter=True,
    ),
    "ask": CaseAct(
        "Ask the person for something",
        "Make letter and wait",
        "Recorded. Send the letter below.",
        forms.AskForm,
        operations.ask,
        kinds=_LETTERS,
        letter=True,
    ),
    "extend": CaseAct(
        "Extend the time by two months",
        "Make letter and extend",
        "Extended. Send the letter below.",
        forms.ExtendForm,
        operations.extend,
        kinds=OF_OWN_DATA,
        offered=lambda case: case.extended_at is None,
        letter=True,
    ),
    "report": CaseAct(
        "Record that the Commissioner was told",
        "Record report",
        "Recorded.",
        forms.ReportForm,
        breaches.report_breach,
        kinds=(CaseKind.BREACH,),
        states=tuple(CaseState),
        offered=lambda case: case.reported_at is None,
    ),
    "tell": CaseAct(
        "Record that the people affected were told",
        "Record",
        "Recorded.",
        forms.TellForm,
        breaches.tell_people,
        kinds=(CaseKind.BREACH,),
        states=tuple(CaseState),
        offered=lambda case: case.told_at is None,
    ),
    "correct": CaseAct(
        "Correct the details",
        "Save correction",
        "Corrected.",
        forms.CorrectForm,
        operations.correct,
        kinds=_LETTERS,
        offered=_can_be_read,
    ),
    "note": CaseAct("Add a note", "Add note", "Note added.", forms.NoteForm, operations.add_note),
    "withdraw": CaseAct(
        "Close without an answer",
        "Close case",
        "Case closed without an answer.",
        forms.WithdrawForm,
        operations.withdraw,
    ),
}


@dataclass(frozen=True)
class OfferedAct:
    """An act as the page shows it. is_open: unfolded, because what was entered was refused."""

    name: str
    act: CaseAct
    form: Any
    is_open: bool


def offered(case: Case, refused: str = "", form: Any = None) -> list[OfferedAct]:
    """Return what can be done on a case now. refused: the act whose form has errors, which is shown again."""
    if case.purged_at is not None:
        return []
    return [
        OfferedAct(name, act, form if name == refused else act.form_for(case), name == refused)
        for name, act in ACTS.items()
        if name == refused or (case.kind in act.kinds and case.state in act.states and act.offered(case))
    ]
