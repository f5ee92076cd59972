"""Same-origin check of WebSockets: the page and the socket must have the same host and port."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import validate_host

PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class SameOrigin:
    """ASGI middleware around the sockets: denies a socket whose Origin header does not match its host and port.

    A page of another program on this machine has another port; it must not use its visitor's session here.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        allowed = is_same_origin(headers.get(b"origin", ""), headers.get(b"host", ""))
        application: Any = self._application if allowed else WebsocketDenier()
        return await application(scope, receive, send)


def is_same_origin(origin: str, host: str) -> bool:
    """Return whether a page of `origin` (scheme://host[:port]) may open a socket at `host` (host[:port]).

    A Host header without a port has the default port of the origin's scheme, because TLS may end before this process.
    """
    try:
        page, here = urlsplit(origin), urlsplit(f"//{host}")
        default = PORTS.get(page.scheme)
        ports = (page.port or default, here.port or default)
    except ValueError:
        return False
    if default is None or not page.hostname or not here.hostname:
        return False
    is_ours = validate_host(here.hostname, settings.ALLOWED_HOSTS) or validate_host(
        f"[{here.hostname}]", settings.ALLOWED_HOSTS
    )
    return is_ours and page.hostname == here.hostname and ports[0] == ports[1]
