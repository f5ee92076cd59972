"""Accounts: adding users, giving and removing roles, and recording sign-ins."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest

from audit.actions import Action
from audit.journal import record
from core.actors import INSTALLER, Actor
from core.errors import Refused
from core.locks import lock_all
from core.machine import JournalData
from lfr_site import signin
from lfr_site.models import User
from lfr_site.roles import ROLES, conflict_in


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Allauth's adapter: visitors cannot sign up, and `lfr_site.signin` limits password attempts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Return the user with this username and password, active or not.

        Raises:
            signin.TryLater: the password was not checked.
        """
        attempt = signin.Attempt.of(credentials.pop("username"), request)
        with signin.permitted(attempt):
            user: User | None = super().authenticate(request, username=attempt.username, **credentials)
        if user is not None and user.is_active:
            signin.succeeded(attempt)
        return user


@transaction.atomic
def add_user(
    *,
    username: str,
    password: str,
    role: str,
    first_name: str = "",
    last_name: str = "",
    rank: str = "",
    actor: Actor = INSTALLER,
) -> User:
    """Add a user with one role. Their rank determines what they may authorise.

    Raises:
        ValueError: the role does not exist, or the username is taken, perhaps in another spelling.
    """
    _known(role)
    if signin.user_named(username) is not None:
        # If two users had spellings of one name, neither could sign in.
        raise ValueError(f"There is already a user “{username}”. Choose another username.")
    user = User.objects.create_user(username, password=password, first_name=first_name, last_name=last_name, rank=rank)
    record(Action.USER_ADDED, actor=actor, target=user, data={"role": role, "rank": rank})
    give_role(user, role, actor=actor)
    return user


@transaction.atomic
def give_role(user: User, role: str, *, actor: Actor = INSTALLER) -> None:
    """Give a user a role.

    Raises:
        ValueError: the role does not exist.
        Refused: the user already has the role, or has a role that cannot be combined with it.
    """
    group = _known(role)
    _lock([user.pk])
    if user.groups.filter(pk=group.pk).exists():
        raise Refused(f"{user} already has the role “{role}”.")
    user.groups.add(group)
    record(Action.ROLE_GIVEN, actor=actor, target=user, data={"role": role})


@transaction.atomic
def remove_role(user: User, role: str, *, actor: Actor = INSTALLER) -> None:
    """Remove a role from a user.

    Raises:
        ValueError: the role does not exist.
        Refused: the user does not have the role.
    """
    group = _known(role)
    _lock([user.pk])
    if not user.groups.filter(pk=group.pk).exists():
        raise Refused(f"{user} does not have the role “{role}”.")
    user.groups.remove(group)
    record(Action.ROLE_REMOVED, actor=actor, target=user, data={"role": role})


def _known(role: str) -> Group:
    if role not in ROLES:
        raise ValueError(f"There is no role “{role}”. The roles are: {', '.join(ROLES)}.")
    return Group.objects.get(name=role)


def _lock(users: Collection[Any]) -> list[User]:
    """Lock users, so that two incompatible roles given at the same moment are not both accepted."""
    return lock_all(User.objects.filter(pk__in=users))


# A signal, because every way of giving a role sends it. Roles written to the database without Django are found at the
# next start (lfr.E002).


@transaction.atomic
def refuse_incompatible(
    sender: Any, instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, **kwargs: Any
) -> None:
    """Refuse incompatible roles, whether given through `user.groups` or `group.user_set`.

    Raises:
        Refused: a user would have two roles that one person cannot have.
    """
    if action != "pre_add":
        return
    given = Group.objects.filter(pk__in=[instance.pk] if reverse else pk_set or ())
    names = set(given.values_list("name", flat=True))
    for user in _lock(pk_set or () if reverse else [instance.pk]):
        _refuse_conflict(user, names)


def _refuse_conflict(user: User, more: set[str]) -> None:
    conflict = conflict_in(more | set(user.groups.values_list("name", flat=True)))
    if conflict:
        raise Refused(f"{user}: {conflict}")


# Every way of signing in and out sends Django's signals.


@transaction.atomic
def note_signed_in(sender: Any, user: User, **kwargs: Any) -> None:
    record(Action.SIGNED_IN, actor=user, target=user)


@transaction.atomic
def note_signed_out(sender: Any, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        record(Action.SIGNED_OUT, actor=user, target=user)


@transaction.atomic
def note_sign_in_failed(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """Record a wrong password, or any password for an inactive account, in the audit log.

    Unknown usernames are not recorded: they may be passwords typed into the wrong field.
    """
    user = signin.user_named(credentials.get("username", ""))
    if user is not None:
        data: JournalData = {"address": signin.address_of(request), "account_is_active": user.is_active}
        record(Action.SIGN_IN_FAILED, actor=signin.SOMEBODY, target=user, data=data)
