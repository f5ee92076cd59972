"""Middleware: sign-in status for the connection limits, refusals as pages, and no caching of responses."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from audit.refusals import note_refused
from core.errors import Conflict, Refused
from lfr_site.addresses import UNKNOWN
from lfr_site.door import welcome
from lfr_site.lanes import SIGNED_IN

NUL = "The text contains a null character, which cannot be stored. Nothing was saved. Remove it and try again."


def holds_nul(error: DataError) -> bool:
    """Return whether the database refused a null character. Forms check for it themselves; URLs do not."""
    return "NUL (0x00)" in str(error)


def note_refusal_of(request: HttpRequest) -> None:
    """Record that the user of a request was refused, if one is signed in."""
    match = request.resolver_match
    if request.user.is_authenticated and match is not None:
        # Ids, not text, which may be a name.
        ids = {name: str(value) for name, value in match.kwargs.items() if isinstance(value, int | uuid.UUID)}
        address = str(request.META.get("REMOTE_ADDR", UNKNOWN))
        note_refused(request.user, str(match.view_name), **ids, method=str(request.method), address=address)


class SignedInMiddleware:
    """Records on the request's scope whether its user is signed in, for lfr_site.lanes and lfr_site.door."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        # The user of a token is known only after the API's view has run.
        if isinstance(request, ASGIRequest):
            is_signed_in = cast("dict[str, Any]", request.scope)[SIGNED_IN] = request.user.is_authenticated
            if is_signed_in:
                welcome(request.scope)
        return answer


class HtmxMiddleware:
    """Sends a page whose user is signed out to the sign-in page, instead of showing that page inside a part of it.

    After signing in the user comes back to the page, not to the part that it asked for.
    """

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        if "HX-Request" not in request.headers or not isinstance(answer, HttpResponseRedirect):
            return answer
        shown = urlsplit(request.headers.get("HX-Current-URL", "/")).path
        sign_in = reverse(settings.LOGIN_URL)
        to = f"{sign_in}?{urlencode({'next': shown})}" if answer.url.startswith(sign_in) else answer.url
        return HttpResponse(status=204, headers={"HX-Redirect": to})


class RefusedMiddleware:
    """Shows why an action was refused: 409 if somebody else acted first, 422 otherwise. Records a missing permission.

    Forms catch `Refused` themselves to show it beside the field; this is for plain buttons.
    """

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, PermissionDenied):
            note_refusal_of(request)
        if isinstance(error, DataError) and holds_nul(error):
            error = Refused(NUL)
        if not isinstance(error, Refused):
            return None
        status = 409 if isinstance(error, Conflict) else 422
        return render(request, "refused.html", {"reason": str(error)}, status=status)


class NoStoreMiddleware:
    """`Cache-Control: no-store` on every response that does not set its own: pages name people and show faces.

    WhiteNoise answers for static files before this, so they stay cacheable.
    """

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
