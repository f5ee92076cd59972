"""A line of so many megabits a second between a camera and the system: a relay on this machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

CHUNK = 4096


@contextlib.asynccontextmanager
async def uplink(port: int, mbit: float) -> AsyncIterator[str]:
    """The address of a relay to this port of this machine; what is sent through it goes at `mbit` megabits a second."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", port)
        back = asyncio.create_task(_pass_on(onward_reader, writer, None))
        try:
            await _pass_on(reader, onward, mbit * 1e6 / 8)
        finally:
            back.cancel()
            onward.close()
            writer.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0, limit=CHUNK)
    async with server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}"
        server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bytes_a_second: float | None) -> None:
    loop = asyncio.get_running_loop()
    free_at = loop.time()
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            if bytes_a_second is not None:
                free_at = max(free_at, loop.time()) + len(data) / bytes_a_second
                await asyncio.sleep(max(free_at - loop.time(), 0))
            writer.write(data)
            await writer.drain()
