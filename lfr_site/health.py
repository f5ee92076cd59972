"""The health endpoint, answered from memory before anything that could block."""

from __future__ import annotations

import json
from typing import Any

from core.liveness import liveness

PATH = "/health/"


class HealthEndpoint:
    """ASGI middleware: 200 when everything works, 503 when not; the body says which part does not.

    It uses no database, broker, thread or session, so any number of requests may come at once.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["path"] != PATH:
            await self._application(scope, receive, send)
            return
        is_asked = scope["method"] in ("GET", "HEAD")
        report = liveness.report()
        status = (200 if report["status"] == "ok" else 503) if is_asked else 405
        body = json.dumps(report).encode() if is_asked else b""
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
