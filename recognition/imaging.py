"""Bytes to pixels and back, with every way an image can be bad answered in the user's words."""

from __future__ import annotations

import io

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3, blue-green-red, 0 to 255."""

MAX_PHOTOGRAPH_BYTES = 20 * 2**20
MAX_FRAME_BYTES = 2 * 2**20
MAX_FRAME_SIDE = 3840


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


def decode_frame(data: bytes) -> Pixels:
    """One JPEG frame from a camera.

    Raises:
        UnreadableImage: not a whole JPEG, or larger than a camera frame may be.
    """
    if len(data) > MAX_FRAME_BYTES:
        raise UnreadableImage(f"A frame may have 2 MB at most; this one has {len(data) / 2**20:.1f} MB.")
    # libjpeg fills what is missing with grey and only warns on stderr, so a cut frame must be caught here.
    if not data.startswith(b"\xff\xd8") or not data.rstrip(b"\x00").endswith(b"\xff\xd9"):
        raise UnreadableImage("This frame is not a whole JPEG picture.")
    try:
        width, height = Image.open(io.BytesIO(data), formats=("JPEG",)).size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableImage("This frame is not a JPEG picture of a size we take.") from error
    if max(width, height) > MAX_FRAME_SIDE:
        raise UnreadableImage(
            f"A frame may have {MAX_FRAME_SIDE} pixels a side at most; this one is {width} x {height}."
        )
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise UnreadableImage("This frame is a damaged JPEG picture.")
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
