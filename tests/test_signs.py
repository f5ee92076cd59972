"""Signs: one on every approach, with its distance, until it is taken down; cards; and the way around."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from audit.models import Entry
from core.errors import Conflict, Refused
from demo import rehearsal
from deployments import applications, authority, closure, executable, readiness, running, signs
from deployments.choices import CHOSEN_HALTS
from deployments.models import Deployment, Period, Sign
from tests.cast import (
    Cast,
    add_person,
    client_of,
    end,
    make_deployment,
    make_draft,
    make_live_deployment,
    make_watchlist,
    people_of,
    period_of,
    portrait_jpeg,
)


def _sign(period: Period, cast: Cast, **changes: Any) -> Sign:
    usual: dict[str, Any] = {
        "approach": "From the north",
        "place": "Lamp post 4",
        "distance_m": 90,
        "photograph": b"x",
        "actor": cast.commander,
    }
    return signs.record_sign(period, **{**usual, **changes})


def _check(period: Period) -> readiness.Check:
    return next(each for each in readiness.checks(period) if each.name == "signs")


def test_an_application_names_every_approach_and_the_way_around(cast: Cast) -> None:
    draft = make_draft(cast)
    assert not applications.problems_of(draft)
    draft.periods.update(approaches=" \n ", alternative_route="")
    assert [problem for problem in applications.problems_of(draft) if "approach" in problem] == [
        "Period 1: enter every approach to the zones, one a line."
    ]
    assert any("rather not pass" in problem for problem in applications.problems_of(draft))


def test_an_approach_can_be_recorded_as_it_was_authorised(cast: Cast) -> None:
    draft = make_draft(cast)
    draft.periods.update(approaches="x" * 201)
    assert any("200 characters" in problem for problem in applications.problems_of(draft))
    draft.periods.update(approaches="x" * 200)
    deployment = rehearsal.authorised(Deployment.objects.get(pk=draft.pk), people_of(cast))
    assert _sign(period_of(deployment), cast, approach="x" * 200).approach == "x" * 200


def test_they_name_nobody_on_a_list(cast: Cast) -> None:
    add_person(cast, make_watchlist(cast), "N/1042", "Alex Fenwick")
    draft = make_draft(cast)
    draft.periods.update(alternative_route="Past the house of Alex Fenwick")
    with pytest.raises(Refused, match="name or reference"):
        applications.submit(draft, revision=draft.revision, actor=cast.watchlist_admin)


def test_a_deployment_that_never_went_live_says_what_is_left(cast: Cast) -> None:
    deployment = make_deployment(cast)
    authority.cancel(deployment, reason="Rain", actor=cast.watchlist_admin)
    page = client_of(cast.commander).get(f"/deployments/{deployment.pk}/").content.decode()
    assert "Signs not taken down: 2." in page
    for sign in period_of(deployment).signs.all():
        signs.take_down(sign, actor=cast.commander)
    assert closure.left_behind(deployment) == []


def test_they_are_signed_and_printed(cast: Cast) -> None:
    deployment = make_deployment(cast)
    signed = executable.latest(deployment)
    assert signed is not None
    (where,) = signed.document["where"]
    assert where["approaches"] == ["From the north", "From the south"]
    assert where["alternative_route"] == rehearsal.ALTERNATIVE_ROUTE
    # A row that drifts leaves out no approach unseen.
    Period.objects.update(approaches="From the north")
    assert any("approaches" in path for path, _, _ in executable.drift(signed))


def test_cameras_wait_for_a_sign_on_each_approach(cast: Cast) -> None:
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    period = period_of(deployment)
    assert _check(period).why == "No sign is recorded as up on: From the north; From the south."
    _sign(period, cast)
    assert _check(period).why == "No sign is recorded as up on: From the south."
    _sign(period, cast, approach="From the south", distance_m=0)
    assert (_check(period).holds, _check(period).why) == (True, "2 up, on every approach.")
    entry = Entry.objects.filter(action="deployment.sign_recorded").in_order()[0]
    assert (entry.data["approach"], entry.data["distance_m"]) == ("From the north", 90)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"approach": "From above"}, "Select one of the approaches"),
        ({"place": " "}, "Enter the location"),
        ({"distance_m": 2001}, "2,000 metres"),
        ({"distance_m": -1}, "2,000 metres"),
        ({"put_up_at": timezone.now() + dt.timedelta(days=1)}, "in the past"),
    ],
)
def test_what_is_wrong_is_refused(cast: Cast, changes: dict[str, Any], says: str) -> None:
    period = period_of(rehearsal.authorised(make_draft(cast), people_of(cast)))
    with pytest.raises(Refused, match=says):
        _sign(period, cast, **changes)
    assert not period.signs.exists()


def test_no_sign_is_taken_down_while_the_cameras_are_on(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    sign = period_of(deployment).signs.all()[0]
    with pytest.raises(Refused, match="cameras are on"):
        signs.take_down(sign, actor=cast.commander)
    running.pause(deployment, code=CHOSEN_HALTS[0], actor=cast.commander)
    sign = Sign.objects.get(pk=sign.pk)
    signs.take_down(sign, actor=cast.commander)
    with pytest.raises(Refused, match="No sign is recorded as up on"):
        running.resume(deployment, actor=cast.commander)
    with pytest.raises(Conflict):
        signs.take_down(Sign.objects.get(pk=sign.pk), actor=cast.commander)
    assert Entry.objects.filter(action="deployment.sign_taken_down").count() == 1


def test_a_deployment_is_closed_once_signs_are_down_and_cards_counted(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    period = period_of(deployment)
    end(deployment, cast)
    left = closure.open_ends_of(deployment)
    assert "Signs not taken down: 2." in left
    assert "Periods without the number of cards handed out: 1." in left
    for sign in period.signs.all():
        signs.take_down(sign, actor=cast.commander)
    with pytest.raises(Refused, match="0 to 100,000"):
        signs.record_cards(period, count=-1, actor=cast.commander)
    signs.record_cards(period, count=0, actor=cast.commander)
    assert not [each for each in closure.open_ends_of(deployment) if "igns" in each or "cards" in each]
    Deployment.objects.update(closed_at=timezone.now())
    with pytest.raises(Conflict):
        signs.record_cards(Period.objects.get(pk=period.pk), count=9, actor=cast.commander)


def test_cards_are_counted_for_a_period_that_was_live(cast: Cast) -> None:
    with pytest.raises(Conflict):
        signs.record_cards(period_of(make_deployment(cast)), count=9, actor=cast.commander)


def test_the_page_takes_a_sign_and_takes_it_down(cast: Cast) -> None:
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    period, client = period_of(deployment), client_of(cast.commander)
    path = f"/periods/{period.pk}/signs/"
    picture = SimpleUploadedFile("sign.jpg", portrait_jpeg())
    given = {"approach": "From the south", "place": "Pier", "distance_m": "120", "photograph": picture}
    assert client.post(path, {**given, "distance_m": ""}).status_code == 422
    picture.seek(0)
    assert client.post(path, given).status_code == 302
    page = client.get(f"/periods/{period.pk}/").content.decode()
    assert "Pier, 120 m" in page
    assert rehearsal.ALTERNATIVE_ROUTE in page
    sign = period.signs.get()
    assert client.post(f"/signs/{sign.pk}/down/").status_code == 302
    assert "taken down" in client.get(f"/periods/{period.pk}/").content.decode()
