"""Generated files: uploads that could fill memory or take minutes to read, and large but legitimate ones."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

SEED = 1


def ordinary_jpeg() -> bytes:
    """Return a 12-megapixel photograph, as from an ordinary telephone."""
    return _saved(_textured(4000, 3000), "JPEG", quality=85)


def baseline_jpeg(width: int, height: int) -> bytes:
    """Return a baseline JPEG of any size, built from one repeated band between restart markers to save memory.

    height: a multiple of 128.
    """
    band = _saved(_textured(width, 128), "JPEG", quality=50, restart_marker_rows=1)
    start = band.index(b"\xff\xda")
    start += 2 + int.from_bytes(band[start + 2 : start + 4], "big")
    frame = band.index(b"\xff\xc0") + 5
    header = band[:frame] + struct.pack(">H", height) + band[frame + 2 : start]
    # A band has eight rows of blocks, which end with restart markers 0 to 6; the next band continues with 7.
    return header + b"\xff\xd7".join([band[start:-2]] * (height // 128)) + b"\xff\xd9"


def progressive_jpeg(width: int, height: int, subsampling: int = 0, quality: int = 85) -> bytes:
    return _saved(_textured(width, height), "JPEG", progressive=True, subsampling=subsampling, quality=quality)


def empty_scans(side: int, scans: int) -> bytes:
    """Return a progressive JPEG with empty scans, each of which takes a pass over the whole picture."""
    data = _saved(Image.new("RGB", (side, side), (90, 90, 90)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    header = data[last : last + 2 + int.from_bytes(data[last + 2 : last + 4], "big")]
    return data[:-2] + header * scans + b"\xff\xd9"


def refining_scans(width: int, height: int, scans: int) -> bytes:
    """Return a progressive JPEG with scans that visit every coefficient but refine none."""
    data = progressive_jpeg(width, height)
    # One Huffman code of one bit: "the next 2^14 + n blocks are done", n in fourteen bits.
    table = b"\xff\xc4" + struct.pack(">HB", 20, 0x10) + bytes([1] + [0] * 15) + b"\xe0"
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0x00, 1, 63, 0x10)
    runs = -(-(-(-width // 8) * -(-height // 8)) // 2**14)
    bits = ("0" + "0" * 14) * runs
    entropy = int(bits.ljust(-(-len(bits) // 8) * 8, "1"), 2).to_bytes(-(-len(bits) // 8), "big")
    return data[:-2] + table + (scan + entropy.replace(b"\xff", b"\xff\x00")) * scans + b"\xff\xd9"


PALETTE, GREY, COLOUR, TRANSPARENT = 3, 0, 2, 6
_CHANNELS = {PALETTE: 1, GREY: 1, COLOUR: 3, TRANSPARENT: 4}


def png(width: int, height: int, kind: int, depth: int = 8) -> bytes:
    """Return a PNG of one colour: a few kilobytes, whatever its size. kind: colour type of the PNG specification."""
    packer = zlib.compressobj(9)
    # Every row uses the slowest filter.
    row = b"\4" + bytes(width * _CHANNELS[kind] * depth // 8)
    packed = [packer.compress(row) for _ in range(height)]
    palette = png_chunk(b"PLTE", bytes(range(256)) * 3) + png_chunk(b"tRNS", bytes(256)) if kind == PALETTE else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
        + palette
        + png_chunk(b"IDAT", b"".join(packed) + packer.flush())
        + png_chunk(b"IEND", b"")
    )


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def claimed_png(width: int, height: int) -> bytes:
    """Return a PNG that states its size and ends soon after."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, PALETTE, 0, 0, 0))
    palette = png_chunk(b"PLTE", bytes(768))
    return b"\x89PNG\r\n\x1a\n" + header + palette + png_chunk(b"IDAT", zlib.compress(bytes(4096)))


def float_tiff(width: int, height: int) -> bytes:
    values = np.zeros((height, width), np.float32)
    values[:, ::7] = 1e30
    values[0, 0] = np.nan
    return _saved(Image.fromarray(values), "TIFF", compression="tiff_deflate")


def one_strip_tiff(width: int, height: int) -> bytes:
    """Return a TIFF that its library unpacks in one piece."""
    return _saved(Image.new("RGBA", (width, height)), "TIFF", compression="tiff_deflate", strip_size=2**31 - 1)


def webp(width: int, height: int, frames: int = 1, *, lossless: bool = False) -> bytes:
    picture = _textured(width, height)
    more = [Image.new("RGB", picture.size, (number, 0, 0)) for number in range(1, frames)]
    options = {"save_all": True, "append_images": more} if more else {}
    return _saved(picture, "WEBP", quality=60, method=0, lossless=lossless, **options)


