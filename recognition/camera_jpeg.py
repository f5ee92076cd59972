"""Whether a camera's frame is a JPEG that is decoded in one pass, judged from its markers alone (ITU-T T.81, annex B).

A progressive JPEG of a few kilobytes may hold thousands of scans, each of which costs a decoder a walk over the whole
picture. Cameras send baseline JPEG; nothing else is decoded here, so that a frame costs what its size costs.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np

from recognition.imaging import Pixels, UnreadableImage

MAX_FRAME_BYTES = 2 * 2**20
MAX_FRAME_SIDE = 3840
SMALLEST_SIDE = 16
# Tables, comments and metadata before the picture: cameras write about ten. A bound, so that none is walked for long.
MOST_SEGMENTS = 100
# Bytes FF that may stand before a marker.
MOST_FILL_BYTES = 16
_BASELINE = 0xC0
# Start of frame of every kind: baseline, extended, progressive, lossless, arithmetic. C4, C8 and CC are no frames.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END = 0xDA, b"\xff\xd9"


def check_frame(data: bytes) -> tuple[int, int]:
    """The width and height of a frame that may be decoded, in pixels.

    Raises:
        UnreadableImage: not a whole baseline JPEG of one scan and a size that is taken; the message says which.
    """
    if len(data) > MAX_FRAME_BYTES:
        raise UnreadableImage(f"A frame may have 2 MB at most; this one has {len(data) / 2**20:.1f} MB.")
    if not data.startswith(b"\xff\xd8"):
        raise UnreadableImage("This frame is not a JPEG picture.")
    size, components, position = (0, 0), 0, 2
    for _ in range(MOST_SEGMENTS):
        marker, body, position = _segment(data, position)
        if marker in _FRAMES:
            size, components = _frame_header(marker, body)
        elif marker == _SCAN:
            _check_scan(data, position, body, components)
            return size
    raise UnreadableImage("This frame is not a JPEG picture as cameras send it: its header is too long.")


def _segment(data: bytes, position: int) -> tuple[int, bytes, int]:
    """Marker, contents and end of the segment that begins here."""
    for _ in range(MOST_FILL_BYTES):
        if data[position : position + 2] != b"\xff\xff":
            break
        position += 1
    header = data[position : position + 4]
    if len(header) < 4 or header[0] != 0xFF:
        raise UnreadableImage("This frame is not a whole JPEG picture.")
    marker, length = header[1], struct.unpack_from(">H", header, 2)[0]
    end = position + 2 + length
    if length < 2 or end > len(data) or not 0xC0 <= marker <= 0xFE or 0xD0 <= marker <= 0xD9:
        raise UnreadableImage("This frame is not a whole JPEG picture.")
    return marker, data[position + 4 : end], end


def _frame_header(marker: int, body: bytes) -> tuple[tuple[int, int], int]:
    """((width, height), components)."""
    if marker != _BASELINE:
        raise UnreadableImage("This frame is not a baseline JPEG. Set the camera to baseline: others are not taken.")
    if len(body) < 6:
        raise UnreadableImage("This frame is not a whole JPEG picture.")
    depth, height, width, components = struct.unpack_from(">BHHB", body)
    if max(width, height) > MAX_FRAME_SIDE:
        raise UnreadableImage(f"A frame may have {MAX_FRAME_SIDE} pixels a side; this one has {width} x {height}.")
    if min(width, height) < SMALLEST_SIDE or depth != 8 or components not in (1, 3):
        raise UnreadableImage("This frame is not a grey or colour JPEG of a size that is taken.")
    return (width, height), components


def _check_scan(data: bytes, begin: int, body: bytes, components: int) -> None:
    """All components in one scan, and the end of the picture behind it. Within a scan FF is always stuffed."""
    if not components or not body or body[0] != components:
        raise UnreadableImage("This frame is not a baseline JPEG of one scan.")
    end = data.find(_END, begin)
    # libjpeg fills what is missing with grey and only warns, so a cut frame must be caught here.
    if end < 0:
        raise UnreadableImage("This frame is not a whole JPEG picture.")
    if data.find(b"\xff\xda", begin, end) >= 0:
        raise UnreadableImage("This frame is not a baseline JPEG of one scan.")


def decode_frame(data: bytes) -> Pixels:
    """One JPEG frame from a camera.

    Raises:
        UnreadableImage: not a whole baseline JPEG, or larger than a camera frame may be.
    """
    check_frame(data)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise UnreadableImage("This frame is a damaged JPEG picture.")
    return np.asarray(pixels, np.uint8)
