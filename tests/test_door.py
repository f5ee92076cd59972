"""How many connections strangers may have, and whose is closed when there are too many."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

import pytest

from lfr_site.door import Guest, GuestBook


class Connection(asyncio.Transport):
    """A transport of which the door needs no more than its peer and its end."""

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


def test_an_address_has_so_many_and_its_oldest_makes_room() -> None:
    book = GuestBook()
    first, other = _enter(book, "192.0.2.1", 4), _enter(book, "192.0.2.2")
    more = _enter(book, "192.0.2.1", 2)
    assert _open(first) == [False, False, True, True]
    assert _open([*more, *other]) == [True] * 3


def test_all_together_have_so_many_and_whoever_has_most_makes_room() -> None:
    book = GuestBook()
    many = _enter(book, "192.0.2.1", 4)
    others = [_enter(book, f"192.0.2.{number}", 2) for number in (2, 3, 4)]
    newest = _enter(book, "192.0.2.9")
    assert _open(many) == [False, True, True, True]
    assert all(all(_open(each)) for each in (*others, newest))


def test_people_who_are_signed_in_are_not_counted_and_not_closed() -> None:
    book = GuestBook()
    signed_in = _enter(book, "192.0.2.1", 4)
    for _, guest in signed_in:
        guest.is_signed_in = True
    assert all(_open(_enter(book, "192.0.2.1", 4)))
    assert all(_open(signed_in))


def test_a_request_that_is_being_answered_is_not_cut_off() -> None:
    book = GuestBook()
    working = _enter(book, "192.0.2.1", 4)
    for _, guest in working:
        guest.is_working = True
    assert _open(_enter(book, "192.0.2.1")) == [False]
    assert all(_open(working))


def test_many_who_wait_for_an_answer_turn_away_nobody_from_elsewhere() -> None:
    book = GuestBook()
    crowds = [_enter(book, address, count) for address, count in (("192.0.2.1", 4), ("192.0.2.2", 4), ("192.0.2.3", 2))]
    for _, guest in (each for crowd in crowds for each in crowd):
        guest.is_working = True
    camera = _enter(book, "192.0.2.9")
    assert _open(camera) == [True]
    assert sum(_open(crowds[0]) + _open(crowds[1])) == 7


def test_one_subscriber_of_many_addresses_counts_as_one() -> None:
    book = GuestBook()
    entered = [each for number in range(6) for each in _enter(book, f"2001:db8:1:1::{number}")]
    assert _open(entered) == [False, False, True, True, True, True]


def test_a_socket_that_stays_was_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    book = GuestBook()
    entered = _enter(book, "192.0.2.1", 4)
    for _, guest in entered:
        guest.is_socket, guest.began = True, -1e6
    assert all(_open(_enter(book, "192.0.2.1", 4)))
    assert all(_open(entered))


def test_a_proxys_connections_are_the_proxys_own_to_bound(settings: Any) -> None:
    settings.LFR_TRUSTED_PROXIES = (ipaddress.ip_network("192.0.2.0/30"),)
    assert all(_open(_enter(GuestBook(), "192.0.2.1", 30)))


def test_what_left_is_forgotten() -> None:
    book = GuestBook()
    for connection, _ in _enter(book, "192.0.2.1", 4):
        book.leave(connection)
    assert all(_open(_enter(book, "192.0.2.1", 4)))
