"""The header of a JPEG, read without decoding: the size of the picture and the cost of decoding it."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

SIGNATURE = b"\xff\xd8\xff"
# Real files have about ten scans, and one segment for each 64 kB of EXIF, colour profile or second picture.
MAX_SEGMENTS = 1_000

# Start-of-frame markers: baseline, extended and progressive; _FRAMES also has those that hardly any program writes.
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END = 0xDA, 0xD9
# A marker that begins or ends a segment: not a stuffed 0xFF, padding or a restart inside the entropy-coded data.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")


class UnusualJpeg(ValueError):
    """A JPEG that is not supported. The message is for the person who sent it, and has no full stop at the end."""


@dataclass(frozen=True)
class JpegHeader:
    """The header of a JPEG. width, height: in pixels.

    components: 1 in a grey picture, 3 in a colour one. depth: bits a sample. scans: how often the decoder goes over the
    picture. coefficient_bytes: what the decoder must keep until the last scan; 0 for an ordinary baseline JPEG, which
    is decoded row by row. is_whole: whether the end of the picture is there.
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
    """Return the header of a JPEG file, in time proportional to the length of the file.

    Raises:
        UnusualJpeg: there is no frame, or several; it is of an unsupported kind; there are over MAX_SEGMENTS segments.
    """
    frame: tuple[int, bytes] | None = None
    components: list[int] = []
    is_whole = False
    for marker, body in _segments(data):
        if marker == _END:
            is_whole = True
        elif marker in _FRAMES:
            if frame is not None or marker not in (_BASELINE, _EXTENDED, _PROGRESSIVE) or len(body) < 9:
                raise UnusualJpeg("This kind of JPEG is not supported")
            frame = marker, body
        elif marker == _SCAN and body:
            components.append(body[0])
    if frame is None:
        raise UnusualJpeg("This JPEG contains no picture")
    marker, body = frame
    depth, height, width, parts = struct.unpack_from(">BHHB", body)
    # The decoder keeps all coefficients of a progressive JPEG, and of one whose first scan lacks a component.
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
    """Return (marker, first bytes) of every segment up to and including the end of the first picture."""
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
    """Return the bytes of all coefficients: two for each, with each component in its own resolution."""
    factors = [(byte >> 4, byte & 15) for byte in frame[7 : 6 + 3 * parts : 3]]
    if len(factors) != parts or any(not (1 <= across <= 4 and 1 <= down <= 4) for across, down in factors):
        raise UnusualJpeg("This kind of JPEG is not supported")
    most_across, most_down = max(across for across, _ in factors), max(down for _, down in factors)
    units = -(-width // (8 * most_across)) * -(-height // (8 * most_down))
    return sum(units * across * down * 64 * 2 for across, down in factors)
