"""The process that decodes uploaded pictures. recognition.photographs starts it, sends it requests and ends it.

    python -m recognition.decoder BYTES SECONDS     resident memory; processor time for one picture

    request   length of the file, longest side (uint32 each, little-endian), the file
    answer    PICTURE, height, width, then height x width x 3 bytes, blue-green-red
              REFUSED, length, 0, then the reason in UTF-8, for the person who sent the file
              NO_MEMORY, 0, 0

It imports only NumPy and Pillow, so that it starts quickly and needs little memory besides the pictures. The kernel
limits its memory and processor time. It makes no full-size copy of a picture beyond those that Pillow makes.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import select
import signal
import struct
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import BmpImagePlugin, Image, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

REQUEST, ANSWER = struct.Struct("<II"), struct.Struct("<BII")
PICTURE, REFUSED, NO_MEMORY = range(3)

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
# Loaded at the start, so that the memory limit applies to pictures only.
PLUGINS = (BmpImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
MAX_JPEG_PIXELS = 200_000_000
# Measured: Pillow's WebP decoder needs 16.4 bytes a pixel and keeps the file three times.
MAX_WEBP_PIXELS = 10_000_000
# Other formats are decoded whole: the most bytes, and the bytes a pixel of modes that need fewer than four.
MAX_WHOLE_BYTES = 120_000_000
SMALL_MODES = {"1": 1, "L": 1, "P": 1}
DEEP_MODES = ("I", "F")
SMALLEST_SIDE = 32
# The size of a strip of a picture that is being converted, in pixels.
STRIP = 2**18
ORIENTATION = 0x0112
# For each EXIF orientation: whether to swap rows and columns, then the direction of rows and of columns.
UPRIGHT = {
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}
GREY = (128, 128, 128, 255)

TAKEN = "The file must be a JPEG, PNG, WebP, TIFF or BMP."
UNREADABLE = f"This file is damaged or is not a picture. {TAKEN}"
CUT_SHORT = "This picture is cut short: part of the file is missing. Upload it again."

Bytes = npt.NDArray[np.uint8]


class Refused(Exception):
    """The file is not a usable picture. The message is for the person who sent it."""


def main() -> None:
    """Decode one picture after another until the requesting process ends."""
    resident_bytes, cpu_seconds = int(sys.argv[1]), float(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(max(10 - os.nice(0), 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.stack_size(2**18)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        while len(head := sys.stdin.buffer.read(REQUEST.size)) == REQUEST.size:
            length, longest_side = REQUEST.unpack(head)
            _limit(resident_bytes, cpu_seconds)
            _answer(sys.stdout.buffer, sys.stdin.buffer.read(length), longest_side)


def _end_with_parent() -> None:
    """End this process when the other end of its input is closed.

    A parent-death signal would not work: it is sent when the thread that started this process ends, and a web server
    has a thread for each request.
    """
    poll = select.poll()
    poll.register(0, 0)
    poll.poll()
    os._exit(0)


def _limit(resident_bytes: int, cpu_seconds: float) -> None:
    """Reset both limits for the next picture. Memory that is mapped but not resident does not count."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        mapped, resident = (int(pages) * resource.getpagesize() for pages in statm.read().split()[:2])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = mapped + resident_bytes - resident
    resource.setrlimit(resource.RLIMIT_AS, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
    # The timer's signal ends this process. RLIMIT_CPU would only count whole seconds.
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)


def _answer(stream: BinaryIO, data: bytes, longest_side: int) -> None:
    try:
        pixels = decode(data, longest_side)
    except Refused as refusal:
        reason = str(refusal).encode()
        stream.write(ANSWER.pack(REFUSED, len(reason), 0) + reason)
    except MemoryError:
        stream.write(ANSWER.pack(NO_MEMORY, 0, 0))
    else:
        stream.write(ANSWER.pack(PICTURE, *pixels.shape[:2]))
        stream.write(pixels.data)
    stream.flush()


