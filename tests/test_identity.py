"""No path leads to a disposal without an engagement and an identity check, however and whenever it is recorded."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from alerts import operations
from alerts.acts import CONTROL_ACTS, CORRECTIONS, ENDINGS, ESCALATE, EXPIRE, OFFICER_ACTS, OPERATOR_ACTS
from alerts.choices import IdentityMethod
from alerts.forms import CorrectionForm, EndingForm
from alerts.models import Alert
from alerts.states import CODES, DISPOSED, MET
from audit.models import Entry
from core.errors import Refused
from deployments import running
from deployments.models import Deployment
from tests.cast import Cast, act, client_of, make_alert, make_live_deployment

State = Alert.State
CODE: dict[str, str] = {state: CODES[state].values[0] for state in DISPOSED}


@pytest.fixture
def deployment(cast: Cast, settings: Any) -> Deployment:
    settings.LFR_JOIN_WINDOW = dt.timedelta(0)
    return make_live_deployment(cast)


def _met(cast: Cast, **changes: Any) -> dict[str, Any]:
    return {"engaged_by": cast.officer, "engaged_at": timezone.now(), "identity_method": "fingerprint", **changes}


def test_only_a_confirmed_identity_leads_to_a_disposal() -> None:
    """In the table: by acts of officers, each disposal comes from a state that only the identity check leads to."""
    kinds = [*OPERATOR_ACTS.values(), *OFFICER_ACTS.values(), *CONTROL_ACTS.values(), ESCALATE, EXPIRE]
    into = {state: [kind for kind in kinds if kind.step.target == state] for state in State.values}
    for state in DISPOSED:
        assert {source for kind in into[state] for source in kind.step.sources} == {State.CONFIRMED_TRUE}
    assert [(kind.name, kind.step.sources) for kind in into[State.CONFIRMED_TRUE]] == [("confirm", (State.ID_CHECK,))]
    assert [(kind.name, kind.step.sources) for kind in into[State.ID_CHECK]] == [("check_identity", (State.ENGAGED,))]
    assert set(DISPOSED) < set(ENDINGS) & set(CORRECTIONS)


def test_a_disposal_on_the_handset_says_how_identity_was_established(cast: Cast, deployment: Deployment) -> None:
    alert = act(make_alert(deployment), "same", "engage", "check_identity", "confirm", "arrest", cast=cast)
    assert (alert.state, alert.identity_method) == (State.ARRESTED, IdentityMethod.DOCUMENT)
    log = client_of(cast.commander).get(f"/deployments/{deployment.pk}/alerts/").content.decode()
    assert "Identity established by: identity document" in log


@pytest.mark.parametrize("state", DISPOSED)
def test_afterwards_a_disposal_needs_who_when_and_how(cast: Cast, deployment: Deployment, state: str) -> None:
    """As when the handset was off: recorded from "referred" once the cameras are off."""
    alert = act(make_alert(deployment), "same", cast=cast)
    running.end_period(deployment, actor=cast.commander)
    early = alert.raised_at - dt.timedelta(minutes=2)
    for missing, words in (
        ({"engaged_by": None}, "Select the officer"),
        ({"engaged_at": None}, "enter when"),
        ({"engaged_at": early}, "when the possible match was raised"),
        ({"engaged_at": timezone.now() + dt.timedelta(minutes=1)}, "and now"),
        ({"engaged_by": cast.commander}, "not posted"),
        ({"engaged_by": cast.operator}, "not an engagement officer"),
        ({"identity_method": ""}, "how an officer established"),
        ({"identity_method": "likeness"}, "how an officer established"),
    ):
        with pytest.raises(Refused, match=words):
            operations.code(alert, state, CODE[state], actor=cast.commander, **_met(cast, **missing))
    assert Alert.objects.get().state == State.REFERRED
    operations.code(alert, state, CODE[state], actor=cast.commander, **_met(cast))
    alert.refresh_from_db()
    assert (alert.state, alert.officer, alert.identity_method) == (state, cast.officer, "fingerprint")
    assert alert.engaged_at is not None
    recorded = Entry.objects.get(action="alert.outcome").data
    assert (recorded["engaged_by"], recorded["identity_method"]) == ("officer", "fingerprint")


@pytest.mark.parametrize("state", DISPOSED)
@pytest.mark.parametrize("steps", [("not_same",), ("same", "not_them"), ("same", "engage", "release")])
def test_no_correction_leads_to_a_disposal_without_them(
    cast: Cast, deployment: Deployment, steps: tuple[str, ...], state: str
) -> None:
    alert = act(make_alert(deployment), *steps, cast=cast)
    running.end_period(deployment, actor=cast.commander)
    with pytest.raises(Refused, match=r"Select (the officer|how)"):
        operations.correct(alert, state, CODE[state], reason="The wrong button", actor=cast.commander)
    given = _met(cast)
    if alert.engaged_at is not None:
        # The record of the handset stays.
        with pytest.raises(Refused, match="recorded already"):
            operations.correct(alert, state, CODE[state], reason="x", actor=cast.commander, **given)
        given = {"identity_method": "records"}
    operations.correct(alert, state, CODE[state], reason="The wrong button", actor=cast.commander, **given)
    alert.refresh_from_db()
    assert (alert.state, bool(alert.engaged_at), bool(alert.identity_method)) == (state, True, True)


def test_nothing_is_recorded_about_a_meeting_that_the_outcome_excludes(cast: Cast, deployment: Deployment) -> None:
    alert = act(make_alert(deployment), "same", cast=cast)
    running.end_period(deployment, actor=cast.commander)
    with pytest.raises(Refused, match="nobody was spoken to"):
        operations.code(alert, "officer_false", actor=cast.commander, **_met(cast, identity_method=""))
    with pytest.raises(Refused, match="nobody was identified"):
        operations.code(alert, "not_located", actor=cast.commander, **_met(cast))
    with pytest.raises(Refused, match="nobody was identified"):
        operations.code(alert, "not_same", actor=cast.commander, **_met(cast))
    with pytest.raises(Refused, match="Select the officer"):
        operations.code(alert, "not_same", "relative", actor=cast.commander)
    operations.code(alert, "not_same", "relative", actor=cast.commander, **_met(cast, identity_method=""))
    assert Alert.objects.get().state == State.CONFIRMED_FALSE


def test_somebody_who_was_spoken_to_may_be_lost_again(cast: Cast, deployment: Deployment) -> None:
    alert = act(make_alert(deployment), "same", cast=cast)
    running.end_period(deployment, actor=cast.commander)
    operations.code(alert, "not_located", actor=cast.commander, **_met(cast, identity_method=""))
    alert.refresh_from_db()
    assert (alert.state, alert.officer, alert.identity_method) == (State.NOT_LOCATED, cast.officer, "")


def test_an_officer_who_has_left_is_still_the_one_who_engaged(cast: Cast, deployment: Deployment) -> None:
    alert = act(make_alert(deployment), "same", cast=cast)
    running.end_period(deployment, actor=cast.commander)
    cast.officer.is_active = False
    cast.officer.save()
    operations.code(alert, "arrested", CODE["arrested"], actor=cast.commander, **_met(cast))
    assert Alert.objects.get().officer == cast.officer


def test_a_release_after_the_check_leaves_no_identity(cast: Cast, deployment: Deployment) -> None:
    """A later correction to an arrest must say anew how identity was established."""
    alert = act(make_alert(deployment), "same", "engage", "check_identity", "confirm", "release", cast=cast)
    assert alert.identity_method == ""
    running.end_period(deployment, actor=cast.commander)
    with pytest.raises(Refused, match="how an officer established"):
        operations.correct(alert, "arrested", CODE["arrested"], reason="x", actor=cast.commander)


def test_the_database_holds_it_too(cast: Cast, deployment: Deployment) -> None:
    alert = act(make_alert(deployment), "same", cast=cast)
    for state in MET:
        with pytest.raises(IntegrityError), transaction.atomic():
            Alert.objects.filter(pk=alert.pk).update(state=state)
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.filter(pk=alert.pk).update(state=State.ARRESTED, engaged_at=timezone.now(), officer=cast.officer)


def _ending(alert: Alert) -> EndingForm:
    return EndingForm(alert=alert, officers=[])


def test_the_commanders_page_asks_only_for_what_is_missing(cast: Cast, deployment: Deployment) -> None:
    referred = act(make_alert(deployment, "a" * 32), "same", cast=cast)
    engaged = act(make_alert(deployment, "b" * 32), "same", "engage", cast=cast)
    arrested = act(make_alert(deployment, "c" * 32), "same", "engage", "check_identity", "confirm", "arrest", cast=cast)
    meeting = {"engaged_by", "engaged_at"}
    assert meeting | {"identity_method"} < set(_ending(referred).fields)
    assert set(_ending(engaged).fields) == {"ending", "code", "identity_method"}
    assert set(CorrectionForm(alert=arrested, officers=[]).fields) == {"ending", "code", "reason"}
    # Nobody was sent to the person, so no outcome that is offered needs a meeting.
    waiting = make_alert(deployment, "d" * 32)
    assert set(_ending(waiting).fields) == {"ending", "code"}
    running.end_period(deployment, actor=cast.commander)
    client, url = client_of(cast.commander), f"/alerts/{referred.pk}/code/"
    outcome = {"ending": "arrested", "code": "robbery", "identity_method": "known", "engaged_by": str(cast.officer.pk)}
    wrong = client.post(url, {**outcome, "engaged_at": "yesterday"})
    assert (wrong.status_code, "as a date and a time" in wrong.content.decode()) == (422, True)
    now = timezone.localtime()
    assert client.post(url, {**outcome, "engaged_at": f"{now:%Y-%m-%dT%H:%M}"}).status_code == 302
    referred.refresh_from_db()
    # A time to the minute is not before the possible match.
    assert referred.engaged_at is not None
    assert referred.engaged_at >= referred.raised_at
