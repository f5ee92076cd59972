"""Alerts in the API: the same rules as on the console and the handset."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from alerts.models import Act, Alert
from lfr_site.models import User
from tests.cast import Cast, act, make_alert, make_live_deployment
from watchlists.models import Person


def _client(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def _act(client: APIClient, alert: Alert, name: str, **given: Any) -> Any:
    return client.post(f"/api/alerts/{alert.pk}/act/", {"act": name, **given}, format="json")


def test_an_alert_from_the_list_to_its_outcome(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    operator, officer = _client(cast.operator), _client(cast.officer)
    (listed,) = operator.get(f"/api/alerts/?deployment={deployment.pk}&state=raised").json()["results"]
    assert listed["id"] == str(alert.pk)
    assert "subject" not in listed
    assert officer.get("/api/alerts/").json()["results"] == []
    answer = _act(operator, alert, "same", alike=["eyes", "nose"], revision=0, to_user="officer")
    assert (answer.status_code, answer.json()["state"], answer.json()["assigned_to"]) == (200, "referred", "officer")
    for name, given in (
        ("acknowledge", {"ago_ms": 1500}),
        ("engage", {}),
        ("check_identity", {}),
        ("confirm", {"code": "fingerprint"}),
        ("arrest", {"code": "robbery", "leaflet": True}),
    ):
        answer = _act(officer, alert, name, **given)
        assert answer.status_code == 200, answer.json()
    body = answer.json()
    assert (body["state"], body["code"], body["identity_method"]) == ("arrested", "robbery", "fingerprint")
    assert [each["name"] for each in body["acts"]] == [
        "same",
        "acknowledge",
        "engage",
        "check_identity",
        "confirm",
        "arrest",
    ]
    assert body["acts"][0]["alike"] == []
    assert operator.get(f"/api/alerts/{alert.pk}/").json()["acts"][0]["alike"] == ["eyes", "nose"]
    assert officer.get(f"/api/alerts/{alert.pk}/shots/{'-' * 36}/").status_code == 404
    shot = officer.get(f"/api/alerts/{alert.pk}/shots/{body['shots'][0]['id']}/")
    assert shot.content[:2] == b"\xff\xd8"


def test_the_api_hides_what_the_pages_hide(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    name, operator = Person.objects.get().name, _client(cast.operator)
    before = operator.get(f"/api/alerts/{alert.pk}/").json()
    assert (before["subject"]["name"], before["score"], before["subject"]["offence"]) == (None, None, "Robbery")
    act(alert, "inconclusive", cast=cast)
    assert operator.get(f"/api/alerts/{alert.pk}/").json()["acts"][0]["reasons"] == []
    act(alert, "same", cast=cast)
    assert operator.get(f"/api/alerts/{alert.pk}/").json()["subject"]["name"] is None
    assert operator.get(f"/api/alerts/{alert.pk}/").json()["acts"][0]["reasons"] == ["blurred"]
    Alert.objects.update(decided_at=timezone.now() - dt.timedelta(seconds=9))
    after = operator.get(f"/api/alerts/{alert.pk}/").json()
    assert (after["subject"]["name"], after["score"]) == (name, 0.61)
    officer = _client(cast.officer)
    assert officer.get(f"/api/alerts/{alert.pk}/").json()["subject"]["name"] is None
    act(alert, "acknowledge", cast=cast)
    answered = officer.get(f"/api/alerts/{alert.pk}/").json()
    assert (answered["subject"]["name"], answered["score"]) == (name, None)


def test_refusals_give_a_reason_and_change_nothing(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    operator = _client(cast.operator)
    for name, given, status, words in (
        ("same", {}, 422, "at least one feature"),
        ("identify", {}, 422, "not a valid choice"),
        ("same", {"alike": ["skin"]}, 422, "not a valid choice"),
        ("same", {"alike": ["eyes"], "revision": 4}, 409, "changed after you opened it"),
        ("same", {"alike": ["eyes"], "key": "x"}, 422, "UUID"),
        ("same", {"alike": ["eyes"], "to_user": "nobody"}, 422, "nobody"),
        ("acknowledge", {}, 403, "not allowed to do this"),
    ):
        answer = _act(operator, alert, name, **given)
        assert (answer.status_code, words in answer.content.decode()) == (status, True), answer.content
    assert not Act.objects.exists()
    key = str(uuid.uuid4())
    for _ in range(2):
        assert _act(operator, alert, "same", alike=["eyes"], key=key).status_code == 200
    assert Act.objects.count() == 1
    assert operator.get(f"/api/alerts/{uuid.uuid4()}/").status_code == 404
    assert operator.get("/api/alerts/?deployment=x").status_code == 422


def test_a_purged_alert_is_empty_and_still_counted(cast: Cast) -> None:
    from alerts import evidence

    alert = act(make_alert(make_live_deployment(cast)), "not_same", cast=cast)
    evidence.purge_due(at=timezone.now() + dt.timedelta(hours=25))
    body = _client(cast.operator).get(f"/api/alerts/{alert.pk}/").json()
    assert (body["subject"], body["score"], body["shots"], body["state"]) == (None, None, [], "op_false")
