"""Who may act, and who may open a page."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from core.actors import Actor, System

View = Callable[..., HttpResponse]


def require(actor: Actor, permission: str, *, system_may: bool = False) -> None:
    """Raise `PermissionDenied` unless the actor may."""
    if isinstance(actor, System):
        allowed = system_may
    else:
        allowed = bool(permission) and actor.is_active and _has_permission(actor, permission)
    if not allowed:
        raise PermissionDenied(f"{actor} may not do this ({permission or 'the system only'})")


def permitted(*permissions: str) -> Callable[[View], View]:
    """For who holds one of these permissions; everybody else gets 403. Sign-in itself is asked of every page."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not any(request.user.has_perm(permission) for permission in permissions):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return wrapped

    return decorate


def session_stands(session: Any) -> bool:
    """Whether a session that a socket was opened with still stands: neither signed out nor run out."""
    # Channels wraps it: only `__class__` says what it is.
    return bool(session.__class__(session.session_key).load())


def acting(request: HttpRequest) -> Any:
    """The signed-in user, for an operation's `actor`."""
    if not request.user.is_authenticated:
        raise PermissionDenied
    return request.user


def _has_permission(actor: Any, permission: str) -> bool:
    return bool(actor.has_perm(permission))
