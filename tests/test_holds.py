"""The rule of evidence holds, for both kinds: watchlist entries and alerts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from alerts import evidence
from alerts.models import Alert, EvidenceHold
from audit.models import Entry
from core.errors import Refused
from lfr_site.models import User
from tests.cast import Cast, client_of, end, list_of, make_alert, make_live_deployment, make_user
from watchlists import destruction
from watchlists.models import Hold, Person
from watchlists.models.holds import EvidenceHoldBase


@dataclass(frozen=True)
class Held:
    """Something that can be held: its operations, the URLs of its page and forms, and its audit action."""

    target: Person | Alert
    model: type[EvidenceHoldBase]
    place: Callable[..., EvidenceHoldBase]
    release: Callable[..., None]
    page: str
    place_at: str
    release_at: str
    released: str


@pytest.fixture(params=["entry", "alert"])
def held(request: pytest.FixtureRequest, cast: Cast) -> Held:
    deployment = make_live_deployment(cast)
    if request.param == "entry":
        person = Person.objects.get()
        at = f"/people/{person.pk}"
        paths = (f"{at}/", f"{at}/hold/", f"{at}/release/")
        return Held(person, Hold, destruction.place_hold, destruction.release_hold, *paths, "person.hold_released")
    alert = make_alert(deployment)
    at = f"/alerts/{alert.pk}"
    paths = (f"/deployments/{deployment.pk}/alerts/", f"{at}/hold/", f"{at}/release/")
    return Held(alert, EvidenceHold, evidence.hold, evidence.release, *paths, "alert.hold_released")


@pytest.fixture
def other(cast: Cast) -> User:
    """Return another user who can hold both kinds."""
    return make_user("another-authority", cast.authority)


def _soon(days: int = 90) -> dt.date:
    return timezone.localdate() + dt.timedelta(days=days)


def _place(held: Held, cast: Cast) -> None:
    held.place(held.target, reason="Exhibit", review_on=_soon(), actor=cast.authority)


def test_placing_takes_a_reason_without_names_and_a_date_ahead(held: Held, cast: Cast) -> None:
    for reason, days, words in (
        (" ", 90, "Enter what this is evidence of"),
        ("x" * 401, 90, "400 characters"),
        ("The bag of Test Person 0", 90, "name or reference of a person"),
        ("Exhibit", 0, "after today"),
    ):
        with pytest.raises(Refused, match=words):
            held.place(held.target, reason=reason, review_on=_soon(days), actor=cast.authority)
    with pytest.raises(PermissionDenied):
        held.place(held.target, reason="Exhibit", review_on=_soon(), actor=cast.operator)
    assert not held.model._default_manager.exists()


def test_the_owner_releases_with_a_reason_that_the_audit_log_keeps(held: Held, cast: Cast) -> None:
    _place(held, cast)
    for reason, words in (
        (" ", "no longer needed"),
        ("x" * 401, "400 characters"),
        ("Test Person 0 was acquitted", "name or reference of a person"),
    ):
        with pytest.raises(Refused, match=words):
            held.release(held.target, reason=reason, actor=cast.authority)
    held.release(held.target, reason=" Acquitted ", actor=cast.authority)
    assert not held.model._default_manager.exists()
    assert Entry.objects.get(action=held.released).data["reason"] == "Acquitted"
    with pytest.raises(Refused, match="not held"):
        held.release(held.target, reason="Again", actor=cast.authority)


def test_nobody_else_releases_it_before_its_date_of_review(held: Held, cast: Cast, other: User) -> None:
    _place(held, cast)
    with pytest.raises(Refused, match="Ask them to release it"):
        held.release(held.target, reason="Mine now", actor=other)
    with pytest.raises(PermissionDenied):
        held.release(held.target, reason="Mine now", actor=cast.operator)
    held.model._default_manager.update(review_on=_soon(1))
    with pytest.raises(Refused, match="Ask them to release it"):
        held.release(held.target, reason="Mine now", actor=other)
    assert not Entry.objects.filter(action=held.released).exists()
    held.model._default_manager.update(review_on=_soon(0))
    held.release(held.target, reason="Reviewed", actor=other)
    assert not held.model._default_manager.exists()


def test_anybody_with_the_permission_releases_it_once_its_owner_has_left(held: Held, cast: Cast, other: User) -> None:
    _place(held, cast)
    User.objects.filter(pk=cast.authority.pk).update(is_active=False)
    held.release(held.target, reason="The officer in the case has left", actor=other)
    assert not held.model._default_manager.exists()


def test_a_refused_release_destroys_nothing_of_a_destroyed_list(cast: Cast, other: User) -> None:
    deployment = make_live_deployment(cast)
    person = Person.objects.get()
    destruction.place_hold(person, reason="Exhibit", review_on=_soon(), actor=cast.authority)
    end(deployment, cast)
    destruction.destroy(list_of(deployment))
    with pytest.raises(Refused, match="Ask them to release it"):
        destruction.release_hold(person, reason="Mine now", actor=other)
    assert (Person.objects.get(), Hold.objects.get().owner) == (person, cast.authority)
    destruction.release_hold(person, reason="Acquitted", actor=cast.authority)
    assert not Person.objects.exists()


def test_the_button_to_release_is_shown_to_those_who_may(held: Held, cast: Cast, other: User) -> None:
    owner, another = client_of(cast.authority), client_of(other)
    placed = owner.post(held.place_at, {"reason": "Exhibit", "review_on": _soon().isoformat()})
    assert (placed.status_code, held.model._default_manager.count()) == (302, 1)
    assert held.release_at in owner.get(held.page).content.decode()
    text = another.get(held.page).content.decode()
    assert (held.release_at in text, f"From {_soon():%-d %B %Y} anyone" in text) == (False, True)
    assert another.post(held.release_at, {"reason": "Mine now"}).status_code == 422
    assert owner.post(held.release_at, {}).status_code == 422
    assert held.model._default_manager.exists()
    assert owner.post(held.release_at, {"reason": "Acquitted"}).status_code == 302
    assert not held.model._default_manager.exists()


def test_all_holds_on_alerts_have_their_button_for_those_who_may(cast: Cast, other: User) -> None:
    alert = make_alert(make_live_deployment(cast))
    evidence.hold(alert, reason="Exhibit", review_on=_soon(), actor=cast.authority)
    shown = [
        f"/alerts/{alert.pk}/release/" in client_of(user).get("/holds/").content.decode()
        for user in (cast.authority, other)
    ]
    assert shown == [True, False]


def test_a_program_releases_by_the_same_rule(cast: Cast, other: User) -> None:
    make_live_deployment(cast)
    person = Person.objects.get()
    owner, another = client_of(cast.authority), client_of(other)
    at = f"/api/people/{person.pk}"
    given = {"reason": "Exhibit", "review_on": _soon().isoformat()}
    assert owner.post(f"{at}/hold/", given).status_code == 200
    assert another.post(f"{at}/release/", {"reason": "Mine now"}).status_code == 422
    assert "reason" in owner.post(f"{at}/release/", {}).json()
    assert owner.post(f"{at}/release/", {"reason": "Acquitted"}).status_code == 204
    assert not Hold.objects.exists()
