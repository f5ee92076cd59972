"""Connection limits of the web server: half-sent requests, slow readers, and connections that are not signed in.

They need no proxy in front. Connections of a trusted proxy (LFR_TRUSTED_PROXIES) have time limits but no cap.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lfr_site.addresses import counted_as, is_proxy

# The head of a request, from its first byte, or from the connection's beginning.
HEAD_S = 10.0
# For a body: between two parts of it, and for the whole beside its length at the slowest rate that is waited for.
BODY_IDLE_S, BODY_S, BODY_BYTES_A_SECOND = 15.0, 5.0, 16_384
# Interval between checks that a client reads its answer, and the slowest rate at which it may.
READING_S, READING_BYTES_A_SECOND = 15.0, 16_384
# A socket that was opened without a right to it is closed by its consumer well before.
SOCKET_ADMITTED_AFTER_S = 15.0


@dataclass(eq=False)
class Guest:
    """A connection. address: what its peer is counted under. is_working: a request of it is being answered."""

    address: str
    transport: asyncio.Transport
    is_proxy: bool = False
    began: float = field(default_factory=time.monotonic)
    is_signed_in: bool = False
    is_working: bool = False
    is_socket: bool = False

    @property
    def is_stranger(self) -> bool:
        """Whether it is not known to belong to somebody who is signed in."""
        admitted = self.is_socket and time.monotonic() - self.began > SOCKET_ADMITTED_AFTER_S
        return not (self.is_proxy or self.is_signed_in or admitted)


class GuestBook:
    """The connections of a web process."""

    def __init__(self) -> None:
        self._guests: dict[asyncio.Transport, Guest] = {}

    def enter(self, transport: asyncio.Transport) -> Guest:
        """Note a new connection. If strangers have too many, close their oldest idle one."""
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else ""
        guest = self._guests[transport] = Guest(counted_as(address), transport, is_proxy(address))
        if not guest.is_proxy:
            self._make_room(guest)
        return guest

    def leave(self, transport: asyncio.Transport) -> None:
        self._guests.pop(transport, None)

    def __len__(self) -> int:
        """How many connections are open."""
        return len(self._guests)

    def _make_room(self, newest: Guest) -> None:
        strangers = [each for each in self._guests.values() if each.is_stranger]
        of_address = Counter(each.address for each in strangers)
        crowded = newest.address
        if len(strangers) > settings.LFR_ANONYMOUS_CONNECTIONS:
            # Room is made by who takes most of it.
            crowded = of_address.most_common(1)[0][0]
        elif of_address[crowded] <= settings.LFR_ANONYMOUS_CONNECTIONS_AN_ADDRESS:
            return
        # Those that close already are counted until they are gone; closing them once more makes no room.
        staying = [each for each in strangers if not each.transport.is_closing() and each is not newest]
        theirs = [each for each in staying if each.address == crowded]
        idle = [each for each in theirs if not each.is_working]
        # Nobody's newcomer is turned away for the sake of another address's many.
        closing = idle or ([newest] if crowded == newest.address else theirs)
        min(closing, key=lambda each: each.began, default=newest).transport.abort()


guests = GuestBook()
"""This process's."""


class GuardedHttp(HttpToolsProtocol):
    """uvicorn's protocol with a time limit for everything that a client may leave half done."""

    guest: Guest
    _limit: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None
    _left = 0
    _ends = 0.0
    _is_receiving = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # The time limit applies to any unsent bytes, including those left when the connection is closed.
        transport.set_write_buffer_limits(high=0)
        self.guest = guests.enter(transport)
        self._within(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unlimited()
        self.resume_writing()
        guests.leave(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._limit is None and not self._is_receiving and not self.guest.is_working:
            # Of the next request on a connection that is kept; blank lines before one count.
            self._within(HEAD_S)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._unlimited()
        self.guest.is_working = self._is_receiving = True
        self._ends = time.monotonic() + BODY_S + self._length() / BODY_BYTES_A_SECOND
        self._within(BODY_IDLE_S)
        super().on_headers_complete()
        self.scope["lfr.guest"] = self.guest  # type: ignore[typeddict-unknown-key]

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._within(BODY_IDLE_S)

    def on_message_complete(self) -> None:
        self._is_receiving = False
        self._unlimited()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        # uvicorn goes on with the next request that was sent ahead.
        self.guest.is_working = bool(self.pipeline)
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self._unlimited()
        self.guest.is_working, self._is_receiving = False, False
        self.guest.is_socket, self.guest.began = True, time.monotonic()
        self.transport.set_write_buffer_limits()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._taking is None:
            self._look_at_what_is_left()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _look_at_what_is_left(self) -> None:
        """Close the connection if the client has read too little since the last check."""
        before, self._left = self._left, self.transport.get_write_buffer_size()
        if self._taking is not None and before - self._left < READING_S * READING_BYTES_A_SECOND:
            self.transport.abort()
        else:
            self._taking = self.loop.call_later(READING_S, self._look_at_what_is_left)

    def _length(self) -> int:
        said = next((value for name, value in self.headers if name == b"content-length"), b"")
        return int(said) if said.isdigit() else 0

    def _within(self, seconds: float) -> None:
        self._unlimited()
        if self._is_receiving:
            seconds = max(min(seconds, self._ends - time.monotonic()), 0)
        self._limit = self.loop.call_later(seconds, self._is_late)

    def _unlimited(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _is_late(self) -> None:
        self._limit = None
        if self.flow.read_paused:
            # It is we who do not read on: the application has not asked for more yet.
            self._ends += BODY_IDLE_S
            self._within(BODY_IDLE_S)
        elif not self.transport.is_closing():
            self.transport.abort()


def welcome(scope: Mapping[str, Any]) -> None:
    """Note that the connection of this request belongs to somebody who is signed in."""
    guest = scope.get("lfr.guest")
    if guest is not None:
        guest.is_signed_in = True
