"""The health endpoint, answered from memory before anything that could block."""

from __future__ import annotations

import json
from typing import Any

from core.liveness import liveness

PATH = "/health/"


class HealthEndpoint:
    """ASGI middleware: answers 200 if everything works, otherwise 503 with the parts that do not.

    It uses no database, broker, thread or session, so it can answer any number of requests at once.
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
