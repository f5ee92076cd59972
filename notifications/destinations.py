"""The addresses that notifications may be sent to: public addresses, and those in networks that the force names.

A person types a webhook's address, and servers run by others resolve its host name. Without this rule, either could
make the system call its own database or a device on the force's network.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from django.conf import settings
from yarl import URL

from core.errors import Refused

IPAddress = IPv4Address | IPv6Address
# As `socket.getaddrinfo` returns them: family, type, protocol, canonical name, and the address with its port.
AddressInfo = tuple[
    socket.AddressFamily,
    socket.SocketKind,
    int,
    str,
    tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
]
# Short, because a person is waiting for the page.
LOOKUP_AT_SAVING_S = 3.0

_GLOBAL_UNICAST = IPv6Network("2000::/3")
# RFC 6052: the last 32 bits are the IPv4 address that a NAT64 gateway calls.
_NAT64 = IPv6Network("64:ff9b::/96")
# Special addresses in IANA's registries that some versions of `ipaddress` treat as global.
_SPECIAL = tuple(ip_network(each) for each in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20"))


class NotAllowed(Exception):
    """The address may not be called. The message is for the person who reads the delivery log."""

    def __init__(self, address: IPAddress) -> None:
        super().__init__(
            f"The address leads to {address}, which is not a public address. "
            "If the force owns it, add its network to LFR_OWN_NETWORKS."
        )


def is_allowed(address: IPAddress) -> bool:
    """Return whether notifications may be sent to this address. For one that embeds others, they decide."""
    own: tuple[IPv4Network | IPv6Network, ...] = settings.LFR_OWN_NETWORKS
    if any(address in network for network in own):
        return True
    embedded = tuple(_embedded(address))
    return all(map(is_allowed, embedded)) if embedded else _is_public(address)


def _embedded(address: IPAddress) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that a packet to this address finally reaches."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            yield address.ipv4_mapped
        if address.sixtofour:
            yield address.sixtofour
        if address.teredo:
            yield from address.teredo
        if address in _NAT64:
            yield IPv4Address(address.packed[-4:])


def _is_public(address: IPAddress) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    if address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return address.is_global and not any(address in network for network in _SPECIAL)


def host_and_port(url: str) -> tuple[str, int]:
    """Return the host and port as the sending library reads them.

    Raises:
        ValueError: the text is not a URL with a host.
    """
    parts = URL(url)
    if not parts.raw_host or not parts.port:
        raise ValueError("The address has no host name.")
    return parts.raw_host, parts.port


def check_at_saving(url: str) -> None:
    """Refuse a URL if any of its addresses is not allowed. A name that cannot be resolved yet passes.

    Raises:
        Refused: an address is not allowed.
        ValueError: the text is not a URL with a host.
    """
    lookup = _start_lookup(*host_and_port(url))
    try:
        found = lookup.result(LOOKUP_AT_SAVING_S)
    except (OSError, UnicodeError):
        # The name could not be resolved in time. Each attempt to send checks again.
        return
    for info in found:
        if not is_allowed(_address(info)):
            raise Refused(str(NotAllowed(_address(info))))


async def resolve(host: str, port: int) -> list[AddressInfo]:
    """Resolve a name or a literal address. Cancelling ends the wait, however long the lookup takes.

    Raises:
        OSError, UnicodeError: the name cannot be resolved.
    """
    return await asyncio.wrap_future(_start_lookup(host, port))


async def resolve_allowed(host: str, port: int) -> list[AddressInfo]:
    """Resolve a name once and return those of its addresses that may be called.

    Raises:
        NotAllowed: none of them may be called.
        OSError, UnicodeError: the name cannot be resolved.
    """
    found = await resolve(host, port)
    allowed = [info for info in found if is_allowed(_address(info))]
    if not allowed:
        raise NotAllowed(_address(found[0]))
    return allowed


def _address(info: AddressInfo) -> IPAddress:
    return ip_address(info[4][0])


def _start_lookup(host: str, port: int) -> Future[list[AddressInfo]]:
    """Start a lookup in its own thread.

    `getaddrinfo` has no time-out. In the event loop's thread pool, names whose servers do not answer would delay other
    lookups, and the loop could not close until the last of them had failed.
    """
    future: Future[list[AddressInfo]] = Future()

    def look_up() -> None:
        try:
            found: list[AddressInfo] = [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except Exception as error:
            # Pass the error to the caller, unless the caller has stopped waiting and cancelled the future.
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
        else:
            if future.set_running_or_notify_cancel():
                future.set_result(found)

    threading.Thread(target=look_up, name="lookup", daemon=True).start()
    return future


class CheckedAddresses(AbstractResolver):
    """An aiohttp resolver that returns only checked addresses, so that no second lookup can return another."""

    def __init__(self, checked: list[AddressInfo]) -> None:
        self._checked = checked

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            {
                "hostname": host,
                "host": str(address[0]),
                "port": port,
                "family": kind,
                "proto": protocol,
                "flags": socket.AI_NUMERICHOST,
            }
            for kind, _, protocol, _, address in self._checked
        ]

    async def close(self) -> None:
        """Do nothing, because there is nothing to release."""
