"""Pixels and stored pictures. For uploads see recognition.photographs; for frames, recognition.camera_jpeg."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3, blue-green-red, 0 to 255."""

MAX_PHOTOGRAPH_BYTES = 20 * 2**20


class UnreadableImage(ValueError):
    """The bytes are not a usable picture. The message is for the person who sent them."""


def decode_stored(data: bytes) -> Pixels:
    """Return the pixels of a picture that this system wrote or that was installed with it.

    Never use it for an uploaded picture: recognition.photographs reads those, and limits what they may cost.

    Raises:
        UnreadableImage: the picture is damaged.
    """
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if pixels is None:
        raise UnreadableImage("This stored picture is damaged.")
    return np.asarray(pixels, np.uint8)


def encode_jpeg(pixels: Pixels, quality: int = 90) -> bytes:
    """Return a JPEG without metadata."""
    written, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not written:
        raise ValueError(f"{pixels.shape} pixels cannot be written as a JPEG")
    return data.tobytes()


def bounded(pixels: Pixels, longest_side: int) -> Pixels:
    """Return the picture, reduced if a side is longer than longest_side; never enlarged."""
    scale = longest_side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
