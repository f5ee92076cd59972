"""Camera frames: baseline JPEG only, checked by the header before decoding.

A progressive JPEG of a few kilobytes may hold thousands of scans, each of which costs a decoder a walk over the whole
picture. Cameras send baseline JPEG; nothing else is decoded here, so that a frame costs what its size costs.
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
        UnreadableImage: not a whole baseline JPEG of one scan and a size that is taken; the message says which.
    """
    if len(data) > MAX_FRAME_BYTES:
        raise UnreadableImage(f"A frame may have 2 MB at most; this one has {len(data) / 2**20:.1f} MB.")
    if not data.startswith(SIGNATURE):
        raise UnreadableImage("This frame is not a JPEG picture.")
    try:
        header = read_header(data)
    except UnusualJpeg as error:
        raise UnreadableImage(f"This frame is not a baseline JPEG: {error}.") from error
    if not header.is_baseline:
        raise UnreadableImage("This frame is not a baseline JPEG. Set the camera to baseline: others are not taken.")
    width, height = header.width, header.height
    if max(width, height) > MAX_FRAME_SIDE:
        raise UnreadableImage(f"A frame may have {MAX_FRAME_SIDE} pixels a side; this one has {width} x {height}.")
    if min(width, height) < MIN_FRAME_SIDE or header.depth != 8 or header.components not in (1, 3):
        raise UnreadableImage("This frame is not a grey or colour JPEG of a size that is taken.")
    if header.scans > 1 or header.coefficient_bytes:
        raise UnreadableImage("This frame is not a baseline JPEG of one scan.")
    # libjpeg fills what is missing with grey and only warns, so a cut frame must be caught here.
    if not header.is_whole or not header.scans:
        raise UnreadableImage("This frame is not a whole JPEG picture.")
    return header


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
