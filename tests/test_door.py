"""Limits on anonymous connections, and which connection is closed when there are too many."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

import pytest

from lfr_site.door import Guest, GuestBook


class Connection(asyncio.Transport):
    """A transport with the two things the door needs: its peer, and a way to close it."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 4711)})
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True

    def is_closing(self) -> bool:
        return self.is_aborted


@pytest.fixture(autouse=True)
def bounds(settings: Any) -> None:
    settings.LFR_ANONYMOUS_CONNECTIONS, settings.LFR_ANONYMOUS_CONNECTIONS_AN_ADDRESS = 10, 4


def _enter(book: GuestBook, address: str, count: int = 1) -> list[tuple[Connection, Guest]]:
    connections = [Connection(address) for _ in range(count)]
    return [(each, book.enter(each)) for each in connections]


def _open(entered: list[tuple[Connection, Guest]]) -> list[bool]:
    return [not connection.is_aborted for connection, _ in entered]


def test_an_address_above_its_limit_loses_its_oldest_connection() -> None:
    book = GuestBook()
    first, other = _enter(book, "192.0.2.1", 4), _enter(book, "192.0.2.2")
    more = _enter(book, "192.0.2.1", 2)
    assert _open(first) == [False, False, True, True]
    assert _open([*more, *other]) == [True] * 3


def test_above_the_total_limit_the_address_with_most_loses_a_connection() -> None:
    book = GuestBook()
    many = _enter(book, "192.0.2.1", 4)
    others = [_enter(book, f"192.0.2.{number}", 2) for number in (2, 3, 4)]
    newest = _enter(book, "192.0.2.9")
    assert _open(many) == [False, True, True, True]
    assert all(all(_open(each)) for each in (*others, newest))


def test_connections_of_signed_in_users_are_not_counted_or_closed() -> None:
    book = GuestBook()
    signed_in = _enter(book, "192.0.2.1", 4)
    for _, guest in signed_in:
        guest.is_signed_in = True
    assert all(_open(_enter(book, "192.0.2.1", 4)))
    assert all(_open(signed_in))


def test_a_request_being_answered_is_not_cut_off() -> None:
    book = GuestBook()
    working = _enter(book, "192.0.2.1", 4)
    for _, guest in working:
        guest.is_working = True
    assert _open(_enter(book, "192.0.2.1")) == [False]
    assert all(_open(working))


def test_many_waiting_requests_of_one_address_do_not_exclude_others() -> None:
    book = GuestBook()
    crowds = [_enter(book, address, count) for address, count in (("192.0.2.1", 4), ("192.0.2.2", 4), ("192.0.2.3", 2))]
    for _, guest in (each for crowd in crowds for each in crowd):
        guest.is_working = True
    camera = _enter(book, "192.0.2.9")
    assert _open(camera) == [True]
    assert sum(_open(crowds[0]) + _open(crowds[1])) == 7


def test_one_ipv6_subscriber_with_many_addresses_counts_as_one() -> None:
    book = GuestBook()
    entered = [each for number in range(6) for each in _enter(book, f"2001:db8:1:1::{number}")]
    assert _open(entered) == [False, False, True, True, True, True]


def test_a_socket_that_stays_open_is_authorised(monkeypatch: pytest.MonkeyPatch) -> None:
    book = GuestBook()
    entered = _enter(book, "192.0.2.1", 4)
    for _, guest in entered:
        guest.is_socket, guest.began = True, -1e6
    assert all(_open(_enter(book, "192.0.2.1", 4)))
    assert all(_open(entered))


def test_connections_of_a_proxy_are_not_limited(settings: Any) -> None:
    settings.LFR_TRUSTED_PROXIES = (ipaddress.ip_network("192.0.2.0/30"),)
    assert all(_open(_enter(GuestBook(), "192.0.2.1", 30)))


def test_closed_connections_are_not_counted() -> None:
    book = GuestBook()
    for connection, _ in _enter(book, "192.0.2.1", 4):
        book.leave(connection)
    assert all(_open(_enter(book, "192.0.2.1", 4)))
