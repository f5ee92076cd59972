"""How much anybody may send in one request."""

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
from watchlists.people import COMPILE

Scope = dict[str, Any]

REFUSAL = b"This is too large: a photograph may have 20 MB at most, an import what LFR_LARGEST_IMPORT_MB says."
SIGN_IN = b"Sign in before you send this."

# A bulk import: photographs by the thousand.
_IMPORT = re.compile(r"/watchlists/[0-9a-f-]{36}/import/|/api/imports/")


class BodyLimit:
    """Answers 413 to a request whose body is too large for whoever sends it, before any of it is read.

    Django reads a body whole, to disk past a bound, before a view or a sign-in check is asked. So a visitor who is not
    signed in may send what a sign-in form holds, and no more; nobody may send a body without its length.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        said = headers.get(b"content-length", b"")
        length = int(said) if said.isdigit() else 0
        # Browsers always say how long a form is; what does not is no browser.
        has_no_length = scope["method"] in ("POST", "PUT", "PATCH") and not said.isdigit()
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
    """Bytes that this request may have: those of an import for who may import, and few for who is not signed in."""
    user = _user(scope)
    if user is None or not user.is_authenticated:
        return int(settings.LFR_LARGEST_ANONYMOUS_REQUEST)
    if _IMPORT.fullmatch(scope["path"]) and user.has_perm(COMPILE):
        return int(settings.LFR_LARGEST_IMPORT)
    return int(settings.LFR_LARGEST_REQUEST)


def _user(scope: Scope) -> Any:
    request = ASGIRequest(scope, io.BytesIO())
    if not scope["path"].startswith("/api/"):
        request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        return get_user(request)
    # The API takes tokens and sessions; a session's check of its own token would read the body.
    try:
        found = TokenAuthentication().authenticate(Request(request))
    except AuthenticationFailed:
        return None
    if found is not None:
        return found[0]
    request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    return get_user(request)
