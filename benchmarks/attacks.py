"""Attacks by strangers, files and slow peers on a system on this machine, limited in time and number.

    python -m benchmarks.attacks NAME --port 8000 --seconds 30 [--cookie sessionid=…] [--camera ID --token …] [--seed 1]

NAME is one of ATTACKS. Prints one line of JSON: what was sent and what came back. It connects only to loopback
addresses. `benchmarks.blinding` and `tests/live/test_blinding.py` run it while a camera streams.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import io
import json
import os
import random
import re
import struct
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

# Several addresses of this machine, so that limits for a single address are not the only protection tested.
ADDRESSES = tuple(f"127.0.0.{number}" for number in range(2, 8))
MOST_ROUNDS = 200_000


@dataclass
class Target:
    """The system to attack, for how long, and an insider's credentials: a session and a camera's token."""

    port: int
    seconds: float
    cookie: str = ""
    camera: str = ""
    token: str = ""
    seed: int = 1
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.until = time.monotonic() + self.seconds
        self.chance = random.Random(self.seed)

    @property
    def is_on(self) -> bool:
        self.counts["rounds"] += 1
        return time.monotonic() < self.until and self.counts["rounds"] < MOST_ROUNDS

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        source = (self.chance.choice(ADDRESSES), 0)
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=source)

    async def ask(self, head: str, body: bytes = b"") -> bytes:
        """Return the response to one request, as far as it arrives within ten seconds."""
        reader, writer = await self.open()
        try:
            writer.write(f"{head}\r\nHost: localhost:{self.port}\r\nConnection: close\r\n".encode())
            writer.write(f"Content-Length: {len(body)}\r\n\r\n".encode() if body else b"\r\n")
            writer.write(body)
            answer = await asyncio.wait_for(reader.read(2**20), 10)
            self.counts[answer[9:12].decode() or "closed"] += 1
            return answer
        finally:
            writer.close()


Attack = Callable[[Target], Coroutine[Any, Any, None]]


async def _many(target: Target, count: int, act: Attack) -> None:
    """Run `count` clients at once, each repeating `act` until the time is over."""

    async def again() -> None:
        while target.is_on:
            try:
                await act(target)
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                target.counts[type(error).__name__] += 1
                await asyncio.sleep(0.05)

    await asyncio.gather(*(again() for _ in range(count)))


async def health(target: Target) -> None:
    """Sixty-four clients that request the health endpoint repeatedly."""
    await _many(target, 64, lambda each: _get(each, "/health/"))


async def pages(target: Target) -> None:
    """Sixty visitors who load the sign-in page repeatedly, with invented sessions."""
    await _many(target, 60, lambda each: _get(each, "/accounts/login/"))


async def _get(target: Target, path: str) -> None:
    forged = f"{target.chance.getrandbits(160):032x}"[:32]
    await target.ask(f"GET {path} HTTP/1.1\r\nCookie: sessionid={forged}")


async def passwords(target: Target) -> None:
    """Twenty-four clients that guess passwords, for existing and invented usernames."""
    await _many(target, 24, _guess)


async def _guess(target: Target) -> None:
    page = (await target.ask("GET /accounts/login/ HTTP/1.1")).decode("latin-1")
    cookie, token = re.search(r"csrftoken=(\w+)", page), re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)
    if cookie is None or token is None:
        return
    name = target.chance.choice(("operator", "commander", "nobody"))
    body = f"csrfmiddlewaretoken={token[1]}&login={name}&password=guess{target.chance.random()}".encode()
    head = f"POST /accounts/login/ HTTP/1.1\r\nCookie: csrftoken={cookie[1]}"
    await target.ask(f"{head}\r\nContent-Type: application/x-www-form-urlencoded", body)


async def half_requests(target: Target) -> None:
    """A hundred and fifty clients that send one byte of a header each second, without end."""
    await _many(target, 150, _half)


async def _half(target: Target) -> None:
    reader, writer = await target.open()
    began = time.monotonic()
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        while target.is_on and not reader.at_eof():
            writer.write(b"a")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), 1)
                break
    finally:
        held = time.monotonic() - began
        target.counts["longest_held_s"] = max(target.counts["longest_held_s"], round(held))
        writer.close()


async def bodies(target: Target) -> None:
    """Twelve clients that send 19 MB without being signed in."""
    await _many(target, 12, _body)


async def _body(target: Target) -> None:
    reader, writer = await target.open()
    try:
        head = f"POST /accounts/login/ HTTP/1.1\r\nHost: localhost:{target.port}\r\nContent-Length: {19 * 2**20}\r\n"
        writer.write(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode())
        for _ in range(19 * 16):
            writer.write(bytes(2**16))
            await writer.drain()
            target.counts["kilobytes"] += 64
        target.counts[(await asyncio.wait_for(reader.read(64), 10))[9:12].decode() or "closed"] += 1
    finally:
        writer.close()


async def sockets(target: Target) -> None:
    """Forty clients that open sockets without authorisation."""
    await _many(target, 40, _socket)


async def _socket(target: Target) -> None:
    reader, writer = await target.open()
    kind = target.chance.choice(("cameras", "deployments"))
    key = base64.b64encode(target.chance.randbytes(16)).decode()
    try:
        writer.write(
            f"GET /ws/{kind}/{uuid.UUID(int=target.chance.getrandbits(128))}/ HTTP/1.1\r\n"
            f"Host: localhost:{target.port}\r\n"
            f"Origin: http://localhost:{target.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Cookie: sessionid={target.chance.getrandbits(128):032x}\r\n\r\n".encode()
        )
        answer = await asyncio.wait_for(reader.read(2**16), 10)
        target.counts[answer[9:12].decode() or "closed"] += 1
        await asyncio.wait_for(reader.read(2**16), 10)
    finally:
        writer.close()


async def slow_readers(target: Target) -> None:
    """Sixty clients that send 400 requests at once and read no response."""
    await _many(target, 60, _never_read)


async def _never_read(target: Target) -> None:
    reader, writer = await target.open()
    request = f"GET /static/js/handset.js HTTP/1.1\r\nHost: localhost:{target.port}\r\n\r\n".encode()
    try:
        writer.write(request * 400)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(20):
            if not target.is_on or writer.transport.is_closing():
                break
            await asyncio.sleep(1)
        target.counts["opened"] += 1
    finally:
        writer.transport.abort()


async def photographs(target: Target) -> None:
    """An insider who uploads pictures that are small as files but large in memory, four at a time."""
    files = hostile_photographs()
    await _many(target, 4, lambda each: _upload(each, files))


async def _upload(target: Target, files: dict[str, bytes]) -> None:
    page = (await target.ask(f"GET /watchlists/ HTTP/1.1\r\nCookie: {target.cookie}")).decode("latin-1")
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)
    cookie = re.search(r"csrftoken=(\w+)", page)
    if token is None:
        target.counts["not signed in"] += 1
        await asyncio.sleep(0.5)
        return
    name = target.chance.choice(list(files))
    line = b"--edge\r\nContent-Disposition: form-data; name="
    body = line + b'"csrfmiddlewaretoken"\r\n\r\n' + token[1].encode() + b"\r\n"
    body += line + b'"photograph"; filename="p"\r\n\r\n' + files[name] + b"\r\n--edge--\r\n"
    own = f"; csrftoken={cookie[1]}" if cookie else ""
    head = f"POST /photographs/check/ HTTP/1.1\r\nCookie: {target.cookie}{own}"
    await target.ask(f"{head}\r\nContent-Type: multipart/form-data; boundary=edge", body)
    target.counts[name] += 1


def hostile_photographs() -> dict[str, bytes]:
    """Return pictures of few bytes that take much memory or time to decode, by name."""
    import numpy as np
    from PIL import Image

    side = 6900
    made = {
        "16-bit PNG": (Image.fromarray(np.zeros((side, side), np.uint16)), "PNG", {}),
        "RGBA PNG": (Image.new("RGBA", (side, side)), "PNG", {}),
        "float TIFF": (
            Image.fromarray(np.zeros((side, side), np.float32)),
            "TIFF",
            {"compression": "tiff_adobe_deflate"},
        ),
    }
    found = {}
    for name, (image, kind, options) in made.items():
        stream = io.BytesIO()
        image.save(stream, kind, **options)
        found[name] = stream.getvalue()
    return found | {"progressive JPEG": progressive_jpeg(3840, 3000)}


def progressive_jpeg(side: int, scans: int) -> bytes:
    """Return a progressive JPEG in one shade of grey whose last scan is repeated `scans` times."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new("L", (side, side), 128).save(stream, "JPEG", progressive=True)
    jpeg = stream.getvalue()
    at = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[at:-2] * scans + b"\xff\xd9"


