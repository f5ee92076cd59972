"""An application begun from an earlier one: what is copied, what is not, and what is marked as not changed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from audit.models import Entry
from core.errors import Refused
from deployments import applications, authority, taking_over
from deployments.models import Deployment
from tests.cast import Cast, client_of, make_deployment, make_draft, make_live_deployment, make_user


def _begin(cast: Cast, source: Deployment, **changes: Any) -> Deployment:
    return taking_over.begin_from(source, name="Southend again", **{"actor": cast.watchlist_admin, **changes})


def test_texts_places_approaches_and_cameras_are_taken_over(cast: Cast) -> None:
    source = make_live_deployment(cast)
    made = _begin(cast, source)
    made.refresh_from_db()
    assert (made.name, made.state, made.taken_from) == ("Southend again", Deployment.State.DRAFT, source)
    for name in taking_over.TAKEN_OVER:
        assert getattr(made, name) == getattr(source, name)
    (period,), (earlier,) = made.periods.all(), source.periods.all()
    assert (period.place, period.approach_list) == (earlier.place, earlier.approach_list)
    marks = [(camera.name, camera.plan_mark) for camera in period.cameras.all()]
    assert marks == [(camera.name, camera.plan_mark) for camera in earlier.cameras.all()]
    entry = Entry.objects.get(target_id=str(made.pk), action="deployment.created")
    assert entry.data["taken_from"] == str(source.pk)


def test_nothing_that_was_recorded_or_decided_is_taken_over(cast: Cast) -> None:
    made = _begin(cast, make_live_deployment(cast))
    made.refresh_from_db()
    assert (made.authorised_by, made.authority_sha256, made.conditions, made.decision_reason) == (None, "", "", "")
    (period,) = made.periods.all()
    assert (period.starts_at, period.watchlist, period.went_live_at, period.signs.count()) == (None, None, None, 0)
    assert (period.briefing, period.officers_present, period.list_confirmed_at) == ("", None, None)
    for camera in period.cameras.all():
        assert (camera.zone, camera.excluded, camera.faces_seen, camera.token_digest) == ([], [], 0, "")
    # The fields that each application must say anew are missing.
    problems = " ".join(applications.problems_of(made))
    for missing in ("why now", "intelligence reference", "intelligence valid until", "enter the start and the end"):
        assert missing in problems


def test_what_was_not_changed_is_marked_until_it_is(cast: Cast) -> None:
    source = make_deployment(cast)
    made = _begin(cast, source)
    same = taking_over.unchanged(made)
    assert {"objective", "why_here", "list_categories", "operating_point", "controller"} <= same
    assert not same & {"name", "why_now", "lender"}
    applications.save_draft(made, {"why_here": "Now at the pier"}, revision=made.revision, actor=cast.watchlist_admin)
    assert same - taking_over.unchanged(made) == {"why_here"}
    (period,) = made.periods.all()
    assert taking_over.unchanged_periods(made) == {period.pk}
    page = client_of(cast.watchlist_admin).get(f"/deployments/{made.pk}/edit/").content.decode()
    assert page.count("Check that it is true of this deployment") == len(same) - 1
    assert "Place, approaches, alternative route and cameras are as in" in page
    period.cameras.filter(name="North").update(smallest_face=40)
    assert taking_over.unchanged_periods(made) == set()
    Deployment.objects.filter(pk=made.pk).update(state="submitted")
    page = client_of(cast.authority).get(f"/deployments/{made.pk}/").content.decode()
    assert page.count(f"As in {source.name}") == len(same) - 1
    assert taking_over.unchanged(source) == set()


def test_a_draft_cannot_be_taken_over_nor_by_somebody_who_may_not_apply(cast: Cast) -> None:
    with pytest.raises(Refused, match="was authorised"):
        _begin(cast, make_draft(cast))
    source = make_deployment(cast)
    with pytest.raises(PermissionDenied):
        _begin(cast, source, actor=cast.commander)


def test_whoever_wrote_the_earlier_one_does_not_decide_on_the_copy(cast: Cast) -> None:
    source = make_deployment(cast)
    other = make_user("second-admin", cast.watchlist_admin)
    made = _begin(cast, source, actor=other)
    assert authority.wrote(made, cast.watchlist_admin)
    assert authority.wrote(_begin(cast, source, actor=other), cast.watchlist_admin)
    assert not authority.wrote(made, cast.authority)


def test_the_page_offers_earlier_applications(cast: Cast) -> None:
    source, draft = make_deployment(cast), make_draft(cast)
    client = client_of(cast.watchlist_admin)
    page = client.get("/deployments/new/").content.decode()
    assert f'value="{source.pk}"' in page
    assert f'value="{draft.pk}"' not in page
    assert client.post("/deployments/new/", {"name": "Next", "taken_from": draft.pk}).status_code == 422
    assert client.post("/deployments/new/", {"name": "Next", "taken_from": source.pk}).status_code == 302
    assert Deployment.objects.get(name="Next").taken_from == source
    assert client.post("/deployments/new/", {"name": "Empty", "taken_from": ""}).status_code == 302
    assert Deployment.objects.get(name="Empty").taken_from is None


def test_what_was_taken_over_can_be_submitted_once_the_rest_is_entered(cast: Cast) -> None:
    source = make_deployment(cast)
    made = _begin(cast, source)
    (earlier,), (period,) = source.periods.all(), made.periods.all()
    assert earlier.starts_at is not None
    assert earlier.ends_at is not None
    day = dt.timedelta(days=1)
    made.periods.update(starts_at=earlier.starts_at + day, ends_at=earlier.ends_at + day)
    given = {
        "why_now": "Again",
        "intelligence_reference": "INT/9",
        "intelligence_expires_on": (earlier.ends_at + 3 * day).date(),
    }
    applications.save_draft(made, given, revision=made.revision, actor=cast.watchlist_admin)
    made.refresh_from_db()
    assert applications.problems_of(made) == []
    assert period.cameras.count() == 2
