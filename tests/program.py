"""Servers of subscribers: one that records what it receives, and some that try to keep their caller waiting."""

from __future__ import annotations

import contextlib
import itertools
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Program:
    """status: of its responses. location: target of its redirects. calls: headers and body of each request."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.status = 200
        self.location = "http://localhost:1/elsewhere"
        self.calls: list[tuple[dict[str, str], str]] = []
        program = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                program.calls.append((dict(self.headers.items()), body))
                self.send_response(program.status)
                self.send_header("location", program.location)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """Ignore callers that close the connection."""

        self.server = Server((address, port), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextlib.contextmanager
def listening(address: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Program]:
    """Run a server that listens until the block ends."""
    program = Program(address, port, tls)
    with _serving(program.server):
        yield program


class Holder:
    """A server that sends `first`, then `again` repeatedly for `PATIENCE_S`, so that each byte comes in time.

    gave_up: whether a caller stayed until the end.
    """

    PATIENCE_S = 40.0

    def __init__(self, first: bytes, again: bytes, every_s: float) -> None:
        self.gave_up = False
        self.called = 0
        holder = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                holder.called += 1
                until = time.monotonic() + holder.PATIENCE_S
                with contextlib.suppress(OSError):
                    for data in itertools.chain([first], itertools.repeat(again)):
                        self.request.sendall(data)
                        time.sleep(every_s)
                        if time.monotonic() > until:
                            holder.gave_up = True
                            return

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextlib.contextmanager
def holding(first: bytes, again: bytes, every_s: float = 0.1) -> Iterator[Holder]:
    holder = Holder(first, again, every_s)
    with _serving(holder.server):
        yield holder


@contextlib.contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[None]:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