async def progressive_frames(target: Target) -> None:
    """A camera whose frames are progressive JPEGs of thousands of scans, twenty a second."""
    await _frames(target, progressive_jpeg(3840, 3000), 20)


async def frame_flood(target: Target) -> None:
    """A camera that sends sixty frames a second without being asked, each of the largest size allowed."""
    from PIL import Image

    stream = io.BytesIO()
    noise = target.chance.randbytes(1200 * 1200)
    Image.frombytes("L", (1200, 1200), noise).resize((3840, 2160)).save(stream, "JPEG", quality=60)
    await _frames(target, stream.getvalue()[: 2 * 2**20 - 8], 60)


async def _frames(target: Target, jpeg: bytes, rate: float) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException
    from websockets.typing import Origin

    url = f"ws://localhost:{target.port}/ws/cameras/{target.camera}/"
    headers = {"Authorization": f"Bearer {target.token}"}
    while target.is_on:
        try:
            origin = Origin(f"http://localhost:{target.port}")
            async with connect(url, additional_headers=headers, origin=origin, compression=None) as socket:
                listening = asyncio.create_task(_hear(socket, target.counts))
                number = 0
                while target.is_on and not listening.done():
                    number += 1
                    await socket.send(struct.pack(">I", number) + jpeg)
                    target.counts["frames"] += 1
                    await asyncio.sleep(1 / rate)
                listening.cancel()
        except (OSError, WebSocketException):
            target.counts["closed"] += 1
        await asyncio.sleep(0.2)


async def _hear(socket: object, counts: Counter[str]) -> None:
    async for text in socket:  # type: ignore[attr-defined]
        counts[json.loads(text)["type"]] += 1


ATTACKS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        health,
        pages,
        passwords,
        half_requests,
        bodies,
        sockets,
        slow_readers,
        photographs,
        progressive_frames,
        frame_flood,
    )
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(ATTACKS))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--cookie", default="")
    parser.add_argument("--camera", default="")
    parser.add_argument("--token", default="")
    parser.add_argument("--seed", type=int, default=1)
    options = vars(parser.parse_args(arguments))
    name = options.pop("name")
    target = Target(**options)
    # Lower priority than the system, as if the load came from another machine.
    os.nice(5)
    asyncio.run(ATTACKS[name](target))
    print(json.dumps({"attack": name, "seed": target.seed, **dict(sorted(target.counts.items()))}))


if __name__ == "__main__":
    main()
