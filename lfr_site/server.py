"""The web server: `python -m lfr_site.server --port 8000`. uvicorn with connection limits and a heartbeat.

The heartbeat goes to Valkey, from which the health endpoint reads it, and to the supervisor if it has passed a pipe, as
one byte twice a second. If the event loop hangs, the heartbeat stops and the supervisor restarts the process. No
request is needed for this, and a flood of requests is not mistaken for a hang.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import socket
from collections.abc import Sequence

import uvicorn

HEARTBEAT_FD = "HEARTBEAT_FD"
BEAT_S = 0.5


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until asked to stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    # Importing the application sets up Django, whose settings lfr_site.door needs.
    from lfr_site.asgi import application
    from lfr_site.door import GuardedHttp

    config = uvicorn.Config(
        application,
        host=options.host,
        port=options.port,
        http=GuardedHttp,
        lifespan="off",
        access_log=False,
        # A lower level would log a line for every socket that anybody opens.
        log_level="warning",
        # lfr_site.addresses determines the client's address.
        proxy_headers=False,
        server_header=False,
        # Frames have a lower limit of their own; this one limits memory.
        ws_max_size=4 * 2**20,
        ws_per_message_deflate=False,
        # A camera that has lost its network must not stay connected for long.
        ws_ping_interval=5,
        ws_ping_timeout=5,
        timeout_graceful_shutdown=2,
    )
    HouseServer(config).run()


class HouseServer(uvicorn.Server):
    """uvicorn's server, with a heartbeat for as long as its event loop runs."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        from core.liveness import liveness

        name = f"{self.config.port}@{platform.node()}"
        beating = [
            asyncio.create_task(liveness.watch(name)),
            asyncio.create_task(_beat(os.environ.get(HEARTBEAT_FD))),
        ]
        try:
            await super().serve(sockets)
        finally:
            for task in beating:
                task.cancel()
            await asyncio.gather(*beating, return_exceptions=True)


async def _beat(descriptor: str | None) -> None:
    if descriptor is None:
        return
    pipe = int(descriptor)
    os.set_blocking(pipe, False)
    while True:
        # The pipe is full if the supervisor does not read it. If the supervisor has ended, this process ends too.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(pipe, b".")
        await asyncio.sleep(BEAT_S)


if __name__ == "__main__":
    main()
