"""Who may have an account: nobody makes their own."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest

from audit.actions import Action
from audit.journal import INSTALLER, Actor, JournalData, record
from lfr_site import signin
from lfr_site.models import User
from lfr_site.roles import ROLES


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
    from django.contrib.auth.models import Group

    if role not in ROLES:
        raise ValueError(f"There is no role “{role}”. The roles are: {', '.join(ROLES)}.")
    if signin.user_named(username) is not None:
        # With two spellings of one name, neither could sign in.
        raise ValueError(f"There is a user “{username}” already.")
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
