"""The addresses that notifications may be sent to: public ones, and those of networks that the force names.

A webhook's address is typed by a person, and its name is resolved by servers that others run. Without this rule either
could make the system call its own database or a device on the force's network.
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
# A person waits for the page meanwhile.
LOOKUP_AT_SAVING_S = 3.0

_GLOBAL_UNICAST = IPv6Network("2000::/3")
# RFC 6052: the last 32 bits are the IPv4 address that a NAT64 gateway calls.
_NAT64 = IPv6Network("64:ff9b::/96")
# Special by IANA's registries, but global to some versions of `ipaddress`.
_SPECIAL = tuple(ip_network(each) for each in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20"))


class NotAllowed(Exception):
    """The address may not be called. The message is for the person who reads the delivery log."""

    def __init__(self, address: IPAddress) -> None:
        super().__init__(
            f"The address leads to {address}, which is not a public address. "
            "If the force owns it, add its network to LFR_OWN_NETWORKS."
        )


def is_allowed(address: IPAddress) -> bool:
    """Return whether notifications may be sent to this address. An address that embeds others is judged by them."""
    own: tuple[IPv4Network | IPv6Network, ...] = settings.LFR_OWN_NETWORKS
    if any(address in network for network in own):
        return True
    embedded = tuple(_embedded(address))
    return all(map(is_allowed, embedded)) if embedded else _is_public(address)


def _embedded(address: IPAddress) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that a packet to this address reaches in the end."""
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
    """Return host and port as the sending library reads them.

    Raises:
        ValueError: the text is not a URL with a host.
    """
    parts = URL(url)
    if not parts.raw_host or not parts.port:
        raise ValueError("The address names no host.")
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
        # No answer, or none in time. Every sending checks again.
        return
    for info in found:
        if not is_allowed(_address(info)):
            raise Refused(str(NotAllowed(_address(info))))


async def resolve(host: str, port: int) -> list[AddressInfo]:
    """Resolve a name, or a literal address. However long the lookup takes, cancelling this ends the wait.

    Raises:
        OSError, UnicodeError: the name cannot be resolved.
    """
    return await asyncio.wrap_future(_start_lookup(host, port))


async def resolve_allowed(host: str, port: int) -> list[AddressInfo]:
    """Resolve a name once, and return those of its addresses that may be called.

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
    """Begin a lookup in a thread of its own.

    `getaddrinfo` has no time-out. In the event loop's pool of threads, names whose servers do not answer would keep
    others waiting, and the loop could not be closed before the last of them has given up.
    """
    future: Future[list[AddressInfo]] = Future()

    def look_up() -> None:
        try:
            found: list[AddressInfo] = [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except Exception as error:
            # Handed to the caller. One who no longer waits has cancelled the future.
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
        else:
            if future.set_running_or_notify_cancel():
                future.set_result(found)

    threading.Thread(target=look_up, name="lookup", daemon=True).start()
    return future


class CheckedAddresses(AbstractResolver):
    """A resolver for aiohttp that knows only addresses that were checked: no second lookup can return another."""

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
        """Nothing to release."""
