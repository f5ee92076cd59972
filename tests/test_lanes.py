"""The lanes of requests: limited, fair between addresses, and separate for signed-in users."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lfr_site.lanes import SIGNED_IN, Lane, Lanes


async def _turns(lane: Lane, parties: list[str]) -> list[str]:
    """Return the order in which parties, given in order of arrival, get the single place."""
    order: list[str] = []

    async def work(party: str) -> None:
        await lane.enter(party, 60)
        order.append(party)
        lane.leave()

    await lane.enter("somebody", 60)
    waiting = []
    for party in parties:
        waiting.append(asyncio.create_task(work(party)))
        await asyncio.sleep(0)
    lane.leave()
    await asyncio.gather(*waiting)
    return order


async def test_a_flood_from_one_address_delays_another_by_one_request() -> None:
    assert await _turns(Lane(1), ["flood"] * 4 + ["officer"]) == ["flood", "officer", "flood", "flood", "flood"]


async def test_the_number_of_places_is_limited() -> None:
    lane = Lane(2)
    await lane.enter("one", 60)
    await lane.enter("two", 60)
    with pytest.raises(TimeoutError):
        await lane.enter("three", 0.01)
    lane.leave()
    await lane.enter("three", 60)


async def test_a_request_that_stops_waiting_takes_no_place() -> None:
    lane = Lane(1)
    await lane.enter("one", 60)
    gone = asyncio.create_task(lane.enter("two", 60))
    await asyncio.sleep(0)
    # The place is given to it at the moment it stops waiting.
    lane.leave()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    await lane.enter("three", 1)


class Site:
    """An application behind the lanes that answers on request. signed_in: cookies of signed-in users."""

    def __init__(self, *signed_in: str) -> None:
        self.signed_in = signed_in
        self.go = asyncio.Event()
        self.working = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.working += 1
        await self.go.wait()
        self.working -= 1
        if scope["path"] != "/static/":
            cookies = [value for _, value in scope["headers"]]
            scope[SIGNED_IN] = any(f"sessionid={name}".encode() in each for each in cookies for name in self.signed_in)
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def _get(lanes: Lanes, cookie: str = "", path: str = "/") -> int:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"cookie", f"sessionid={cookie}".encode())] if cookie else []
    await lanes({"type": "http", "path": path, "headers": headers, "client": ("192.0.2.1", 1)}, None, send)
    return int(sent[0]["status"])


async def test_a_flood_of_anonymous_requests_does_not_affect_signed_in_users(settings: Any) -> None:
    settings.LFR_ANONYMOUS_REQUESTS_AT_ONCE, settings.LFR_REQUESTS_AT_ONCE = 2, 3
    site = Site("officer")
    lanes = Lanes(site)
    site.go.set()
    assert await _get(lanes, "officer") == 200
    site.go.clear()
    # A cookie that was never valid counts as anonymous.
    flood = [asyncio.create_task(_get(lanes, f"forged{number}")) for number in range(20)]
    await asyncio.sleep(0.01)
    assert site.working == 2
    officer = asyncio.create_task(_get(lanes, "officer"))
    await asyncio.sleep(0.01)
    assert site.working == 3
    site.go.set()
    assert await officer == 200
    assert set(await asyncio.gather(*flood)) == {200}


async def test_a_request_without_a_place_gets_503(settings: Any) -> None:
    settings.LFR_ANONYMOUS_REQUESTS_AT_ONCE, settings.LFR_WAIT_FOR_A_PLACE_SECONDS = 1, 0.01
    site = Site()
    lanes = Lanes(site)
    first = asyncio.create_task(_get(lanes))
    await asyncio.sleep(0)
    assert await _get(lanes) == 503
    site.go.set()
    assert await first == 200


async def test_an_ended_session_counts_as_anonymous(settings: Any) -> None:
    settings.LFR_ANONYMOUS_REQUESTS_AT_ONCE = 1
    site = Site("officer")
    lanes = Lanes(site)
    site.go.set()
    assert await _get(lanes, "officer") == 200
    site.signed_in = ()
    assert await _get(lanes, "officer") == 200
    site.go.clear()
    waiting = [asyncio.create_task(_get(lanes, "officer")) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert site.working == 1
    site.go.set()
    assert await asyncio.gather(*waiting) == [200] * 3


async def test_static_files_do_not_make_a_session_anonymous(settings: Any) -> None:
    settings.LFR_ANONYMOUS_REQUESTS_AT_ONCE = 1
    site = Site("officer")
    lanes = Lanes(site)
    site.go.set()
    await _get(lanes, "officer")
    await _get(lanes, "officer", "/static/")
    site.go.clear()
    waiting = [asyncio.create_task(_get(lanes, "officer")) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert site.working == 3
    site.go.set()
    await asyncio.gather(*waiting)


async def test_an_anonymous_client_that_sends_slowly_holds_no_place(settings: Any) -> None:
    settings.LFR_ANONYMOUS_REQUESTS_AT_ONCE = 1
    site, rest, read = Site(), asyncio.Event(), []
    site.go.set()
    lanes = Lanes(site)
    parts: list[dict[str, Any]] = [{"body": b"a", "more_body": True}, {"body": b"b"}]

    async def receive() -> dict[str, Any]:
        if len(parts) == 1:
            await rest.wait()
        return parts.pop(0)

    async def read_all(scope: Any, receive: Any, send: Any) -> None:
        read.extend([(await receive())["body"], (await receive())["body"]])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: dict[str, Any]) -> None:
        pass

    scope = {"type": "http", "path": "/", "headers": [(b"content-length", b"2")], "client": ("192.0.2.1", 1)}
    slow = asyncio.create_task(lanes(scope, receive, send))
    await asyncio.sleep(0.01)
    assert await _get(lanes) == 200
    lanes._application = read_all
    rest.set()
    await slow
    assert read == [b"a", b"b"]
