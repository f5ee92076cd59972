"""A relay that makes the line between a camera and the system slower and longer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

CHUNK = 4096


@dataclass(frozen=True)
class Uplink:
    """A line. mbit: megabits a second to the system, unlimited if None; round_trip_s: delay of both ways together."""

    mbit: float | None = None
    round_trip_s: float = 0.0


@contextlib.asynccontextmanager
async def relay(port: int, uplink: Uplink) -> AsyncIterator[str]:
    """Run a relay to this port of this machine that behaves like the uplink; yield its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", port)
        delay_s = uplink.round_trip_s / 2
        back = asyncio.create_task(_pass_on(onward_reader, writer, None, delay_s))
        try:
            await _pass_on(reader, onward, uplink.mbit, delay_s)
        finally:
            back.cancel()
            onward.close()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=CHUNK)
    async with server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}"
        server.close()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mbit: float | None, delay_s: float
) -> None:
    loop = asyncio.get_running_loop()
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    arrivals = asyncio.create_task(_arrive(on_the_way, writer))
    free_at = loop.time()
    try:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                if mbit is not None:
                    free_at = max(free_at, loop.time()) + len(data) * 8 / (mbit * 1e6)
                    await asyncio.sleep(max(free_at - loop.time(), 0))
                on_the_way.put_nowait((loop.time() + delay_s, data))
            on_the_way.put_nowait((loop.time() + delay_s, b""))
            await arrivals
    finally:
        arrivals.cancel()


async def _arrive(on_the_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    """Write each piece when it is due; an empty piece marks the end."""
    loop = asyncio.get_running_loop()
    while True:
        due_at, data = await on_the_way.get()
        await asyncio.sleep(max(due_at - loop.time(), 0))
        if not data:
            return
        writer.write(data)
        await writer.drain()
