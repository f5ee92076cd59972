"""The API: every route by every role, and a watchlist from its first entry to the seal."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import get_resolver, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import Entry
from tests.cast import (
    NAMES,
    Cast,
    act,
    list_of,
    make_alert,
    make_live_deployment,
    make_operating_point,
    make_watchlist,
    portrait_jpeg,
)
from tests.test_access import COMPILE, LISTS, WATCH, Rule, _names
from tests.test_import import GREY, _archive, _table
from watchlists import imports
from watchlists.models import Flag, Import, Person, Photograph, Watchlist

ALL = set(NAMES) | {"stranger"}
AUTHORITY, COMPLIANCE = {"authority"}, {"compliance"}

# By route and method. The requests are empty, and the watchlist is live.
TABLE: dict[tuple[str, str], Rule] = {
    ("api-watchlist-list", "get"): Rule(LISTS),
    ("api-watchlist-list", "post"): Rule(COMPILE, answer=422),
    ("api-watchlist-detail", "get"): Rule(LISTS),
    ("api-watchlist-standing", "get"): Rule(LISTS),
    ("api-watchlist-check", "post"): Rule(COMPILE, answer=422),
    ("api-watchlist-compile", "post"): Rule(COMPILE, answer=409),
    ("api-watchlist-current", "post"): Rule(COMPILE, answer=422),
    ("api-watchlist-discard", "post"): Rule(COMPILE, answer=409),
    ("api-watchlist-version", "post"): Rule(COMPILE, answer=201),
    ("api-watchlist-withdraw", "post"): Rule(COMPILE, answer=409),
    **{(f"api-watchlist-{name}", "post"): Rule(AUTHORITY, answer=422) for name in ("authorise", "return", "reject")},
    ("api-person-list", "get"): Rule(LISTS),
    ("api-person-list", "post"): Rule(COMPILE, answer=422),
    ("api-person-detail", "get"): Rule(LISTS),
    ("api-person-detail", "patch"): Rule(COMPILE, answer=422),
    ("api-person-detail", "delete"): Rule(COMPILE, answer=409),
    ("api-person-hold", "post"): Rule(AUTHORITY, answer=422),
    ("api-person-release", "post"): Rule(AUTHORITY, answer=422),
    ("api-person-photographs", "post"): Rule(COMPILE, answer=422),
    ("api-photograph-detail", "get"): Rule(LISTS),
    ("api-photograph-detail", "delete"): Rule(COMPILE, answer=409),
    ("api-photograph-jpeg", "get"): Rule(LISTS),
    ("api-flag-list", "get"): Rule(LISTS),
    ("api-flag-accept", "post"): Rule(COMPILE, answer=422),
    ("api-flag-merge", "post"): Rule(COMPILE, answer=409),
    ("api-import-list", "post"): Rule(COMPILE, answer=422),
    ("api-import-detail", "get"): Rule(COMPILE),
    ("api-import-rows", "get"): Rule(COMPILE),
    ("api-import-confirm", "post"): Rule(COMPILE, answer=409),
    ("api-import-cancel", "post"): Rule(COMPILE, answer=200, again=409),
    ("api-certificate-list", "get"): Rule(COMPLIANCE),
    ("api-alert-list", "get"): Rule(WATCH),
    ("api-alert-detail", "get"): Rule(WATCH),
    ("api-alert-act", "post"): Rule({"operator", "officer"}, answer=422),
    ("api-alert-shot", "get"): Rule(WATCH),
    ("api-schema", "get"): Rule(ALL),
}
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def addresses(cast: Cast) -> dict[str, str]:
    deployment = make_live_deployment(cast)
    live, alert = list_of(deployment), act(make_alert(deployment), "same", cast=cast)
    photograph = Photograph.objects.get()
    flag = Flag.objects.create(person=photograph.person, kind=Flag.Kind.OLD_PHOTOGRAPH, detail="Old")
    assert live.engine is not None
    handed_in = Import.objects.create(watchlist=live, engine=live.engine, created_by=cast.watchlist_admin)
    objects: dict[str, Any] = {
        "watchlist": live,
        "person": photograph.person,
        "photograph": photograph,
        "flag": flag,
        "import": handed_in,
        "alert": alert,
    }
    found = {}
    for name in {name for name, _ in TABLE}:
        wanted = get_resolver().reverse_dict.getlist(name)[0][0][0][1]
        named = {"pk": str(objects[name.split("-")[1]].pk), "shot_id": str(alert.shots.get().pk)} if wanted else {}
        found[name] = reverse(name, kwargs={key: named[key] for key in wanted})
        if name in ("api-person-list", "api-flag-list", "api-import-list"):
            found[name] += f"?watchlist={live.pk}"
    return found


def test_no_route_is_missing_from_the_table() -> None:
    assert {name for name in _names(get_resolver()) if name.startswith("api-")} == {name for name, _ in TABLE}


def test_every_route_by_every_role_and_method(cast: Cast, addresses: dict[str, str]) -> None:
    """Everybody else is refused; nobody gets a server error."""
    wrong = []
    for role, user in cast.by_role.items():
        client = APIClient()
        client.force_login(user)
        for name, address in addresses.items():
            for method in METHODS:
                answer = getattr(client, method)(address)
                status = answer.status_code
                assert "no-store" in answer.headers["Cache-Control"], (role, method, name)
                rule = TABLE.get((name, method), Rule(set()))
                if status not in ({rule.answer, rule.again} if role in rule.who else {403, 404, 405}):
                    wrong.append(f"{role} {method} {name}: {status}")
    assert wrong == []
    assert Watchlist.objects.get(state="live").people.count() == 1


def test_anonymous_requests_get_nothing(cast: Cast, addresses: dict[str, str]) -> None:
    for name, method in TABLE:
        answer = getattr(APIClient(), method)(addresses[name])
        assert (answer.status_code, "no-store" in answer.headers["Cache-Control"]) == (401, True), name


def _service(name: str = "records") -> APIClient:
    output = io.StringIO()
    call_command("add_service_account", name, stdout=output)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {output.getvalue().strip()}")
    return client


def _person(watchlist: str, **changes: Any) -> dict[str, Any]:
    complete = {
        "watchlist": watchlist,
        "reference": "N/1",
        "name": "Alex Fenwick",
        "date_of_birth": "1990-05-01",
        "category": "wanted",
        "offence": "Robbery",
        "seriousness": "serious",
        "data_subject": "suspect",
        "legal_basis": "warrant",
        "tier": "amber",
        "expected_action": "Arrest",
        "markers": ["weapons"],
        "source": "custody",
        "keeping": "convicted",
        "lawful_hold": "Custody record",
        "confirmed_by": "P. Vane, records office",
        "confirmed_at": f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}",
        "taken_on": f"{timezone.localdate() - dt.timedelta(days=9)}",
        "photograph": SimpleUploadedFile("p.jpg", portrait_jpeg(), "image/jpeg"),
    }
    return {**complete, **changes}


def test_a_list_through_the_api_from_its_first_entry_to_the_seal(db: None, cast: Cast) -> None:
    make_operating_point()
    service, authority = _service("force-records"), APIClient()
    authority.force_login(cast.authority)
    listed = service.post("/api/watchlists/", {"name": "High harm", "purpose": "Find them"}, format="json").json()
    path = f"/api/watchlists/{listed['id']}/"
    refused = service.post("/api/people/", _person(listed["id"], source="passport"))
    assert (refused.status_code, "You cannot use a passport photograph" in refused.json()["detail"]) == (422, True)
    blank = _person(listed["id"], photograph=SimpleUploadedFile("p.jpg", GREY))
    assert "No face" in service.post("/api/people/", blank).json()["photograph"][0]
    added = service.post("/api/people/", _person(listed["id"]))
    assert added.status_code == 201, added.json()
    person = added.json()
    assert (person["markers"], person["revision"], person["is_minor"]) == (["weapons"], 1, False)
    one = f"/api/people/{person['id']}/"
    assert service.patch(one, {"offence": "Burglary"}, format="json").status_code == 422
    changed = service.patch(one, {"offence": "Burglary", "revision": 1}, format="json")
    assert (changed.json()["offence"], changed.json()["revision"]) == ("Burglary", 2)
    assert service.patch(one, {"offence": "Theft", "revision": 1}, format="json").status_code == 409
    found = service.get(f"/api/people/?watchlist={listed['id']}&q=fenw&tier=amber").json()
    assert (found["count"], found["results"][0]["id"]) == (1, person["id"])
    assert service.post(path + "compile/").json()["state"] == "compiled"
    assert "not confirmed" in service.post(path + "check/").json()["detail"]
    sought = {"people": [person["id"]], "source": "court"}
    assert "Open the 1 entry" in service.post(path + "current/", sought, format="json").json()["detail"]
    assert service.get(one).status_code == 200
    assert service.post(path + "current/", sought, format="json").status_code == 200
    assert service.post(path + "check/").json()["state"] == "checked"
    standing = authority.get(path + "standing/").json()
    assert standing["obstacles"] == []
    stale = {"reason": "Necessary", "seen": "0" * 64}
    assert authority.post(path + "authorise/", stale, format="json").status_code == 409
    decision = {"reason": "Necessary", "seen": standing["content_hash"]}
    assert service.post(path + "authorise/", decision, format="json").status_code == 403
    sealed = authority.post(path + "authorise/", decision, format="json").json()
    assert (sealed["state"], sealed["size"], sealed["under_18"]) == ("sealed", 1, 0)
    assert service.patch(one, {"offence": "Theft", "revision": 2}, format="json").status_code == 409
    who = set(Entry.objects.filter(action="person.added").values_list("actor", flat=True))
    assert who == {"force-records"}


def test_an_import_through_the_api(cast: Cast) -> None:
    watchlist, service = make_watchlist(cast, people=0), _service("force-records")
    files = {
        "table": SimpleUploadedFile("people.csv", _table({})),
        "archive": SimpleUploadedFile("photographs.zip", _archive({"one.jpg": portrait_jpeg()}).getvalue()),
    }
    begun = service.post(f"/api/imports/?watchlist={watchlist.pk}", files)
    assert begun.status_code == 201, begun.json()
    path = f"/api/imports/{begun.json()['id']}/"
    imports.work()
    assert service.get(path).json()["state"] == "ready"
    assert service.get(path + "rows/").json()["results"][0]["verdict"] == "good"
    service.post(path + "confirm/")
    imports.work()
    assert service.get(path).json()["state"] == "done"
    assert Person.objects.get().name == "Alex Fenwick"


def test_a_token_is_stored_as_a_digest_and_revoked_by_a_new_one(cast: Cast) -> None:
    first = _service("force-records")
    assert first.get("/api/watchlists/").status_code == 200
    second = _service("force-records")
    assert (first.get("/api/watchlists/").status_code, second.get("/api/watchlists/").status_code) == (401, 200)
    with pytest.raises(Exception, match="not a service account"):
        call_command("add_service_account", "operator")


def test_a_session_needs_the_csrf_token(cast: Cast) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(cast.watchlist_admin)
    assert client.post("/api/watchlists/", {"name": "x", "purpose": "y"}, format="json").status_code == 403
