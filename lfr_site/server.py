"""The web server: `python -m lfr_site.server --port 8000`. uvicorn with connection limits and a heartbeat.

The heartbeat goes two ways: into Valkey, where health is read from, and, twice a second, as a byte into a pipe that the
supervisor reads, when it has given one. A process whose event loop stands still beats no more and is started again; no
request is needed to find out, and no flood of requests looks like it.
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
    # Django is set up by importing the application; its settings are needed by the door.
    from lfr_site.asgi import application
    from lfr_site.door import GuardedHttp

    config = uvicorn.Config(
        application,
        host=options.host,
        port=options.port,
        http=GuardedHttp,
        lifespan="off",
        access_log=False,
        # Less would be a line of the log for every socket that anybody opens.
        log_level="warning",
        # The client's address is found by lfr_site.addresses.
        proxy_headers=False,
        server_header=False,
        # Frames have their own, lower bound; this one keeps a flood out of memory.
        ws_max_size=4 * 2**20,
        ws_per_message_deflate=False,
        # A camera whose network is gone must not hold its place for long.
        ws_ping_interval=5,
        ws_ping_timeout=5,
        timeout_graceful_shutdown=2,
    )
    HouseServer(config).run()


class HouseServer(uvicorn.Server):
    """uvicorn's server, with a heartbeat for as long as its event loop turns."""

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
        # A supervisor that does not read leaves the pipe full; one that is gone takes this process with it.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(pipe, b".")
        await asyncio.sleep(BEAT_S)


if __name__ == "__main__":
    main()
