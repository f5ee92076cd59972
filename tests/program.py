"""A program outside that is called: a real server, which keeps what it was sent."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Program:
    """status: what it answers with. calls: headers and body of each call."""

    def __init__(self) -> None:
        self.status = 200
        self.calls: list[tuple[dict[str, str], str]] = []
        program = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                program.calls.append((dict(self.headers.items()), body))
                self.send_response(program.status)
                self.send_header("location", "http://localhost:1/elsewhere")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook"


@contextlib.contextmanager
def listening() -> Iterator[Program]:
    """One that listens until the block ends."""
    program = Program()
    threading.Thread(target=program.server.serve_forever, daemon=True).start()
    try:
        yield program
    finally:
        program.server.shutdown()
        program.server.server_close()
