"""Applications: saving while typing, completeness, and decisions by role, rank and separation of duties."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from audit.models import Entry
from core.errors import Conflict, Refused
from core.ranks import RANKS, Rank
from demo import rehearsal
from deployments import applications, authority, running
from deployments.applications import CameraDraft, PeriodDraft
from deployments.choices import Collateral
from deployments.models import Camera, Deployment, Document
from deployments.permissions import APPLY_DEPLOYMENT
from lfr_site.models import User
from lfr_site.roles import ROLES
from tests.cast import (
    Cast,
    add_person,
    cameras_of,
    client_of,
    make_draft,
    make_operating_point,
    make_user,
    make_watchlist,
    people_of,
    permit,
    random_embedding,
    trained,
)

State = Deployment.State


def _period(start: float = 1, hours: float = 2, **changes: Any) -> PeriodDraft:
    """Return a period. start: hours from now; hours: its length."""
    begins = timezone.now() + dt.timedelta(hours=start)
    known = {
        "place": "High Street",
        "starts_at": begins,
        "ends_at": begins + dt.timedelta(hours=hours),
        "cameras": [CameraDraft("North")],
    }
    return PeriodDraft(**{**known, **changes})


def _submitted(cast: Cast, **changes: Any) -> Deployment:
    deployment = make_draft(cast, **changes)
    applications.submit(deployment, revision=deployment.revision, actor=cast.watchlist_admin)
    return deployment


def _authorise(deployment: Deployment, actor: User, **changes: Any) -> Document:
    given = {"reason": "Necessary and proportionate", "revision": deployment.revision, **changes}
    return authority.authorise(deployment, actor=actor, **given)


def _ranked(cast: Cast, rank: str) -> User:
    return make_user(f"officer-{rank or 'none'}", cast.authority, rank)


def test_a_draft_keeps_what_was_typed_and_lists_what_is_missing(cast: Cast) -> None:
    deployment = applications.create(actor=cast.watchlist_admin, name="Southend")
    applications.save_draft(deployment, {"objective": "Find people"}, revision=1, actor=cast.watchlist_admin)
    deployment.refresh_from_db()
    assert (deployment.objective, deployment.revision) == ("Find people", 2)
    (empty, *rest) = applications.problems_of(deployment)
    assert "why here" in empty
    assert "policing objective" not in empty
    assert any("enter the place" in problem for problem in rest)
    with pytest.raises(Refused, match="Not filled in"):
        applications.submit(deployment, revision=2, actor=cast.watchlist_admin)
    # Without a change there is no new revision and no audit entry.
    rows = Entry.objects.count()
    assert (
        applications.save_draft(deployment, {"objective": "Find people"}, revision=2, actor=cast.watchlist_admin) == 2
    )
    assert Entry.objects.count() == rows


def test_two_editors_do_not_overwrite_each_other(cast: Cast) -> None:
    deployment = applications.create(actor=cast.watchlist_admin, name="Southend")
    applications.save_draft(deployment, {"objective": "One"}, revision=1, actor=cast.watchlist_admin)
    with pytest.raises(Conflict, match="has changed this application"):
        applications.save_draft(deployment, {"objective": "Two"}, revision=1, actor=cast.watchlist_admin)
    deployment.refresh_from_db()
    assert deployment.objective == "One"


def test_periods_and_cameras_are_changed_added_and_removed(cast: Cast) -> None:
    deployment = applications.create(actor=cast.watchlist_admin, name="Southend")
    applications.save_draft(deployment, {}, [_period(1), _period(30)], revision=1, actor=cast.watchlist_admin)
    first, second = deployment.periods.all()
    camera = first.cameras.get()
    kept = _period(1, place="Pier", id=first.pk, cameras=[CameraDraft("South", id=camera.pk), CameraDraft("West")])
    applications.save_draft(deployment, {}, [kept], revision=2, actor=cast.watchlist_admin)
    (period,) = deployment.periods.all()
    assert (period.pk, period.place) == (first.pk, "Pier")
    assert [each.name for each in period.cameras.all()] == ["South", "West"]
    assert period.cameras.get(name="South").pk == camera.pk
    assert not Camera.objects.filter(period_id=second.pk).exists()


@pytest.mark.parametrize(
    ("periods", "says"),
    [
        ([_period(1, hours=13)], "12 hours at most"),
        ([_period(-5, hours=2)], "in the past"),
        ([_period(1), _period(2)], "Two periods overlap"),
        ([_period(1, cameras=[])], "at least one camera"),
        ([_period(1, place="")], "enter the place"),
        ([_period(1, starts_at=None)], "enter the start and the end"),
    ],
)
def test_impossible_periods_are_reported(cast: Cast, periods: list[PeriodDraft], says: str) -> None:
    deployment = make_draft(cast, *periods)
    with pytest.raises(Refused, match=says):
        applications.submit(deployment, revision=deployment.revision, actor=cast.watchlist_admin)
    deployment.refresh_from_db()
    assert deployment.state == State.DRAFT


def test_an_end_before_the_start_or_a_repeated_camera_name_saves_nothing(cast: Cast) -> None:
    deployment = make_draft(cast)
    before = deployment.periods.get().place
    for period in (_period(1, hours=-1), _period(1, cameras=[CameraDraft("A"), CameraDraft("A")])):
        with pytest.raises(Refused, match=r"after its start|same name"):
            applications.save_draft(
                deployment, {"why_now": "Now"}, [period], revision=deployment.revision, actor=cast.watchlist_admin
            )
        deployment.refresh_from_db()
    assert deployment.periods.get().place == before
    assert deployment.why_now != "Now"


def test_overlapping_zones_on_the_plan_are_reported(cast: Cast) -> None:
    deployment = make_draft(cast)
    for camera in cameras_of(deployment):
        mark = {"at": [[0.5, 0.9]], "zone": [[0.1, 0.1], [0.6, 0.1], [0.6, 0.6], [0.1, 0.6]]}
        applications.mark_camera(camera, mark, actor=cast.watchlist_admin)
    (problem,) = applications.problems_of(Deployment.objects.get())
    assert "North and South overlap on the plan" in problem


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ({"at": [[0.5, 0.5]], "zone": [[0.1, 0.1], [0.2, 0.1]]}, "3 to 24 corners"),
        ({"at": [[0.5, 0.5]], "zone": [[0.1, 0.1], [0.2, 0.1], [1.5, 0.2]]}, "outside the picture"),
        ({"at": [[0.5, 0.5]], "zone": [[0.1, 0.1], [0.1, 0.1], [0.1, 0.1]]}, "too small"),
        ({"at": [[2, 0.5]], "zone": [[0, 0], [1, 0], [1, 1]]}, "outside the plan"),
        ({"zone": []}, "where the camera stands"),
        (None, "where the camera stands"),
        ({"at": [[0.5, 0.5]], "zone": "x"}, "could not be read"),
        ({"at": [[0.5, 0.5]], "zone": [[0, 0], [float("nan"), 0], [1, 1]]}, "outside the picture"),
    ],
)
def test_bad_shapes_are_refused(cast: Cast, mark: Any, says: str) -> None:
    camera = cameras_of(make_draft(cast))[0]
    with pytest.raises(Refused, match=says):
        applications.mark_camera(camera, mark, actor=cast.watchlist_admin)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"intelligence_expires_on": dt.date(2020, 1, 1)}, "intelligence expires"),
        ({"is_urgent": True}, "cannot wait"),
        ({"collateral": [Collateral.SCHOOL], "collateral_measures": ""}, "limit collateral intrusion"),
        ({"operating_point": None}, "threshold requested"),
    ],
)
def test_inconsistencies_are_reported(cast: Cast, changes: dict[str, Any], says: str) -> None:
    deployment = make_draft(cast, **changes)
    assert says in " ".join(applications.problems_of(deployment))


def test_the_applicant_never_decides_and_the_rank_must_suffice(cast: Cast) -> None:
    deployment = _submitted(cast)
    permit(cast.watchlist_admin, *ROLES["Authorising officer"])
    User.objects.filter(pk=cast.watchlist_admin.pk).update(rank=Rank.ACC)
    with pytest.raises(Refused, match="You worked on this application"):
        _authorise(deployment, User.objects.get(pk=cast.watchlist_admin.pk))
    for rank in ("", *RANKS):
        enough = rank in (Rank.SUPERINTENDENT, Rank.CHIEF_SUPERINTENDENT, Rank.ACC)
        if not enough:
            with pytest.raises(Refused, match="need the rank of"):
                _authorise(deployment, _ranked(cast, rank))
    with pytest.raises(PermissionDenied):
        _authorise(deployment, cast.commander)
    _authorise(deployment, _ranked(cast, Rank.SUPERINTENDENT))
    deployment.refresh_from_db()
    assert (deployment.state, deployment.authorised_rank) == (State.AUTHORISED, Rank.SUPERINTENDENT)


def test_a_protest_needs_a_chief_officer(cast: Cast) -> None:
    changes = {"collateral": [Collateral.PROTEST], "collateral_measures": "Stewards; stop if it comes near"}
    deployment = _submitted(cast, **changes)
    with pytest.raises(Refused, match="Assistant Chief Constable"):
        _authorise(deployment, cast.authority)
    _authorise(deployment, _ranked(cast, Rank.ACC))


def test_an_inspectors_urgent_authority_ends_unless_it_is_confirmed(cast: Cast, settings: Any) -> None:
    settings.LFR_URGENT_REVIEW = dt.timedelta(hours=1)
    deployment = _submitted(cast, is_urgent=True, urgent_reason="A child was taken an hour ago")
    inspector = _ranked(cast, Rank.INSPECTOR)
    _authorise(deployment, inspector)
    deployment.refresh_from_db()
    end = deployment.authority_ends_at
    assert end is not None
    assert end == deployment.review_due_at
    assert dt.timedelta(minutes=59) < end - timezone.now() < dt.timedelta(minutes=61)
    assert not deployment.authority_holds(end)
    with pytest.raises(Refused, match="rank of Superintendent"):
        authority.confirm_urgent(deployment, reason="Fine", actor=_ranked(cast, Rank.CHIEF_INSPECTOR))
    authority.confirm_urgent(deployment, reason="Rightly given", actor=cast.authority)
    deployment.refresh_from_db()
    assert deployment.authority_ends_at == deployment.ends_at
    assert Deployment.objects.filter(review_due_at__isnull=True).exists()
    assert list(deployment.decisions.values_list("kind", flat=True)) == ["authorised", "reviewed"]
    assert deployment.documents.count() == 2


def test_an_unconfirmed_urgent_authority_ends(cast: Cast) -> None:
    deployment = _submitted(cast, is_urgent=True, urgent_reason="A child was taken an hour ago")
    _authorise(deployment, _ranked(cast, Rank.INSPECTOR))
    late = timezone.now() + dt.timedelta(hours=4, seconds=1)
    deployment.periods.update(ends_at=late + dt.timedelta(hours=3))
    assert running.lapse_unstarted(at=late) == 1
    deployment.refresh_from_db()
    assert deployment.state == State.AUTH_EXPIRED
    with pytest.raises(Conflict):
        authority.confirm_urgent(deployment, reason="Too late", actor=cast.authority)


def test_two_approvers_at_once_and_an_application_that_changed(cast: Cast) -> None:
    deployment = _submitted(cast)
    seen = deployment.revision
    other = Deployment.objects.get(pk=deployment.pk)
    applications.withdraw(deployment, actor=cast.watchlist_admin)
    applications.save_draft(deployment, {"list_size_asked": 9000}, revision=seen, actor=cast.watchlist_admin)
    applications.submit(deployment, revision=seen + 1, actor=cast.watchlist_admin)
    with pytest.raises(Conflict, match="changed since you opened it"):
        _authorise(other, cast.authority, revision=seen)
    _authorise(other, cast.authority, revision=seen + 1)
    with pytest.raises(Conflict, match="nothing to decide"):
        authority.refuse(deployment, reason="No", revision=seen + 1, actor=_ranked(cast, Rank.ACC))
    assert Entry.objects.filter(action="deployment.authorised").count() == 1


def test_an_authority_ends_within_its_periods(cast: Cast) -> None:
    deployment = _submitted(cast)
    end = deployment.ends_at
    assert end is not None
    with pytest.raises(Refused, match="cannot end after the last period"):
        _authorise(deployment, cast.authority, ends_at=end + dt.timedelta(minutes=1))
    with pytest.raises(Refused, match="must be in the future"):
        _authorise(deployment, cast.authority, ends_at=timezone.now() - dt.timedelta(minutes=1))
    earlier = end - dt.timedelta(minutes=30)
    _authorise(deployment, cast.authority, ends_at=earlier)
    deployment.refresh_from_db()
    assert deployment.authority_ends_at == earlier


def test_an_application_is_returned_corrected_and_refused(cast: Cast) -> None:
    deployment = _submitted(cast)
    authority.give_back(deployment, reason="Why this street?", revision=deployment.revision, actor=cast.authority)
    assert deployment.state == State.RETURNED
    applications.save_draft(
        deployment, {"why_here": "Because"}, revision=deployment.revision, actor=cast.watchlist_admin
    )
    applications.submit(deployment, revision=deployment.revision, actor=cast.watchlist_admin)
    authority.refuse(deployment, reason="Not necessary", revision=deployment.revision, actor=cast.authority)
    assert deployment.state == State.REFUSED
    assert not deployment.documents.exists()
    assert [each.reason for each in deployment.decisions.all()] == ["Why this street?", "Not necessary"]


def test_the_texts_of_an_authority_cannot_name_a_person_on_a_list(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    add_person(cast, watchlist, "N/9", "Alex Fenwick", random_embedding(4))
    deployment = _submitted(cast)
    with pytest.raises(Refused, match="name or reference of a person"):
        _authorise(deployment, cast.authority, reason="To find alex fenwick")
    assert not any("fenwick" in str(vars(row)).lower() for row in Entry.objects.all())


def test_documents_match_the_record_and_their_hash_is_in_the_audit_log(cast: Cast) -> None:
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    document = deployment.documents.get()
    assert bytes(document.pdf).startswith(b"%PDF-")
    entry = Entry.objects.get(action="deployment.document_made")
    assert entry.data == {"kind": "authority", "sha256": document.sha256}
    authority.revoke(deployment, reason="The reason is gone", actor=cast.authority)
    deployment.refresh_from_db()
    assert deployment.state == State.CANCELLED
    assert [each.kind for each in deployment.documents.all()] == ["authority", "cancellation"]
    client = Client()
    client.force_login(cast.compliance)
    answer = client.get(f"/documents/{document.pk}/")
    assert (answer.content, answer.headers["Content-Type"]) == (bytes(document.pdf), "application/pdf")
    assert Entry.objects.latest("id").action == "deployment.document_read"


# The page.


def _page(cast: Cast, deployment: Deployment) -> tuple[Client, dict[str, str]]:
    """Return a signed-in applicant, and every field of the page with its value."""
    client = Client()
    client.force_login(cast.watchlist_admin)
    page = client.get(f"/deployments/{deployment.pk}/edit/")
    fields = {}
    for form in (page.context["form"], *page.context["periods"], *page.context["cameras"]):
        for field in form:
            value = field.value()
            if isinstance(value, dt.datetime):
                value = f"{value:%Y-%m-%dT%H:%M}"
            if value is not None and value is not False and value != "":
                fields[field.html_name] = value
    fields |= {name: "browser" for form in page.context["cameras"] if (name := form.add_prefix("kind")) not in fields}
    for formset in (page.context["periods"], page.context["cameras"]):
        fields |= {field.html_name: field.value() for field in formset.management_form}
    fields["revision"] = str(deployment.revision)
    return client, fields


def test_the_page_saves_as_it_is_typed(cast: Cast) -> None:
    deployment = make_draft(cast)
    client, fields = _page(cast, deployment)
    address, json = f"/deployments/{deployment.pk}/edit/", {"Accept": "application/json"}
    answer = client.post(address, {**fields, "why_now": "The fair"}, headers=json)
    assert answer.status_code == 200, answer.content
    text = answer.json()
    # The form drops the seconds of the draft's times, which is a change too.
    assert (text["revision"], text["problems"]) == (deployment.revision + 1, [])
    fields["revision"] = str(text["revision"])
    bad = client.post(address, {**fields, "why_now": "Kept", "list_size_asked": "many"}, headers=json)
    assert bad.status_code == 422
    assert list(bad.json()["errors"]) == ["list_size_asked"]
    deployment.refresh_from_db()
    assert (deployment.why_now, deployment.list_size_asked) == ("Kept", 500)
    stale = client.post(address, {**fields, "why_now": "Over it"}, headers=json)
    assert "has changed this application" in stale.json()["errors"]["__all__"][0]


def test_a_new_camera_on_the_page_becomes_one_row(cast: Cast) -> None:
    deployment = make_draft(cast)
    client, fields = _page(cast, deployment)
    address, json = f"/deployments/{deployment.pk}/edit/", {"Accept": "application/json"}
    # The empty row of the page.
    fields |= {"cameras-2-name": "West", "cameras-2-kind": "agent"}
    text = client.post(address, fields, headers=json).json()
    west = Camera.objects.get(name="West")
    assert text["ids"]["cameras-2-id"] == str(west.pk)
    again = {**fields, **text["ids"], "revision": str(text["revision"]), "cameras-2-name": "Far west"}
    client.post(address, again, headers=json)
    west.refresh_from_db()
    assert west.name == "Far west"
    assert Camera.objects.count() == 3


@pytest.mark.parametrize(
    ("moment", "says"),
    [
        ("2026-10-25T01:30", "01:30 occurs twice on this date, because the clocks go back"),
        ("2027-03-28T01:30", "01:30 does not exist on this date, because the clocks go forward"),
    ],
)
def test_nights_when_clocks_change_are_mentioned(cast: Cast, moment: str, says: str) -> None:
    deployment = make_draft(cast)
    client, fields = _page(cast, deployment)
    answer = client.post(
        f"/deployments/{deployment.pk}/edit/",
        {**fields, "periods-0-starts_at": moment},
        headers={"Accept": "application/json"},
    )
    assert says in answer.json()["errors"]["periods-0-starts_at"][0]


def test_a_night_when_clocks_change_has_its_real_length(cast: Cast) -> None:
    """23:00 to 06:00 on the night when clocks go forward is six hours."""
    zone = timezone.get_current_timezone()
    start, end = dt.datetime(2027, 3, 27, 23, tzinfo=zone), dt.datetime(2027, 3, 28, 6, tzinfo=zone)
    deployment = make_draft(cast, PeriodDraft("Night", start, end, [CameraDraft("North")]))
    period = deployment.periods.get()
    assert period.starts_at is not None
    assert period.ends_at is not None
    assert period.ends_at.astimezone(dt.UTC) - period.starts_at.astimezone(dt.UTC) == dt.timedelta(hours=6)


def test_the_decision_page_shows_the_application(cast: Cast) -> None:
    deployment = _submitted(cast)
    client = Client()
    client.force_login(cast.authority)
    page = client.get(f"/deployments/{deployment.pk}/").content.decode()
    for words in ("Police recorded 214", "INT/23/4471", "among 12,000 faces", "Risk acceptance until", "Article 8"):
        assert words in page
    revision = re.search(r'name="revision" value="(\d+)"', page)
    assert revision is not None
    answer = client.post(
        f"/deployments/{deployment.pk}/authorise/", {"revision": revision[1], "reason": "Necessary"}, follow=True
    )
    assert "Written Authority Document" in answer.content.decode()


def test_only_the_right_role_applies(cast: Cast) -> None:
    for role, user in cast.by_role.items():
        if not user.has_perm(APPLY_DEPLOYMENT):
            with pytest.raises(PermissionDenied):
                applications.create(actor=user, name=role)
    assert not Deployment.objects.exists()


def test_nobody_decides_on_an_application_they_helped_to_write(cast: Cast) -> None:
    deployment = make_draft(cast)
    other = User.objects.create_user("second", rank=Rank.ACC)
    other = permit(other, *ROLES["Watchlist administrator"], *ROLES["Authorising officer"])
    trained(other)
    applications.save_draft(deployment, {"why_now": "Mine"}, revision=deployment.revision, actor=other)
    applications.submit(deployment, revision=deployment.revision, actor=cast.watchlist_admin)
    with pytest.raises(Refused, match="You worked on this application"):
        _authorise(deployment, other)


def test_a_confirmed_authority_keeps_its_end(cast: Cast) -> None:
    deployment = _submitted(cast, is_urgent=True, urgent_reason="A child was taken an hour ago")
    end = timezone.now() + dt.timedelta(hours=1)
    _authorise(deployment, _ranked(cast, Rank.INSPECTOR), ends_at=end)
    authority.confirm_urgent(deployment, reason="Rightly given", actor=cast.authority)
    assert deployment.authority_ends_at == end


def test_cameras_can_swap_names_and_are_deleted_only_on_request(cast: Cast) -> None:
    deployment = make_draft(cast)
    client, fields = _page(cast, deployment)
    address, json = f"/deployments/{deployment.pk}/edit/", {"Accept": "application/json"}
    emptied = client.post(address, {**fields, "cameras-0-name": ""}, headers=json)
    assert list(emptied.json()["errors"]) == ["cameras-0-name"]
    assert Camera.objects.filter(name="North").exists()
    fields["revision"] = str(emptied.json()["revision"])
    swapped = {**fields, "cameras-0-name": "South", "cameras-1-name": "North"}
    text = client.post(address, swapped, headers=json).json()
    assert text["errors"] == {}
    removed = {**swapped, "revision": str(text["revision"]), "cameras-0-remove": "on"}
    client.post(address, removed, headers=json)
    assert [camera.name for camera in Camera.objects.all()] == ["North"]


def test_a_period_can_be_removed(cast: Cast) -> None:
    deployment = make_draft(cast, _period(1), _period(30))
    client, fields = _page(cast, deployment)
    answer = client.post(
        f"/deployments/{deployment.pk}/edit/",
        {**fields, "periods-1-remove": "on"},
        headers={"Accept": "application/json"},
    )
    assert answer.json()["errors"] == {}
    assert deployment.periods.count() == 1


def test_a_new_period_with_only_a_camera_is_saved(cast: Cast) -> None:
    make_operating_point()
    deployment = applications.create(actor=cast.watchlist_admin, name="Southend")
    data = {
        "name": "Southend",
        "revision": deployment.revision,
        "periods-TOTAL_FORMS": 2,
        "periods-INITIAL_FORMS": 1,
        "periods-0-id": deployment.periods.get().pk,
        "cameras-TOTAL_FORMS": 1,
        "cameras-INITIAL_FORMS": 0,
        "cameras-0-period": 1,
        "cameras-0-name": "Pier",
        "cameras-0-kind": "agent",
    }
    client = client_of(cast.watchlist_admin)
    answer = client.post(f"/deployments/{deployment.pk}/edit/", data, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.content
    assert Camera.objects.get(period__deployment=deployment).period.place == ""