def claimed_webp(width: int, height: int) -> bytes:
    """Return a one-colour WebP of less than a kilobyte that states a large size."""
    bits = (width - 1) | (height - 1) << 14
    body = b"\x2f" + struct.pack("<I", bits) + bytes(64)
    chunk = b"VP8L" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def animated_png(width: int, height: int, frames: int) -> bytes:
    pictures = [Image.new("P", (width, height), number) for number in range(frames)]
    return _saved(pictures[0], "PNG", save_all=True, append_images=pictures[1:], compress_level=1)


def run_length_bmp(side: int, runs: int) -> bytes:
    """Return a BMP of very many short runs, which Pillow reads in Python."""
    body = b"\1\1" * runs + b"\0\1"
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(body), 2835, 2835, 256, 256)
    start = 14 + len(header) + 1024
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + bytes(1024) + body


def nested_zip() -> bytes:
    """Return an archive with another archive in place of a photograph, nested six levels deep."""
    data = bytes(2**24)
    for _ in range(6):
        data = _zipped("one.jpg", data)
    # Stored uncompressed, so that no compression ratio gives it away.
    return _zipped("one.jpg", data, zipfile.ZIP_STORED)


def zip_bomb() -> bytes:
    return _zipped("one.jpg", bytes(2**28))


PICTURES: Mapping[str, Callable[[], bytes]] = {
    "baseline JPEG, 12 megapixels": ordinary_jpeg,
    "baseline JPEG, 50 megapixels": lambda: baseline_jpeg(8192, 6144),
    "baseline JPEG, 200 megapixels": lambda: baseline_jpeg(16384, 12160),
    "baseline JPEG, 210 megapixels": lambda: baseline_jpeg(16384, 12800),
    "progressive JPEG, 24 megapixels, 4:4:4": lambda: progressive_jpeg(6000, 4000),
    "progressive JPEG, 24 megapixels, 4:4:4, finest": lambda: progressive_jpeg(6000, 4000, quality=100),
    "progressive JPEG, 50 megapixels, 4:2:0": lambda: progressive_jpeg(8192, 6144, 2),
    "progressive JPEG, 50 megapixels, 4:4:4": lambda: progressive_jpeg(8192, 6144),
    "progressive JPEG, 15 megapixels, 3,000 empty scans": lambda: empty_scans(3840, 3000),
    "progressive JPEG, 66,000 scans": lambda: empty_scans(128, 66_000),
    "progressive JPEG, 24 megapixels, 30 refining scans": lambda: refining_scans(6000, 4000, 30),
    "16-bit PNG, 49 megapixels": lambda: png(7000, 7000, GREY, 16),
    "16-bit PNG, 60 megapixels": lambda: png(7745, 7745, GREY, 16),
    "16-bit RGBA PNG, 29 megapixels": lambda: png(5400, 5400, TRANSPARENT, 16),
    "RGBA PNG, 29 megapixels": lambda: png(5400, 5400, TRANSPARENT),
    "RGBA PNG, 49 megapixels": lambda: png(7000, 7000, TRANSPARENT),
    "float TIFF, 29 megapixels": lambda: float_tiff(5400, 5400),
    "float TIFF, 49 megapixels": lambda: float_tiff(7000, 7000),
    "TIFF in one strip, 29 megapixels": lambda: one_strip_tiff(5400, 5400),
    "palette bomb, 119 megapixels": lambda: png(10_900, 10_900, PALETTE),
    "palette bomb, 10,000 megapixels": lambda: claimed_png(100_000, 100_000),
    "WebP, 10 megapixels": lambda: webp(3800, 2600),
    "WebP, 268 megapixels": lambda: claimed_webp(16_384, 16_384),
    "animated WebP, 10 megapixels, 5 frames": lambda: webp(3800, 2600, 5),
    "animated PNG, 20 megapixels, 10 frames": lambda: animated_png(5000, 4000, 10),
    "lossless WebP, 6 megapixels": lambda: webp(3000, 2000, lossless=True),
    "BMP of 9 million runs": lambda: run_length_bmp(3000, 9_000_000),
    "truncated JPEG, 50 megapixels": lambda: _half(baseline_jpeg(8192, 6144)),
    "truncated PNG, 29 megapixels": lambda: _half(png(5400, 5400, COLOUR)),
}
ARCHIVES: Mapping[str, Callable[[], bytes]] = {"nested ZIP": nested_zip, "ZIP bomb": zip_bomb}


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _textured(width: int, height: int) -> Image.Image:
    """Return gradients with noise, so that decoding takes its usual work."""
    noise = np.random.default_rng(SEED).integers(0, 24, (height, width, 1), np.uint8)
    slopes = np.linspace(0, 200, width, dtype=np.uint8)[None, :, None] // np.array([1, 2, 3], np.uint8)
    pixels: npt.NDArray[np.uint8] = noise + slopes
    return Image.fromarray(pixels)


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def _zipped(name: str, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr(name, data)
    return stream.getvalue()
