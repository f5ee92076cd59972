"""How much anybody may send in one request."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings

Scope = dict[str, Any]

REFUSAL = b"This is too large: a photograph may have 20 MB at most, an import what LFR_LARGEST_IMPORT_MB says."


# A bulk import: photographs by the thousand, for who is signed in and may; anybody else is told so without their being
# looked into.
_IMPORT = re.compile(r"/watchlists/[0-9a-f-]{36}/import/|/api/imports/")


def _largest(path: str) -> int:
    return int(settings.LFR_LARGEST_IMPORT if _IMPORT.fullmatch(path) else settings.LFR_LARGEST_REQUEST)


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
        if has_no_length or (length.isdigit() and int(length) > _largest(scope["path"])):
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 413, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSAL})
            return
        await self._application(scope, receive, send)
