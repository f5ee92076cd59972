"""Bytes to pixels and back, with every way an image can be bad answered in the user's words."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3, blue-green-red, 0 to 255."""

PHOTOGRAPH_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
MAX_PHOTOGRAPH_BYTES = 20 * 2**20
MAX_PHOTOGRAPH_PIXELS = 50_000_000


class UnreadableImage(ValueError):
    """The bytes are no picture we can use; the message is meant for the person who sent them."""


def decode_photograph(data: bytes) -> Pixels:
    """The picture a person uploaded, upright, whatever its format, colours and depth.

    Raises:
        UnreadableImage: not an image, too large, cut short, or of a format we do not take.
    """
    if len(data) > MAX_PHOTOGRAPH_BYTES:
        raise UnreadableImage(f"This file has {len(data) / 2**20:.0f} MB; a photograph may have 20 MB at most.")
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=PHOTOGRAPH_FORMATS)
        width, height = image.size
        # Pillow reads only the header so far: a bomb is refused before a pixel of it is unpacked.
        if width * height > MAX_PHOTOGRAPH_PIXELS:
            raise UnreadableImage(
                f"This picture has {width} x {height} pixels, {width * height / 1e6:.0f} megapixels; "
                "50 megapixels are the most we take. Save it smaller and try again."
            )
        if min(width, height) < 32:
            raise UnreadableImage(f"This picture has only {width} x {height} pixels: no face can be read from it.")
        image.load()
        return _to_pixels(ImageOps.exif_transpose(image))
    except UnreadableImage:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImage("This picture is larger than 50 megapixels. Save it smaller and try again.") from error
    except (OSError, SyntaxError, ValueError) as error:
        if "truncated" in str(error).lower():
            raise UnreadableImage("This picture is cut short: part of the file is missing. Upload it again.") from error
        raise UnreadableImage(
            "This file is not a picture we can read. Use a JPEG, PNG, WebP, TIFF or BMP photograph."
        ) from error


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


def _to_pixels(image: Image.Image) -> Pixels:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        deep: npt.NDArray[Any] = np.asarray(image, dtype=np.float64)
        # 16-bit files hold 0 to 65535 whatever Pillow calls the mode; smaller ranges are stretched, not darkened.
        image = Image.fromarray((deep * (255 / max(deep.max(), 1))).clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        coloured = image.convert("RGBA")
        backdrop = Image.new("RGBA", coloured.size, (128, 128, 128, 255))
        image = Image.alpha_composite(backdrop, coloured)
    rgb = np.asarray(image.convert("RGB"), np.uint8)
    return np.ascontiguousarray(rgb[..., ::-1])
