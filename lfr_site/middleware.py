"""Refusals of the domain, told to the person who tried; and responses that no browser or proxy may keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.core.handlers.asgi import ASGIRequest
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.errors import Conflict, Refused
from lfr_site.door import welcome
from lfr_site.lanes import SIGNED_IN

NUL = "What was sent holds a character that no text has (NUL). Nothing was kept."


def holds_nul(error: DataError) -> bool:
    """Whether the database was handed a text that it cannot hold; forms say so themselves, addresses cannot."""
    return "NUL (0x00)" in str(error)


class SignedInMiddleware:
    """Says on the request's scope that its user is signed in, for what stands before Django (lfr_site.lanes, .door)."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        # A token's user is known once the API has been asked.
        if isinstance(request, ASGIRequest):
            is_signed_in = cast("dict[str, Any]", request.scope)[SIGNED_IN] = request.user.is_authenticated
            if is_signed_in:
                welcome(request.scope)
        return answer


class RefusedMiddleware:
    """An act that was refused: 409 when somebody was first, 422 otherwise, and the reason in words.

    Forms catch `Refused` themselves to show it beside the field; this is for buttons.
    """

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, DataError) and holds_nul(error):
            error = Refused(NUL)
        if not isinstance(error, Refused):
            return None
        status = 409 if isinstance(error, Conflict) else 422
        return render(request, "refused.html", {"reason": str(error)}, status=status)


class NoStoreMiddleware:
    """`Cache-Control: no-store` on every response that does not set its own: pages name people and show faces.

    Static files are answered by WhiteNoise before this, and stay cacheable.
    """

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
