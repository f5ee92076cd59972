"""Time limits for unfinished requests and unread answers, tested on real sockets with short limits."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from lfr_site import door
from tests.live.system import eventually

SOON_S = 0.4
# Small enough that the kernel buffers only part of a small answer.
KERNEL_BYTES = 8192


async def _application(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the number of bytes in the path, after reading the body."""
    while (await receive()).get("more_body"):
        pass
    size = int(scope["path"].strip("/") or 0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
    await send({"type": "http.response.body", "body": bytes(size)})


@pytest.fixture(autouse=True)
def book(monkeypatch: pytest.MonkeyPatch) -> door.GuestBook:
    """Return the open connections, with short limits."""
    book = door.GuestBook()
    monkeypatch.setattr(door, "guests", book)
    for name in ("HEAD_S", "BODY_IDLE_S", "BODY_S", "READING_S"):
        monkeypatch.setattr(door, name, SOON_S)
    return book


@pytest.fixture
def port() -> Iterator[int]:
    """Return the port of a server like the real one, but with another application."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
    config = uvicorn.Config(_application, http=door.GuardedHttp, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        listening.close()


def _connect(port: int, sending: bytes) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
    client.connect(("127.0.0.1", port))
    client.settimeout(20)
    client.sendall(sending)
    return client


def _rest(client: socket.socket) -> bytes:
    """Read everything until the other end closes."""
    taken = b""
    with contextlib.suppress(ConnectionError):
        while part := client.recv(65_536):
            taken += part
    client.close()
    return taken


def _get(size: int, *headers: str) -> bytes:
    return "\r\n".join([f"GET /{size} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def _post(length: int) -> bytes:
    return f"POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"GET / HT", _get(0)[:-2], _post(100), _post(9) + b"12"])
def test_a_client_that_stops_halfway_is_disconnected(port: int, book: door.GuestBook, begun: bytes) -> None:
    assert _rest(_connect(port, begun)) == b""
    assert eventually(lambda: not len(book))


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nX: ", _post(100_000)])
def test_single_bytes_do_not_extend_the_limit(port: int, book: door.GuestBook, begun: bytes) -> None:
    client = _connect(port, begun)
    with pytest.raises(ConnectionError):
        for _ in range(200):
            client.sendall(b"a")
            time.sleep(SOON_S / 4)
    client.close()
    assert eventually(lambda: not len(book))


def test_a_later_request_has_the_same_limits(port: int) -> None:
    client = _connect(port, _get(3))
    assert client.recv(65_536).endswith(b"\0\0\0")
    # An idle connection has no limit.
    time.sleep(2 * SOON_S)
    client.sendall(_post(3) + b"abc")
    assert client.recv(65_536).endswith(b"\0\0\0")
    client.sendall(b"GET / HT")
    assert _rest(client) == b""


@pytest.mark.parametrize("size", [60_000, 5_000_000])
@pytest.mark.parametrize("headers", [(), ("Connection: close",)])
def test_a_client_that_does_not_read_is_disconnected(
    port: int, book: door.GuestBook, size: int, headers: tuple[str, ...]
) -> None:
    # The small answer is below the limit at which asyncio itself would notice.
    client = _connect(port, _get(size, *headers))
    assert eventually(lambda: len(book) == 1)
    assert eventually(lambda: not len(book))
    assert len(_rest(client)) < size


def test_a_slow_reader_gets_the_whole_answer(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "READING_BYTES_A_SECOND", 1000)
    client = _connect(port, _get(400_000, "Connection: close"))
    taken, until = 0, time.monotonic() + 3 * SOON_S
    while time.monotonic() < until:
        taken += len(client.recv(4000))
        time.sleep(SOON_S / 20)
    assert taken + len(_rest(client)) > 400_000
