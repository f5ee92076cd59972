"""How much anybody may send in one request."""

from __future__ import annotations

import io
import re
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from watchlists.people import COMPILE

Scope = dict[str, Any]

REFUSAL = b"This is too large: a photograph may have 20 MB at most, an import what LFR_LARGEST_IMPORT_MB says."

# A bulk import: photographs by the thousand.
_IMPORT = re.compile(r"/watchlists/[0-9a-f-]{36}/import/|/api/imports/")


class BodyLimit:
    """Answers 413 to a request whose body is too large, before any of it is unpacked.

    Django reads a body whole, to disk past a bound, before a view or a sign-in check is asked.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        length = dict(scope["headers"]).get(b"content-length", b"")
        # Browsers always say how long a form is; what does not is no browser.
        has_no_length = scope["method"] in ("POST", "PUT", "PATCH") and not length.isdigit()
        if has_no_length or (length.isdigit() and int(length) > await _largest(scope, int(length))):
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 413, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSAL})
            return
        await self._application(scope, receive, send)


async def _largest(scope: Scope, length: int) -> int:
    """Bytes that this request may have: those of an import for who may import, and nobody else."""
    usual = int(settings.LFR_LARGEST_REQUEST)
    if length <= usual or not _IMPORT.fullmatch(scope["path"]) or not await sync_to_async(_may_import)(scope):
        return usual
    return int(settings.LFR_LARGEST_IMPORT)


def _may_import(scope: Scope) -> bool:
    close_old_connections()
    request = ASGIRequest(scope, io.BytesIO())
    if not scope["path"].startswith("/api/"):
        request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        return bool(get_user(request).has_perm(COMPILE))
    # Those that look at headers alone; a session's check of its token would read the body.
    tokens = TokenAuthentication()
    try:
        found = tokens.authenticate(Request(request))
    except AuthenticationFailed:
        return False
    return found is not None and found[0].has_perm(COMPILE)