def decode(data: bytes, longest_side: int) -> Bytes:
    """Return the first picture of a file, upright and blue-green-red.

    It is reduced by a whole-number factor to less than twice longest_side.

    Raises:
        Refused: it is not a picture, or it is too small, too large or cut short.
        MemoryError: it needs more memory than this process may use.
    """
    most = _most_pixels(data)
    # Pillow refuses pictures of more than twice this size when it opens a file, before it decodes any pixel.
    Image.MAX_IMAGE_PIXELS = most // 2
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _judge(image, longest_side)
            return _upright(*_reduced(image, longest_side))
    except (Refused, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise Refused(_too_large(f"more than {most // 1_000_000}", most)) from error
    except Exception as error:  # a damaged file can raise any error in a decoder
        raise _named(error) from error


def _most_pixels(data: bytes) -> int:
    if data.startswith(b"\xff\xd8"):
        return MAX_JPEG_PIXELS
    return MAX_WEBP_PIXELS if data.startswith(b"RIFF") else MAX_WHOLE_BYTES


def _judge(image: Image.Image, longest_side: int) -> None:
    """Refuse, by the header alone, a picture that is too small or is too large to decode whole."""
    width, height = image.size
    if min(width, height) * min(longest_side / max(width, height, 1), 1) < SMALLEST_SIDE:
        raise Refused(f"This picture is only {width} x {height} pixels. Use one that is large enough to show a face.")
    if image.format in ("JPEG", "MPO", "WEBP"):
        return
    most = MAX_WHOLE_BYTES // (2 if image.mode.startswith("I;16") else SMALL_MODES.get(image.mode, 4))
    if width * height > most:
        raise Refused(_too_large(f"{width * height / 1e6:.0f}", most))


def _too_large(megapixels: str, most: int) -> str:
    return (
        f"This picture has {megapixels} megapixels. The limit for this type of file is {most // 1_000_000}. "
        "Save it smaller, or as a JPEG, and upload it again."
    )


def _named(error: Exception) -> Exception:
    text = str(error).lower()
    if "out of memory" in text or "decoder error -9" in text:
        return MemoryError()
    return Refused(CUT_SHORT if "truncated" in text else UNREADABLE)


def _reduced(image: Image.Image, longest_side: int) -> tuple[Bytes, int]:
    """Return (pixels, the EXIF orientation still to be applied to them)."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        factor = max(max(image.size) // longest_side, 1)
        image.draft(None, (max(image.width // factor, 1), max(image.height // factor, 1)))
    image.load()
    # A TIFF has no orientation left, because Pillow has already turned it in full size.
    orientation = image.getexif().get(ORIENTATION, 1)
    return _in_strips(image, max(max(image.size) // longest_side, 1)), orientation


def _in_strips(image: Image.Image, factor: int) -> Bytes:
    """Return blue-green-red pixels, each the mean of factor x factor, without making a full-size copy."""
    rows = max(STRIP // image.width // factor, 1) * factor
    deepest = max(float(_deep(strip).max()) for strip in _strips(image, rows)) if _is_deep(image) else 1
    pixels = np.empty((-(-image.height // factor), -(-image.width // factor), 3), np.uint8)
    top = 0
    for strip in _strips(image, rows):
        plain = _plain(strip, deepest)
        part = np.asarray(plain.reduce(factor) if factor > 1 else plain)
        pixels[top : top + len(part)] = part[..., ::-1]
        top += len(part)
    return pixels


def _strips(image: Image.Image, rows: int) -> Iterator[Image.Image]:
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or image.mode in DEEP_MODES


def _deep(strip: Image.Image) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = np.asarray(strip)
    if strip.mode == "F" and not np.isfinite(values).all():
        values = np.nan_to_num(values, nan=0, posinf=0, neginf=0)
    return values


def _stretched(strip: Image.Image, deepest: float) -> Image.Image:
    """Return an 8-bit grey picture, with `deepest` as white. 16-bit files hold 0 to 65535 whatever Pillow's mode."""
    values, scale = _deep(strip), 255 / max(deepest, 1)
    if values.dtype.kind == "u":
        return Image.fromarray((np.arange(2**16) * scale).clip(0, 255).astype(np.uint8)[values])
    return Image.fromarray(np.multiply(values, scale, dtype=np.float64).clip(0, 255).astype(np.uint8))


def _plain(strip: Image.Image, deepest: float) -> Image.Image:
    """Return an 8-bit red-green-blue picture. Transparent parts become grey."""
    if _is_deep(strip):
        strip = _stretched(strip, deepest)
    if strip.mode in ("RGBA", "LA", "PA") or "transparency" in strip.info:
        coloured = strip.convert("RGBA")
        strip = Image.alpha_composite(Image.new("RGBA", coloured.size, GREY), coloured)
    return strip.convert("RGB")


def _upright(pixels: Bytes, orientation: int) -> Bytes:
    swapped, rows, columns = UPRIGHT.get(orientation, (False, 1, 1))
    turned = pixels.swapaxes(0, 1) if swapped else pixels
    return np.ascontiguousarray(turned[::rows, ::columns])


if __name__ == "__main__":
    main()
