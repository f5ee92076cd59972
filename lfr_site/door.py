"""Connection limits of the web server: half-sent requests, slow readers, and connections that are not signed in.

They work without a proxy in front. Connections of a trusted proxy (LFR_TRUSTED_PROXIES) have time limits, but their
number is not limited.
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

# Time for the head of a request, from its first byte or from the start of the connection.
HEAD_S = 10.0
# Time for a body: between two parts, and in total in addition to its length at the slowest rate allowed.
BODY_IDLE_S, BODY_S, BODY_BYTES_A_SECOND = 15.0, 5.0, 16_384
# Interval between checks that a client reads its response, and the slowest rate allowed.
READING_S, READING_BYTES_A_SECOND = 15.0, 16_384
# A socket still open after this time is authorised: its consumer would have closed it otherwise.
SOCKET_ADMITTED_AFTER_S = 15.0


@dataclass(eq=False)
class Guest:
    """A connection. address: key for counting its peer. is_working: whether a request is being answered."""

    address: str
    transport: asyncio.Transport
    is_proxy: bool = False
    began: float = field(default_factory=time.monotonic)
    is_signed_in: bool = False
    is_working: bool = False
    is_socket: bool = False

    @property
    def is_stranger(self) -> bool:
        """Whether the connection is not known to belong to a signed-in user or a trusted proxy."""
        admitted = self.is_socket and time.monotonic() - self.began > SOCKET_ADMITTED_AFTER_S
        return not (self.is_proxy or self.is_signed_in or admitted)


class GuestBook:
    """The open connections of a web process."""

    def __init__(self) -> None:
        self._guests: dict[asyncio.Transport, Guest] = {}

    def enter(self, transport: asyncio.Transport) -> Guest:
        """Register a new connection. If anonymous clients have too many, close their oldest idle one."""
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else ""
        guest = self._guests[transport] = Guest(counted_as(address), transport, is_proxy(address))
        if not guest.is_proxy:
            self._make_room(guest)
        return guest

    def leave(self, transport: asyncio.Transport) -> None:
        self._guests.pop(transport, None)

    def __len__(self) -> int:
        """Return the number of open connections."""
        return len(self._guests)

    def _make_room(self, newest: Guest) -> None:
        strangers = [each for each in self._guests.values() if each.is_stranger]
        of_address = Counter(each.address for each in strangers)
        crowded = newest.address
        if len(strangers) > settings.LFR_ANONYMOUS_CONNECTIONS:
            # Close a connection of the address that has the most.
            crowded = of_address.most_common(1)[0][0]
        elif of_address[crowded] <= settings.LFR_ANONYMOUS_CONNECTIONS_AN_ADDRESS:
            return
        # Connections that are already closing still count; closing them again would free nothing.
        staying = [each for each in strangers if not each.transport.is_closing() and each is not newest]
        theirs = [each for each in staying if each.address == crowded]
        idle = [each for each in theirs if not each.is_working]
        # Do not close a new connection because another address has too many.
        closing = idle or ([newest] if crowded == newest.address else theirs)
        min(closing, key=lambda each: each.began, default=newest).transport.abort()


guests = GuestBook()
"""The connections of this process."""


class GuardedHttp(HttpToolsProtocol):
    """uvicorn's HTTP protocol with time limits for whatever a client may leave unfinished."""

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
            # The next request on a kept-alive connection begins; blank lines before it count.
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
        # uvicorn continues with the next pipelined request.
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
            self._check_what_is_left()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _check_what_is_left(self) -> None:
        """Close the connection if the client has read too little since the last check."""
        before, self._left = self._left, self.transport.get_write_buffer_size()
        if self._taking is not None and before - self._left < READING_S * READING_BYTES_A_SECOND:
            self.transport.abort()
        else:
            self._taking = self.loop.call_later(READING_S, self._check_what_is_left)

    def _length(self) -> int:
        length = next((value for name, value in self.headers if name == b"content-length"), b"")
        return int(length) if length.isdigit() else 0

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
            # The server itself paused reading: the application has not asked for more yet.
            self._ends += BODY_IDLE_S
            self._within(BODY_IDLE_S)
        elif not self.transport.is_closing():
            self.transport.abort()


def welcome(scope: Mapping[str, Any]) -> None:
    """Mark the connection of this request as belonging to a signed-in user."""
    guest = scope.get("lfr.guest")
    if guest is not None:
        guest.is_signed_in = True
