"""Limits on simultaneous requests: visitors who are not signed in have a separate, smaller limit.

Every request that Django works on holds a thread and at most one connection to the database. The lanes limit both, so
that visitors cannot take those of signed-in users or of cameras.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict, deque
from typing import Any

from django.conf import settings

from lfr_site.addresses import counted_as

Scope = dict[str, Any]

# Set on the scope of each request that reaches lfr_site.middleware.SignedInMiddleware: whether its user is signed in.
SIGNED_IN = "lfr.signed_in"
BUSY = b"The system is busy. Try again in a moment."
# Seconds for which the digest of a valid session or token is remembered, and the most digests remembered.
REMEMBERED_S, MOST_REMEMBERED = 900.0, 10_000


class Lane:
    """A number of places for which parties take turns, however many requests each party has waiting."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def enter(self, party: str, patience_s: float) -> None:
        """Take a place.

        Raises:
            TimeoutError: no place became free in time.
        """
        if self._free and not self._waiting:
            self._free -= 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(party, deque()).append(place)
        try:
            async with asyncio.timeout(patience_s):
                await place
        except BaseException:
            self._give_up(party, place)
            raise

    def leave(self) -> None:
        """Give the place to the party that has waited longest for its turn."""
        while self._waiting:
            party, row = self._waiting.popitem(last=False)
            place = row.popleft()
            if row:
                self._waiting[party] = row
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    def _give_up(self, party: str, place: asyncio.Future[None]) -> None:
        if place.done() and not place.cancelled():
            # The request was given a place just as it stopped waiting.
            self.leave()
            return
        row = self._waiting.get(party, deque())
        if place in row:
            row.remove(place)
        if not row:
            self._waiting.pop(party, None)


class Lanes:
    """ASGI middleware around Django: waits for a place, and answers 503 if none becomes free in time.

    The lane is chosen before Django runs, by whether the session or token was valid in a recent request. The first
    request after signing in still takes the lane of anonymous visitors.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._known = Lane(settings.LFR_REQUESTS_AT_ONCE)
        self._strangers = Lane(settings.LFR_ANONYMOUS_REQUESTS_AT_ONCE)
        self._good: OrderedDict[bytes, float] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        credential = _credential(scope)
        is_good = self._is_good(credential)
        lane = self._known if is_good else self._strangers
        party = credential.hex() if is_good else counted_as((scope.get("client") or ("", 0))[0])
        if not is_good:
            # Read the body first, so that a client that sends slowly holds no place.
            receive = await _received(scope, receive)
        try:
            await lane.enter(party, settings.LFR_WAIT_FOR_A_PLACE_SECONDS)
        except TimeoutError:
            await refuse(send, 503, BUSY)
            return
        try:
            await self._application(scope, receive, send)
        finally:
            lane.leave()
            if SIGNED_IN in scope:
                self._note(credential, is_good=scope[SIGNED_IN])

    def _is_good(self, credential: bytes) -> bool:
        return time.monotonic() - self._good.get(credential, -REMEMBERED_S) < REMEMBERED_S

    def _note(self, credential: bytes, *, is_good: bool) -> None:
        self._good.pop(credential, None)
        if is_good and credential:
            self._good[credential] = time.monotonic()
            while len(self._good) > MOST_REMEMBERED:
                self._good.popitem(last=False)


async def _received(scope: Scope, receive: Any) -> Any:
    """Read a body that an anonymous visitor may send; return a `receive` that replays it."""
    length = dict(scope["headers"]).get(b"content-length", b"")
    if not length.isdigit() or not 0 < int(length) <= settings.LFR_LARGEST_ANONYMOUS_REQUEST:
        return receive
    messages: deque[Any] = deque()
    while not messages or messages[-1].get("more_body"):
        messages.append(await receive())

    async def again() -> Any:
        return messages.popleft() if messages else await receive()

    return again


def _credential(scope: Scope) -> bytes:
    """Return a digest of the session or token of a request; empty if it has none."""
    parts = [value for name, value in scope["headers"] if name in (b"cookie", b"authorization")]
    name = settings.SESSION_COOKIE_NAME.encode() + b"="
    credentials = [
        part.strip()
        for value in parts
        for part in value.split(b";")
        if part.strip().startswith(name) or value.startswith(b"Bearer ")
    ]
    return hashlib.sha256(b"\n".join(credentials)).digest() if credentials else b""


async def refuse(send: Any, status: int, text: bytes) -> None:
    """Answer without calling the application, and close the connection."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
