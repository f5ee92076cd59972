"""The table of actions on alerts: every branch, its actor, input and resulting state."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from alerts import operations
from alerts.act_rules import ActInput
from alerts.acts import CORRECTIONS, ENDINGS, OFFICER_ACTS, OPERATOR_ACTS, STEPS
from alerts.choices import Result
from alerts.forms import CorrectionForm, EndingForm
from alerts.models import Act, Alert
from alerts.states import ACTIVE, IN_THE_STREET, NEVER_REFERRED, OPEN, OVER, RESULTS, UNDECIDED
from audit.models import Entry
from core.errors import Conflict, Refused
from reports.figures import DISPOSALS
from reports.records import record_of
from tests.cast import (
    ACT_INPUTS,
    Cast,
    act,
    make_alert,
    make_live_deployment,
)

State = Alert.State


BRANCHES: dict[str, tuple[tuple[str, ...], str, Result | None]] = {
    "operator false": (("open", "not_same"), State.OP_FALSE, Result.FALSE_UNCONFIRMED),
    "without opening": (("not_same",), State.OP_FALSE, Result.FALSE_UNCONFIRMED),
    "in doubt, then false": (("open", "inconclusive", "not_same"), State.OP_FALSE, Result.FALSE_UNCONFIRMED),
    "in doubt": (("inconclusive",), State.INCONCLUSIVE, None),
    "handed over": (("open", "same"), State.REFERRED, None),
    "officer not the same": (("same", "acknowledge", "not_them"), State.OFFICER_NOT_SAME, Result.FALSE_UNCONFIRMED),
    "not the same at once": (("same", "not_them"), State.OFFICER_NOT_SAME, Result.FALSE_UNCONFIRMED),
    "evaded": (("same", "acknowledge", "lost"), State.NOT_LOCATED, Result.TRUE_UNCONFIRMED),
    "ran": (("same", "acknowledge", "engage", "lost"), State.NOT_LOCATED, Result.TRUE_UNCONFIRMED),
    "no engagement": (("same", "acknowledge", "no_engagement"), State.NO_ENGAGEMENT, Result.TRUE_UNCONFIRMED),
    "released in doubt": (("same", "engage", "release"), State.CONFIRMED_FALSE, Result.FALSE_CONFIRMED),
    "released after a check": (
        ("same", "engage", "check_identity", "release"),
        State.CONFIRMED_FALSE,
        Result.FALSE_CONFIRMED,
    ),
    "confirmed": (("same", "engage", "check_identity", "confirm"), State.CONFIRMED_TRUE, None),
    "released after all": (
        ("same", "engage", "check_identity", "confirm", "release"),
        State.CONFIRMED_FALSE,
        Result.FALSE_CONFIRMED,
    ),
    "handed to another": (
        ("same", "acknowledge", "hand_over", "not_them"),
        State.OFFICER_NOT_SAME,
        Result.FALSE_UNCONFIRMED,
    ),
    "arrest": (("same", "engage", "check_identity", "confirm", "arrest"), State.ARRESTED, Result.TRUE_CONFIRMED),
    "other": (("same", "engage", "check_identity", "confirm", "other"), State.OTHER_DISPOSAL, Result.TRUE_CONFIRMED),
    "no action": (
        ("same", "engage", "check_identity", "confirm", "no_action"),
        State.NO_ACTION,
        Result.TRUE_CONFIRMED,
    ),
}


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_branch_ends_where_it_should_and_is_counted_once(cast: Cast, branch: str) -> None:
    steps, state, result = BRANCHES[branch]
    deployment = make_live_deployment(cast)
    alert = act(make_alert(deployment), *steps, cast=cast)
    assert (alert.state, alert.result) == (state, result)
    assert [row.name for row in alert.acts.all()] == list(steps)
    assert alert.revision == len(steps)
    counted = deployment.counters()
    assert (counted.raised, counted.open) == (1, 0 if result else 1)
    assert counted.false == int(result is not None and result.is_false)
    found = record_of(deployment).figures
    assert found.alerts == 1
    # Officers who doubted the likeness and engaged nobody are also shown apart.
    assert found.doubted == (alert.state == State.NO_ENGAGEMENT)
    assert sum(count for _, count in found.results) + found.still_open == 1
    assert Entry.objects.filter(target_id=str(alert.pk)).exclude(action="alert.raised").count() == len(steps)


def test_the_acts_lead_to_every_state_and_out_of_each_that_is_open() -> None:
    steps = list(STEPS.values())
    reached: set[str] = {State.RAISED}
    while more := {step.target for step in steps if reached & set(step.sources)} - reached:
        reached |= more
    # Nobody acts on an alert of the recognition test.
    assert reached == set(State) - {State.BLUE}
    for state in reached - {State.CONTROL}:
        targets = {step.target for step in steps if state in step.sources} - {state}
        assert (state in OPEN) == bool(targets - {State.REVIEW} or state == State.RAISED), state
    # The branches above cover every outcome that people can record while cameras are on.
    by_people = {kind.step.target for kind in (*OPERATOR_ACTS.values(), *OFFICER_ACTS.values())}
    assert {state for _, state, _ in BRANCHES.values()} >= by_people & set(OVER)


def test_each_state_is_in_the_right_groups() -> None:
    assert set(OPEN) | set(OVER) == set(State) - {State.BLUE, State.CONTROL}
    assert not set(OPEN) & set(OVER)
    assert set(UNDECIDED) | set(IN_THE_STREET) == set(ACTIVE) == set(OPEN) - {State.EXPIRED}
    assert set(NEVER_REFERRED) & {*IN_THE_STREET, *(kind.step.target for kind in OFFICER_ACTS.values())} == set()


@pytest.mark.parametrize("name", [*OPERATOR_ACTS, *OFFICER_ACTS])
def test_no_step_from_a_wrong_state(cast: Cast, name: str, settings: Any) -> None:
    kind = {**OPERATOR_ACTS, **OFFICER_ACTS}[name]
    alert = make_alert(make_live_deployment(cast))
    actor = cast.operator if name in OPERATOR_ACTS else cast.officer
    met = {"officer": cast.officer, "engaged_at": timezone.now(), "identity_method": "document"}
    Alert.objects.filter(pk=alert.pk).update(decided_by=cast.operator, decided_at=timezone.now(), **met)
    for state in set(State) - set(kind.step.sources) - {State.CONTROL, State.BLUE}:
        Alert.objects.filter(pk=alert.pk).update(state=state)
        with pytest.raises(Conflict):
            operations.act(
                alert, name, dataclasses.replace(ACT_INPUTS.get(name, ActInput()), key=uuid.uuid4()), actor=actor
            )
    assert not Act.objects.exists()


@pytest.mark.parametrize(
    "role", ["system_admin", "watchlist_admin", "authority", "commander", "compliance", "stranger"]
)
def test_users_of_other_roles_cannot_take_a_step(cast: Cast, role: str) -> None:
    alert = make_alert(make_live_deployment(cast))
    for name in (*OPERATOR_ACTS, *OFFICER_ACTS):
        with pytest.raises(PermissionDenied):
            operations.act(alert, name, ACT_INPUTS.get(name), actor=cast.by_role[role])
    with pytest.raises(PermissionDenied):
        operations.act(alert, "same", ACT_INPUTS["same"], actor=cast.officer)
    with pytest.raises(PermissionDenied):
        operations.act(alert, "acknowledge", actor=cast.operator)


MISSING: dict[str, tuple[tuple[str, ...], str, ActInput, str]] = {
    "same without a feature": ((), "same", ActInput(), "at least one feature that is alike"),
    "same for what differs": ((), "same", ActInput(differ=["ears"]), "at least one feature that is alike"),
    "not the same without a feature": ((), "not_same", ActInput(alike=["eyes"]), "at least one feature that differs"),
    "cannot say without a reason": ((), "inconclusive", ActInput(alike=["eyes"]), "at least one reason"),
    "a feature as both": ((), "same", ActInput(alike=["eyes"], differ=["eyes"]), "once"),
    "an unknown feature": ((), "same", ActInput(alike=["skin"]), "once"),
    "an unknown reason": ((), "inconclusive", ActInput(reasons=["age"]), "reasons shown"),
    "an identity confirmed somehow": (("same", "engage", "check_identity"), "confirm", ActInput(), "offered"),
    "an identity confirmed by the likeness": (
        ("same", "engage", "check_identity"),
        "confirm",
        ActInput(code="likeness"),
        "offered",
    ),
    "an arrest for nothing": (
        ("same", "engage", "check_identity", "confirm"),
        "arrest",
        ActInput(leaflet=True),
        "offered",
    ),
    "an arrest without a word on the leaflet": (
        ("same", "engage", "check_identity", "confirm"),
        "arrest",
        ActInput(code="robbery"),
        "leaflet",
    ),
    "a release without a word on the leaflet": (("same", "engage"), "release", ActInput(), "leaflet"),
    "a code where none belongs": (("same",), "lost", ActInput(code="robbery"), "takes no code"),
    "no such step": ((), "identify", ActInput(), "steps shown"),
}


@pytest.mark.parametrize("case", MISSING)
def test_missing_input_is_refused_and_nothing_is_stored(cast: Cast, case: str) -> None:
    before, name, text, words = MISSING[case]
    alert = act(make_alert(make_live_deployment(cast)), *before, cast=cast)
    state, rows = alert.state, Act.objects.count()
    with pytest.raises(Refused, match=words):
        operations.act(alert, name, text, actor=cast.officer if name in OFFICER_ACTS else cast.operator)
    alert.refresh_from_db()
    assert (alert.state, Act.objects.count()) == (state, rows)


def test_endings_and_corrections_cover_every_result() -> None:
    assert set(RESULTS) == set(CORRECTIONS)
    assert set(ENDINGS) == set(RESULTS) - {State.OP_FALSE}


def test_outcomes_are_offered_by_their_own_names(cast: Cast) -> None:
    alert = act(make_alert(make_live_deployment(cast)), "same", cast=cast)
    for form in (EndingForm(alert=alert, officers=[]), CorrectionForm(alert=alert, officers=[])):
        offered = dict(form.fields["ending"].choices)  # type: ignore[attr-defined]
        assert offered.pop("") == "Select an outcome"
        assert offered == {state: State(state).label for state in offered}


def test_each_outcome_with_a_confirmed_identity_has_its_column_in_the_record() -> None:
    """Without it the columns of outcomes would not add up to the column of their result."""
    assert set(DISPOSALS) == {state for state, result in RESULTS.items() if result == Result.TRUE_CONFIRMED}
    assert len(set(DISPOSALS.values())) == len(DISPOSALS)
