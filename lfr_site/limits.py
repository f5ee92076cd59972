"""Limits on the size of a request."""

from __future__ import annotations

import io
import re
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.asgi import ASGIRequest
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from lfr_site.lanes import refuse
from watchlists.permissions import COMPILE_WATCHLIST

Scope = dict[str, Any]

REFUSAL = b"The upload is too large. A photograph can have up to 20 MB, an import up to LFR_LARGEST_IMPORT_MB."
SIGN_IN = b"Sign in before you send this."

# Bulk imports contain thousands of photographs.
_IMPORT = re.compile(r"/watchlists/[0-9a-f-]{36}/import/|/api/imports/")


class BodyLimit:
    """ASGI middleware: answers 413 to a body that is too large for its sender, before reading any of it.

    Django reads the whole body, to disk above a certain size, before any view or sign-in check. Visitors who are not
    signed in may therefore send only as much as a sign-in form needs, and nobody may send a body without its length.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"")
        length = int(declared) if declared.isdigit() else 0
        # Browsers always send the length of a form.
        has_no_length = scope["method"] in ("POST", "PUT", "PATCH") and not declared.isdigit()
        if has_no_length or b"transfer-encoding" in headers:
            await refuse(send, 413, REFUSAL)
        elif length <= settings.LFR_LARGEST_ANONYMOUS_REQUEST:
            await self._application(scope, receive, send)
        elif length > settings.LFR_LARGEST_REQUEST and not _IMPORT.fullmatch(scope["path"]):
            await refuse(send, 413, REFUSAL)
        elif length > (most := await database_sync_to_async(_most)(scope)):
            await refuse(send, 413, REFUSAL if most > settings.LFR_LARGEST_ANONYMOUS_REQUEST else SIGN_IN)
        else:
            await self._application(scope, receive, send)


def _most(scope: Scope) -> int:
    """Return the largest body in bytes that the user of a request may send."""
    user = _user(scope)
    if user is None or not user.is_authenticated:
        return int(settings.LFR_LARGEST_ANONYMOUS_REQUEST)
    if _IMPORT.fullmatch(scope["path"]) and user.has_perm(COMPILE_WATCHLIST):
        return int(settings.LFR_LARGEST_IMPORT)
    return int(settings.LFR_LARGEST_REQUEST)


def _user(scope: Scope) -> Any:
    request = ASGIRequest(scope, io.BytesIO())
    if not scope["path"].startswith("/api/"):
        request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        return get_user(request)
    # The API accepts tokens and sessions. DRF's session authentication is avoided: its CSRF check reads the body.
    try:
        found = TokenAuthentication().authenticate(Request(request))
    except AuthenticationFailed:
        return None
    if found is not None:
        return found[0]
    request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    return get_user(request)
