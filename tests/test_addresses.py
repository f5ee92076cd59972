"""How a client's address is determined."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from lfr_site.addresses import ClientAddress, Scope, client_of, counted_as
from lfr_site.checks import proxies_are_named

PROXIES = (ip_network("10.0.0.0/24"), ip_network("fd00::/64"))


def _scope(peer: str | None, *forwarded: str) -> Scope:
    headers = [(b"host", b"localhost"), *((b"x-forwarded-for", value.encode()) for value in forwarded)]
    return {"type": "http", "client": (peer, 4711) if peer else None, "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        # Anybody can send the header.
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        # The client's entries stand to the left of the proxy's.
        ("10.0.0.1", ["198.51.100.9, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.9", "192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.9, 192.0.2.1, 10.0.0.7"], "192.0.2.1"),
        ("10.0.0.1", ["10.0.0.9, 10.0.0.7"], "10.0.0.9"),
        ("10.0.0.1", ["198.51.100.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9, 10.0.0.7, "], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1:50000"], "192.0.2.1"),
        ("fd00::1", ["[2001:db8::5]:50000"], "2001:db8::5"),
        ("fd00::1", ["2001:db8:0:0::5"], "2001:db8::5"),
        ("fd00:0:0:1::1", ["2001:db8::5"], "fd00:0:0:1::1"),
        # A socket that listens for both families writes IPv4 as IPv6.
        ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("::ffff:192.0.2.1", [], "192.0.2.1"),
        (None, ["192.0.2.1"], "unknown"),
    ],
)
def test_only_entries_of_trusted_proxies_count(
    settings: Any, peer: str | None, forwarded: list[str], client: str
) -> None:
    settings.LFR_TRUSTED_PROXIES = PROXIES
    assert client_of(_scope(peer, *forwarded)) == client


def test_without_a_trusted_proxy_the_header_is_ignored() -> None:
    assert client_of(_scope("127.0.0.1", "192.0.2.1")) == "127.0.0.1"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_ipv6_clients_are_counted_by_their_64_network(address: str, counted: str) -> None:
    assert counted_as(address) == counted


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_pages_and_sockets_see_the_client(settings: Any, kind: str) -> None:
    settings.LFR_TRUSTED_PROXIES = PROXIES
    seen = {}

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        seen.update(scope)

    await ClientAddress(application)({**_scope("10.0.0.1", "192.0.2.1"), "type": kind}, None, None)
    assert seen["client"] == ("192.0.2.1", 4711)


def test_a_production_installation_without_a_named_proxy_is_reported(settings: Any) -> None:
    assert proxies_are_named() == []
    settings.IS_DEMO = False
    assert [message.id for message in proxies_are_named()] == ["lfr.W001"]
    settings.LFR_TRUSTED_PROXIES = PROXIES
    assert proxies_are_named() == []
