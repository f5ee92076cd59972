"""Checks of who may act and who may open a page."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from core.actors import Actor, System

View = Callable[..., HttpResponse]


def require(actor: Actor, permission: str, *, system_may: bool = False) -> None:
    """Raise `PermissionDenied` unless the actor holds the permission, or is the system and the system may act."""
    if isinstance(actor, System):
        allowed = system_may
    else:
        allowed = bool(permission) and actor.is_active and _has_permission(actor, permission)
    if not allowed:
        raise PermissionDenied(f"{actor} is not allowed to do this ({permission or 'system only'})")


def permitted(*permissions: str) -> Callable[[View], View]:
    """Limit a view to users who hold one of these permissions. All others get 403. Middleware requires sign-in."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not any(request.user.has_perm(permission) for permission in permissions):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return wrapped

    return decorate


def session_stands(session: Any) -> bool:
    """Return whether the session that a socket was opened with is still valid: not signed out and not expired."""
    # Channels wraps the session. Only `__class__` gives its real class.
    return bool(session.__class__(session.session_key).load())


def acting(request: HttpRequest) -> Any:
    """Return the signed-in user, to pass as an operation's `actor`."""
    if not request.user.is_authenticated:
        raise PermissionDenied
    return request.user


def _has_permission(actor: Any, permission: str) -> bool:
    return bool(actor.has_perm(permission))
