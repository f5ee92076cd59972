"""The header of a JPEG, read without decoding: how large the picture is, and what decoding it will cost."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

SIGNATURE = b"\xff\xd8\xff"
# Real files have some ten scans, and a segment for each 64 kB of EXIF, colour profile or second picture.
MAX_SEGMENTS = 1_000

# Start-of-frame markers: baseline, extended, progressive, and the kinds that hardly any program writes.
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END = 0xDA, 0xD9
# A marker that begins or ends something: not a stuffed 0xFF, filling, or a restart inside the entropy-coded data.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")


class UnusualJpeg(ValueError):
    """A JPEG that is not read; the message is for the person who sent it, without the stop at its end."""


@dataclass(frozen=True)
class JpegHeader:
    """Size in pixels; scans: how often the decoder goes through the picture; coefficient_bytes: what it has to keep
    until the last of them (0 for an ordinary baseline JPEG, which is decoded row by row). components: 1 of a grey
    picture, 3 of a colour one. depth: bits a sample. is_whole: its end is there.
    """

    width: int
    height: int
    components: int
    depth: int
    scans: int
    coefficient_bytes: int
    is_baseline: bool
    is_whole: bool

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6


def read_header(data: bytes) -> JpegHeader:
    """Return the header of a JPEG file; time is proportional to the file's length.

    Raises:
        UnusualJpeg: no frame, several, one that is not baseline or progressive, or more than MAX_SEGMENTS segments.
    """
    frame: tuple[int, bytes] | None = None
    components: list[int] = []
    is_whole = False
    for marker, body in _segments(data):
        if marker == _END:
            is_whole = True
        elif marker in _FRAMES:
            if frame is not None or marker not in (_BASELINE, _EXTENDED, _PROGRESSIVE) or len(body) < 9:
                raise UnusualJpeg("This JPEG is of a kind that is not read")
            frame = marker, body
        elif marker == _SCAN and body:
            components.append(body[0])
    if frame is None:
        raise UnusualJpeg("This JPEG has no picture in it")
    marker, body = frame
    depth, height, width, parts = struct.unpack_from(">BHHB", body)
    # The decoder keeps every coefficient when a scan does not finish its part of the picture.
    whole = marker != _PROGRESSIVE and components[:1] == [parts]
    return JpegHeader(
        width,
        height,
        components=parts,
        depth=depth,
        scans=len(components),
        coefficient_bytes=0 if whole else _coefficient_bytes(body, width, height, parts),
        is_baseline=marker == _BASELINE,
        is_whole=is_whole,
    )


def _segments(data: bytes) -> list[tuple[int, bytes]]:
    """(marker, its first bytes) of every segment up to the end of the first picture, which is the last of them."""
    found: list[tuple[int, bytes]] = []
    at = 2
    while match := _MARKER.search(data, at):
        if data[match.start() + 1] == _END:
            return [*found, (_END, b"")]
        if len(found) == MAX_SEGMENTS:
            raise UnusualJpeg(f"This JPEG has more than {MAX_SEGMENTS:,} scans or other segments")
        start = match.end()
        length = int.from_bytes(data[start : start + 2], "big")
        found.append((data[match.start() + 1], data[start + 2 : start + min(length, 64)]))
        at = start + max(length, 2)
    return found


def _coefficient_bytes(frame: bytes, width: int, height: int, parts: int) -> int:
    """Two bytes a coefficient, for each component in its own resolution."""
    factors = [(byte >> 4, byte & 15) for byte in frame[7 : 6 + 3 * parts : 3]]
    if len(factors) != parts or any(not (1 <= across <= 4 and 1 <= down <= 4) for across, down in factors):
        raise UnusualJpeg("This JPEG is of a kind that is not read")
    most_across, most_down = max(across for across, _ in factors), max(down for _, down in factors)
    units = -(-width // (8 * most_across)) * -(-height // (8 * most_down))
    return sum(units * across * down * 64 * 2 for across, down in factors)
