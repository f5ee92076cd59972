"""The client's address: the peer of the connection, or the address that a trusted proxy gives for it."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Scope = dict[str, Any]

# A connection over a Unix socket has no address.
UNKNOWN = "unknown"

_IPV6_CLIENT_BITS = 64
# Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711.
_WITH_PORT = re.compile(r"\[([^]]*)\](?::\d+)?|([^:]*):\d+")


class ClientAddress:
    """ASGI middleware: sets `client` of the scope, and so REMOTE_ADDR, to the client's address."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            _, port = scope.get("client") or (UNKNOWN, 0)
            scope = {**scope, "client": (client_of(scope), port)}
        await self._application(scope, receive, send)


def client_of(scope: Scope) -> str:
    """Return the address of the client of an ASGI connection.

    X-Forwarded-For is read from right to left, only as long as the address reached so far is a trusted proxy: anything
    further to the left may have been written by the client.
    """
    peer, _ = scope.get("client") or (UNKNOWN, 0)
    address = _parsed(peer)
    if address is None:
        return str(peer)
    for text in reversed(_forwarded_for(scope)):
        if not _is_trusted(address) or (hop := _parsed(text)) is None:
            break
        address = hop
    return str(address)


def counted_as(address: str) -> str:
    """Return the key for counting a client: its IPv4 address, or the /64 network of its IPv6 address.

    One subscriber has a whole /64 and may use a new address from it for every connection.
    """
    parsed = _parsed(address)
    if not isinstance(parsed, ipaddress.IPv6Address):
        return address
    return str(ipaddress.IPv6Network((int(parsed), _IPV6_CLIENT_BITS), strict=False))


def is_proxy(address: str) -> bool:
    """Return whether a peer is a trusted proxy: in LFR_TRUSTED_PROXIES, or without an address (a Unix socket)."""
    parsed = _parsed(address)
    return address == "" or (parsed is not None and _is_trusted(parsed))


def _forwarded_for(scope: Scope) -> list[str]:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return ",".join(values).split(",")


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in settings.LFR_TRUSTED_PROXIES)


def _parsed(text: str) -> Address | None:
    """Return the address without port and zone, IPv4-mapped IPv6 as IPv4; None if it is not an address."""
    match = _WITH_PORT.fullmatch(text.strip())
    bare = (match[1] or match[2] or "") if match else text.strip()
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
