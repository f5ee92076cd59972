"""Pixels, and pictures of this system's own as bytes. Uploads: recognition.photographs; frames: .camera_jpeg."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3, blue-green-red, 0 to 255."""

MAX_PHOTOGRAPH_BYTES = 20 * 2**20


class UnreadableImage(ValueError):
    """The bytes are no picture we can use; the message is meant for the person who sent them."""


def decode_stored(data: bytes) -> Pixels:
    """The pixels of a picture that this system wrote, or that its installation brought. Never of one that was uploaded:
    those are for recognition.photographs, which bounds what they may cost.

    Raises:
        UnreadableImage: it is damaged.
    """
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if pixels is None:
        raise UnreadableImage("This stored picture is damaged.")
    return np.asarray(pixels, np.uint8)


def encode_jpeg(pixels: Pixels, quality: int = 90) -> bytes:
    """A JPEG without any metadata."""
    written, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not written:
        raise ValueError(f"{pixels.shape} pixels cannot be written as a JPEG")
    return data.tobytes()


def bounded(pixels: Pixels, longest_side: int) -> Pixels:
    """The picture, made smaller when a side is longer than asked for; never larger."""
    scale = longest_side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
