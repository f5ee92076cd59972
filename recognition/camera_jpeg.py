"""Camera frames. Only baseline JPEG is accepted, and the header is checked before decoding.

A progressive JPEG of a few kilobytes can contain thousands of scans, and the decoder goes over the whole picture for
each. Cameras send baseline JPEG. As nothing else is decoded here, the cost of a frame depends only on its size.
"""

from __future__ import annotations

import cv2
import numpy as np

from recognition.imaging import Pixels, UnreadableImage
from recognition.jpeg import SIGNATURE, JpegHeader, UnusualJpeg, read_header

MAX_FRAME_BYTES = 2 * 2**20
MAX_FRAME_SIDE = 3840
MIN_FRAME_SIDE = 16


def check_frame(data: bytes) -> JpegHeader:
    """Return the header of a frame that may be decoded.

    Raises:
        UnreadableImage: the frame is not a complete baseline JPEG with one scan, or its size is not accepted.
    """
    if len(data) > MAX_FRAME_BYTES:
        raise UnreadableImage(f"The frame must be 2 MB or smaller. This one is {len(data) / 2**20:.1f} MB.")
    if not data.startswith(SIGNATURE):
        raise UnreadableImage("The frame must be a JPEG.")
    try:
        header = read_header(data)
    except UnusualJpeg as error:
        raise UnreadableImage(f"The frame must be a baseline JPEG. {error}.") from error
    if not header.is_baseline:
        raise UnreadableImage("The frame must be a baseline JPEG. Set the camera to send baseline JPEG.")
    width, height = header.width, header.height
    if max(width, height) > MAX_FRAME_SIDE:
        raise UnreadableImage(
            f"The frame must be {MAX_FRAME_SIDE} pixels or less on each side. This one is {width} x {height} pixels."
        )
    if min(width, height) < MIN_FRAME_SIDE or header.depth != 8 or header.components not in (1, 3):
        raise UnreadableImage(
            f"The frame must be an 8-bit grey or colour JPEG of at least {MIN_FRAME_SIDE} pixels on each side."
        )
    if header.scans > 1 or header.coefficient_bytes:
        raise UnreadableImage("The frame must be a baseline JPEG with one scan.")
    # libjpeg fills missing parts with grey and only warns, so a truncated frame must be caught here.
    if not header.is_whole or not header.scans:
        raise UnreadableImage("The frame is incomplete: part of the JPEG is missing.")
    return header


def decode_frame(data: bytes) -> Pixels:
    """Decode one JPEG frame from a camera.

    Raises:
        UnreadableImage: the frame is not a complete baseline JPEG, or its size is not accepted.
    """
    check_frame(data)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise UnreadableImage("The frame is a damaged JPEG.")
    return np.asarray(pixels, np.uint8)
