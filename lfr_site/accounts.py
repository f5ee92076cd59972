"""Who may have an account: nobody makes their own."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest

from audit.actions import Action
from audit.journal import INSTALLER, Actor, System, record
from lfr_site.models import User
from lfr_site.roles import ROLES


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by the force, not by visitors."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


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
        ValueError: no such role.
    """
    from django.contrib.auth.models import Group

    if role not in ROLES:
        raise ValueError(f"There is no role “{role}”. The roles are: {', '.join(ROLES)}.")
    user = User.objects.create_user(username, password=password, first_name=first_name, last_name=last_name, rank=rank)
    user.groups.add(Group.objects.get(name=role))
    record(Action.USER_ADDED, actor=actor, target=user, data={"role": role, "rank": rank})
    return user


# Django's signals are the one place that every way of signing in and out passes.


@transaction.atomic
def note_signed_in(sender: Any, user: User, **kwargs: Any) -> None:
    record(Action.SIGNED_IN, actor=user, target=user)


@transaction.atomic
def note_signed_out(sender: Any, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        record(Action.SIGNED_OUT, actor=user, target=user)


@transaction.atomic
def note_sign_in_failed(sender: Any, credentials: dict[str, Any], **kwargs: Any) -> None:
    """Of a name that exists; others may be passwords typed into the wrong field, and are not written down."""
    user = User.objects.filter(username=credentials.get("username", "")).first()
    if user is not None:
        record(Action.SIGN_IN_FAILED, actor=System("somebody"), target=user)
