"""In a demonstration a press signs in; nowhere else does."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from audit.models import Entry
from demo.users import PASSWORD, USERS
from lfr_site.accounts import add_user
from lfr_site.roles import ROLES

ADDRESS = "/demo/sign-in/"


@pytest.fixture
def demo_users(db: None) -> None:
    for user in USERS:
        add_user(username=user.username, password=PASSWORD, role=user.role, rank=user.rank)


def test_each_button_of_the_sign_in_page_signs_in_as_its_user(demo_users: None) -> None:
    page = Client().get("/accounts/login/").content.decode()
    for user in USERS:
        assert f'value="{user.username}"' in page
        client = Client()
        answer = client.post(ADDRESS, {"username": user.username})
        assert (answer.status_code, answer.headers["Location"]) == (302, "/")
        assert client.get("/").wsgi_request.user.get_username() == user.username
        assert Entry.objects.filter(action="user.signed_in", actor__contains=user.username).count() == 1


def test_the_buttons_are_of_all_roles_that_a_person_can_have() -> None:
    assert {user.role for user in USERS} == set(ROLES) - {"Records system"}


def test_nobody_else_is_signed_in_so(demo_users: None) -> None:
    add_user(username="somebody", password=PASSWORD, role="Commander")
    for data in ({"username": "somebody"}, {"username": "nobody"}, {}):
        client = Client()
        assert client.post(ADDRESS, data).status_code == 404
        assert "_auth_user_id" not in client.session
    assert Client().get(ADDRESS, {"username": "operator"}).status_code == 405
    assert Client(enforce_csrf_checks=True).post(ADDRESS, {"username": "operator"}).status_code == 403


def test_production_knows_neither_the_address_nor_the_buttons(demo_users: None, settings: Any) -> None:
    settings.ROOT_URLCONF = "lfr_site.urls"
    assert Client().post(ADDRESS, {"username": "operator"}).status_code in (302, 404)
    with pytest.raises(NoReverseMatch):
        reverse("demo-sign-in")
    assert 'value="operator"' not in Client().get("/accounts/login/").content.decode()


def test_the_view_refuses_by_itself_outside_a_demonstration(demo_users: None, settings: Any) -> None:
    settings.IS_DEMO = False
    settings.SECURE_SSL_REDIRECT = False
    client = Client()
    assert client.post(ADDRESS, {"username": "operator"}).status_code == 404
    assert "_auth_user_id" not in client.session
