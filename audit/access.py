"""Who may open a page."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

View = Callable[..., HttpResponse]


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
