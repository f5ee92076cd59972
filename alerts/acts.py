"""The table of acts that change the state of an alert, with their states, permissions, guards and effects.

`alerts.operations.perform` performs them. Nothing else changes the state of an alert.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

from alerts import act_rules as rules
from alerts.act_rules import ActInput, Effect, Guard
from alerts.models import Alert
from alerts.permissions import DECIDE_ALERT, RECORD_OUTCOME
from alerts.states import (
    CAN_BE_TAKEN_BACK,
    CODES,
    FOUND_IN_REVIEW,
    IN_THE_STREET,
    OPEN,
    OVER,
    UNDECIDED,
    ActName,
    AlertState,
)
from audit.actions import Action
from core.errors import Refused
from core.machine import Step
from deployments.permissions import RUN_DEPLOYMENT
from training.models import Task

_S = AlertState
_NOT_YET_MET = (_S.REFERRED, _S.ACKED)
_SPOKEN_TO = (_S.ENGAGED, _S.ID_CHECK)


@dataclass(frozen=True)
class ActKind:
    """One act on an alert.

    If the target state has codes, one is required, unless `may_omit_code` is set. wrong_state: returns the error for an
    alert in a state that the step cannot start from. trained_as: the training that a user needs to begin it.
    They can always end and record what they have begun.
    """

    name: ActName
    step: Step
    guards: tuple[Guard, ...] = ()
    effects: Effect = rules.nothing
    may_omit_code: bool = False
    asks_leaflet: bool = False
    trained_as: Task | None = None
    wrong_state: Callable[[Alert], Exception] = rules.too_late

    @property
    def label(self) -> str:
        return str(self.name.label)

    @property
    def codes(self) -> list[tuple[str, str]]:
        """The codes to choose from, with their labels; empty if this act takes none."""
        codes = CODES.get(self.step.target)
        return [] if codes is None else [(value, str(label)) for value, label in codes.choices]

    def check_input(self, given: ActInput) -> None:
        """Raise `Refused` unless the input is what this act asks for."""
        rules.check_choices(given)
        codes = [value for value, _ in self.codes]
        if not codes and given.code:
            raise Refused("This step takes no code. Leave the code empty.")
        if codes and given.code not in codes and (given.code or not self.may_omit_code):
            raise Refused("Select one of the codes offered for this step.")
        if self.asks_leaflet and given.leaflet is None:
            raise Refused("Select whether the leaflet was given.")


def _named(*kinds: ActKind) -> dict[str, ActKind]:
    return {kind.name: kind for kind in kinds}


def _operator(
    name: ActName, sources: tuple[str, ...], target: str, action: Action, effects: Effect, *guards: Guard
) -> ActKind:
    trained_as = None if name == ActName.UNDO else Task.OPERATOR
    step = Step(sources, target, DECIDE_ALERT, action)
    return ActKind(name, step, (rules.has_its_faces, *guards), effects, trained_as=trained_as)


def _officer(
    name: ActName,
    sources: tuple[str, ...],
    target: str,
    effects: Effect,
    *,
    may_omit_code: bool = False,
    asks_leaflet: bool = False,
) -> ActKind:
    action = Action.ALERT_OUTCOME if target in OVER else Action.ALERT_RESPONDED
    step, guards = Step(sources, target, RECORD_OUTCOME, action), (rules.is_answered_by_nobody_else,)
    trained_as = Task.ENGAGEMENT if target in (_S.ACKED, _S.ENGAGED) else None
    return ActKind(name, step, guards, effects, may_omit_code, asks_leaflet, trained_as)


OPERATOR_ACTS: dict[str, ActKind] = _named(
    _operator(
        ActName.SAME,
        UNDECIDED,
        _S.REFERRED,
        Action.ALERT_REFERRED,
        rules.decided_and_referred,
        rules.names_what_is_alike,
        rules.is_for_somebody_posted,
    ),
    _operator(
        ActName.NOT_SAME,
        UNDECIDED,
        _S.OP_FALSE,
        Action.ALERT_DECIDED,
        rules.decided_and_ended,
        rules.names_what_differs,
    ),
    _operator(
        ActName.INCONCLUSIVE,
        (_S.RAISED, _S.REVIEW),
        _S.INCONCLUSIVE,
        Action.ALERT_DECIDED,
        rules.decided,
        rules.gives_a_reason,
    ),
    _operator(ActName.OPEN, (_S.RAISED,), _S.REVIEW, Action.ALERT_OPENED, rules.opened),
    _operator(
        ActName.UNDO,
        CAN_BE_TAKEN_BACK,
        _S.REVIEW,
        Action.ALERT_RETRACTED,
        rules.taken_back,
        rules.is_own_and_recent,
    ),
    _operator(
        ActName.HAND_OVER,
        _NOT_YET_MET,
        _S.REFERRED,
        Action.ALERT_HANDED_OVER,
        rules.referred_again,
        rules.is_for_somebody_posted,
    ),
)

# Acts on the handset. Every state offers "Not the person" or, once an officer has spoken to the person, "Release".
OFFICER_ACTS: dict[str, ActKind] = _named(
    _officer(ActName.ACKNOWLEDGE, (_S.REFERRED,), _S.ACKED, rules.answered),
    _officer(ActName.ENGAGE, _NOT_YET_MET, _S.ENGAGED, rules.engaged),
    _officer(ActName.NOT_THEM, _NOT_YET_MET, _S.OFFICER_NOT_SAME, rules.answered_and_ended),
    _officer(
        ActName.RELEASE,
        (*_SPOKEN_TO, _S.CONFIRMED_TRUE),
        _S.CONFIRMED_FALSE,
        rules.released,
        may_omit_code=True,
        asks_leaflet=True,
    ),
    _officer(ActName.CHECK_IDENTITY, (_S.ENGAGED,), _S.ID_CHECK, rules.answered),
    _officer(ActName.CONFIRM, (_S.ID_CHECK,), _S.CONFIRMED_TRUE, rules.identified),
    _officer(ActName.ARREST, (_S.CONFIRMED_TRUE,), _S.ARRESTED, rules.answered_and_ended, asks_leaflet=True),
    _officer(ActName.OTHER, (_S.CONFIRMED_TRUE,), _S.OTHER_DISPOSAL, rules.answered_and_ended, asks_leaflet=True),
    _officer(ActName.NO_ACTION, (_S.CONFIRMED_TRUE,), _S.NO_ACTION, rules.answered_and_ended, asks_leaflet=True),
    _officer(ActName.LOST, (*_NOT_YET_MET, *_SPOKEN_TO), _S.NOT_LOCATED, rules.answered_and_ended),
    _officer(ActName.NO_ENGAGEMENT, _NOT_YET_MET, _S.NO_ENGAGEMENT, rules.answered_and_ended),
)

# A known-negative check looks like any other alert to the operator and asks for the same input. It is referred to
# nobody. Its adjudication cannot be undone, because the answer is then shown.
CONTROL_ACTS: dict[str, ActKind] = {
    name: replace(
        OPERATOR_ACTS[name],
        step=Step(UNDECIDED, _S.CONTROL, DECIDE_ALERT, Action.CONTROL_JUDGED),
        effects=rules.decided,
    )
    for name in (ActName.SAME, ActName.NOT_SAME, ActName.INCONCLUSIVE)
}

ESCALATE = ActKind(
    ActName.ESCALATE,
    Step((_S.REFERRED,), _S.REFERRED, "", Action.ALERT_ESCALATED, system_may=True),
    effects=rules.escalated,
)
EXPIRE = ActKind(ActName.EXPIRE, Step(UNDECIDED, _S.EXPIRED, "", Action.ALERT_EXPIRED, system_may=True))


def _ending(sources: tuple[str, ...], target: str, *guards: Guard) -> ActKind:
    step = Step(sources, target, RUN_DEPLOYMENT, Action.ALERT_OUTCOME)
    guards = (rules.cameras_are_off, *guards, functools.partial(rules.gives_the_engagement, state=target))
    return ActKind(
        ActName.CODE,
        step,
        guards,
        functools.partial(rules.coded, state=target),
        trained_as=_to_compare(target),
        wrong_state=rules.not_this_ending,
    )


def _to_compare(target: str) -> Task | None:
    """Return the training that a commander needs for an outcome that they find by comparing the faces."""
    return Task.COMMANDER if target in FOUND_IN_REVIEW else None


def _correction(target: str) -> ActKind:
    """Return the act by which the commander corrects any other outcome to this one; earlier acts stay."""
    return ActKind(
        ActName.CORRECT,
        Step(OVER, target, RUN_DEPLOYMENT, Action.ALERT_CORRECTED),
        (
            functools.partial(rules.is_recorded_otherwise, state=target),
            functools.partial(rules.keeps_false_alerts_counted, state=target),
            rules.was_recorded_by_somebody_else,
            rules.explains_the_correction,
            functools.partial(rules.gives_the_engagement, state=target),
        ),
        functools.partial(rules.coded, state=target),
        trained_as=_to_compare(target),
        wrong_state=rules.nothing_to_correct,
    )


# Outcomes that the commander may record for an alert that is still open once its cameras are off. The first two are
# found by comparing the faces, so these must not have been purged.
ENDINGS: dict[str, ActKind] = {
    _S.LATE_SAME: _ending((*UNDECIDED, _S.EXPIRED), _S.LATE_SAME, rules.has_its_faces),
    _S.LATE_NOT_SAME: _ending((*UNDECIDED, _S.EXPIRED), _S.LATE_NOT_SAME, rules.has_its_faces),
    _S.UNRESOLVED: _ending(OPEN, _S.UNRESOLVED),
    **{
        state: _ending(IN_THE_STREET, state)
        for state in (kind.step.target for kind in OFFICER_ACTS.values())
        if state in OVER
    },
}
CORRECTIONS: dict[str, ActKind] = {state: _correction(state) for state in (*ENDINGS, _S.OP_FALSE)}

# Every step except corrections, for the generated documents.
STEPS: dict[str, Step] = {
    **{name: kind.step for name, kind in {**OPERATOR_ACTS, **OFFICER_ACTS}.items()},
    "decide a known-negative check": CONTROL_ACTS[ActName.SAME].step,
    **{kind.name: kind.step for kind in (ESCALATE, EXPIRE)},
    **{f"record as {state}": kind.step for state, kind in ENDINGS.items()},
}
