"""Incompatible roles are refused, whichever code gives them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import transaction

from audit.models import Entry
from core.errors import Refused
from lfr_site.accounts import add_user, give_role, remove_role
from lfr_site.api import SERVICE_ROLE, issue_service_token
from lfr_site.checks import nobody_has_roles_to_be_kept_apart
from lfr_site.models import User
from lfr_site.roles import INCOMPATIBLE, ROLES, conflict_in
from lfr_site.supervisor import BASE_DIR
from tests.cast import permit

ROOMS = (
    "core",
    "audit",
    "recognition",
    "watchlists",
    "deployments",
    "alerts",
    "capture",
    "notifications",
    "reports",
    "cases",
    "scrutiny",
)
PERMISSIONS = {permission for permissions in ROLES.values() for permission in permissions}
OVERSIGHT, SYSTEM = "Compliance officer", "System administrator"
AT_WORK = set(ROLES) - {OVERSIGHT, SYSTEM}
PAIRS = sorted(sorted(pair) for pair in INCOMPATIBLE)
Through: Any = User.groups.through

WAYS: dict[str, Callable[[User, Group], Any]] = {
    "give_role": lambda user, group: give_role(user, group.name),
    "user.groups.add": lambda user, group: user.groups.add(group),
    "user.groups.set": lambda user, group: user.groups.set([*user.groups.all(), group]),
    "group.user_set.add": lambda user, group: group.user_set.add(user),
    "group.user_set.set": lambda user, group: group.user_set.set([user]),
}


def _user(*roles: str) -> User:
    user = User.objects.create_user("somebody")
    user.groups.set(Group.objects.filter(name__in=roles))
    return user


def test_the_pairs_are_those_of_the_policy() -> None:
    not_authorising = ("Watchlist administrator", "Records system", "Commander")
    wanted = {frozenset(("Authorising officer", other)) for other in not_authorising}
    wanted |= {frozenset(("Publisher", other)) for other in ("Commander", "LFR operator", "Engagement officer")}
    wanted |= {frozenset((OVERSIGHT, other)) for other in AT_WORK}
    wanted |= {frozenset(("Oversight panel", other)) for other in set(ROLES) - {"Oversight panel"}}
    wanted |= {frozenset((SYSTEM, other)) for other in set(ROLES) - {SYSTEM}}
    assert set(INCOMPATIBLE) == wanted


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_each_pair_is_refused_in_either_order(db: None, one: str, other: str) -> None:
    for first, second in ((one, other), (other, one)):
        user = _user(first)
        with pytest.raises(Refused, match="One person cannot have the roles"):
            give_role(user, second)
        assert [group.name for group in user.groups.all()] == [first]
        user.delete()
    assert not Entry.objects.filter(action="user.role_given").exists()


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_giving_a_role_bypasses_the_rule(db: None, way: str) -> None:
    user, group = _user("Watchlist administrator"), Group.objects.get(name="Authorising officer")
    with pytest.raises(Refused, match="One person cannot"), transaction.atomic():
        WAYS[way](user, group)
    assert [each.name for each in user.groups.all()] == ["Watchlist administrator"]
    allowed = Group.objects.get(name="LFR operator")
    WAYS[way](user, allowed)
    assert user.groups.count() == 2


def test_two_roles_given_at_once_are_refused_too(db: None) -> None:
    user = User.objects.create_user("somebody")
    both = Group.objects.filter(name__in=("Commander", "Authorising officer"))
    with pytest.raises(Refused, match="“Authorising officer” and “Commander”"), transaction.atomic():
        user.groups.add(*both)
    assert not user.groups.exists()


def test_compatible_roles_can_be_combined() -> None:
    assert conflict_in(("Watchlist administrator", "Commander", "LFR operator", "Engagement officer")) == ""
    assert conflict_in(("Authorising officer", "LFR operator", "a group of another program")) == ""


def test_giving_and_removing_roles_is_audited(db: None) -> None:
    user = add_user(username="somebody", password="a-long-password", role="LFR operator")
    give_role(user, "Engagement officer")
    with pytest.raises(Refused, match="already"):
        give_role(user, "LFR operator")
    remove_role(user, "LFR operator")
    with pytest.raises(Refused, match="does not have"):
        remove_role(user, "LFR operator")
    with pytest.raises(ValueError, match="There is no role"):
        give_role(user, "Sheriff")
    rows = Entry.objects.in_order().values_list("action", "data__role")
    assert list(rows) == [
        ("user.added", "LFR operator"),
        ("user.role_given", "LFR operator"),
        ("user.role_given", "Engagement officer"),
        ("user.role_removed", "LFR operator"),
    ]
    issue_service_token("records", 9)
    assert Entry.objects.filter(action="user.role_given", data__role=SERVICE_ROLE).count() == 1


def test_the_commands_give_and_remove_roles(db: None) -> None:
    _user("Watchlist administrator")
    with pytest.raises(CommandError, match="One person cannot"):
        call_command("give_role", "somebody", "Authorising officer")
    with pytest.raises(CommandError, match="no user “nobody”"):
        call_command("give_role", "nobody", "LFR operator")
    text = io.StringIO()
    call_command("remove_role", "somebody", "Watchlist administrator", stdout=text)
    call_command("give_role", "somebody", "Authorising officer", stdout=text)
    assert text.getvalue().splitlines() == [
        "somebody has these roles: none.",
        "somebody has these roles: Authorising officer.",
    ]
    with pytest.raises(CommandError, match="does not have"):
        call_command("remove_role", "somebody", "LFR operator")


def test_the_system_does_not_start_while_an_account_has_incompatible_roles(db: None) -> None:
    def found() -> list[str | None]:
        return [each.id for each in nobody_has_roles_to_be_kept_apart(databases=["default"])]

    user = _user("Watchlist administrator")
    assert found() == []
    # As an account from before the rule, or a row written without Django.
    Through.objects.bulk_create([Through(user=user, group=Group.objects.get(name="Authorising officer"))])
    assert found() == ["lfr.E002"]
    remove_role(user, "Authorising officer")
    permit(user, "watchlists.authorise_watchlist")
    assert found() == ["lfr.E003"]
    User.objects.update(is_active=False)
    User.objects.create_superuser("root", password="a-long-password")
    assert found() == ["lfr.E003"]


def test_each_permission_is_named_once() -> None:
    """In the file of its app; everything else imports the name."""
    written = [
        f"{path.relative_to(BASE_DIR)}: {name}"
        for room in (*ROOMS, "lfr_site", "demo")
        for path in (BASE_DIR / room).rglob("*.py")
        if path.name != "permissions.py" and "migrations" not in path.parts
        for name in re.findall(r'"(\w+\.\w+)"', path.read_text())
        if name in PERMISSIONS
    ]
    assert written == []
