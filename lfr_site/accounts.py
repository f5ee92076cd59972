"""Who may have an account: nobody makes their own."""

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
    """Accounts are made by the force, not by visitors; passwords are checked as `lfr_site.signin` permits."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Return the user whose name and password these are, active or not.

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
    """A user with one role, and a rank, which is what authority goes by.

    Raises:
        ValueError: no such role, or the name belongs to somebody already, perhaps in another spelling.
    """
    _known(role)
    if signin.user_named(username) is not None:
        # With two spellings of one name, neither could sign in.
        raise ValueError(f"There is a user “{username}” already.")
    user = User.objects.create_user(username, password=password, first_name=first_name, last_name=last_name, rank=rank)
    record(Action.USER_ADDED, actor=actor, target=user, data={"role": role, "rank": rank})
    give_role(user, role, actor=actor)
    return user


@transaction.atomic
def give_role(user: User, role: str, *, actor: Actor = INSTALLER) -> None:
    """Let somebody act in a role as well.

    Raises:
        ValueError: no such role.
        Refused: they have it already, or another that must not be the same person's.
    """
    group = _known(role)
    _lock([user.pk])
    if user.groups.filter(pk=group.pk).exists():
        raise Refused(f"{user} has the role “{role}” already.")
    user.groups.add(group)
    record(Action.ROLE_GIVEN, actor=actor, target=user, data={"role": role})


@transaction.atomic
def remove_role(user: User, role: str, *, actor: Actor = INSTALLER) -> None:
    """Take a role from somebody.

    Raises:
        ValueError: no such role.
        Refused: they do not have it.
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
    """Two roles of a pair that are given at the same moment wait for each other here."""
    return lock_all(User.objects.filter(pk__in=users))


# A signal, because every way of giving a role passes it. What is written past Django is found at the next start
# (lfr.E002).


@transaction.atomic
def refuse_incompatible(
    sender: Any, instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, **kwargs: Any
) -> None:
    """Keep pairs of roles apart, from `user.groups` and from `group.user_set`.

    Raises:
        Refused: somebody would have two roles that must not be one person's.
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


# Django's signals are the one place that every way of signing in and out passes.


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
    """Write the audit entry of a wrong password, and of any password of an inactive account.

    Names that nobody has are left out: they may be passwords typed into the wrong field.
    """
    user = signin.user_named(credentials.get("username", ""))
    if user is not None:
        data: JournalData = {"address": signin.address_of(request), "account_is_active": user.is_active}
        record(Action.SIGN_IN_FAILED, actor=signin.SOMEBODY, target=user, data=data)
