from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from recognition.camera_jpeg import decode_frame
from recognition.imaging import UnreadableImage, bounded, decode_photograph, encode_jpeg
from tests.cast import portrait, portrait_jpeg


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _portrait() -> Image.Image:
    return Image.fromarray(portrait()[..., ::-1])


def _bomb(side: int) -> bytes:
    """A PNG that is a few kilobytes long and claims side x side pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 4096))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a picture"),
        (b"MZ this is a program", "not a picture"),
        (b"%PDF-1.7 a document", "not a picture"),
        (portrait_jpeg()[: len(portrait_jpeg()) // 2], "cut short"),
        (_bomb(8_000), "64 megapixels"),
        (_bomb(14_200), "larger than 50 megapixels"),
        (_bomb(100_000), "larger than 50 megapixels"),
        (b"\xff\xd8" + b"\0" * (21 * 2**20), "20 MB at most"),
        (_saved(Image.new("RGB", (1, 1)), "PNG"), "only 1 x 1 pixels"),
        (_saved(Image.new("RGB", (64, 64)), "GIF"), "not a picture we can read"),
    ],
)
def test_a_bad_photograph_is_refused_in_words(data: bytes, says: str) -> None:
    with pytest.raises(UnreadableImage, match=says):
        decode_photograph(data)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "P", "RGBA", "LA", "I;16"])
def test_every_colour_mode_shows_the_same_person(mode: str) -> None:
    if mode == "I;16":
        deep = np.asarray(_portrait().convert("L"), np.uint16) * 256
        data = _saved(Image.fromarray(deep), "PNG")
    else:
        data = _saved(_portrait().convert(mode), "JPEG" if mode == "CMYK" else "PNG")
    pixels = decode_photograph(data)
    assert pixels.shape == portrait().shape
    assert pixels.dtype == np.uint8
    grey = portrait().mean(axis=2)
    assert abs(pixels.mean(axis=2) - grey).mean() < 12


def test_a_photograph_taken_sideways_stands_upright() -> None:
    sideways = _portrait().transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = decode_photograph(_saved(sideways, "JPEG", exif=exif, quality=95))
    assert abs(pixels.astype(int) - portrait()).mean() < 8


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a whole JPEG"),
        (np.random.default_rng(1).bytes(100_000), "not a whole JPEG"),
        (portrait_jpeg()[:-900], "not a whole JPEG"),
        (b"\xff\xd8" + np.random.default_rng(2).bytes(9_000) + b"\xff\xd9", "not a JPEG"),
        (np.random.default_rng(3).bytes(3 * 2**20), "2 MB at most"),
        (encode_jpeg(np.zeros((40, 4000, 3), np.uint8)), "3840 pixels a side"),
    ],
)
def test_a_bad_frame_is_refused_in_words(data: bytes, says: str) -> None:
    with pytest.raises(UnreadableImage, match=says):
        decode_frame(data)


def test_a_frame_comes_back_as_it_went() -> None:
    assert abs(decode_frame(portrait_jpeg()).astype(int) - portrait()).mean() < 3


def test_what_is_kept_carries_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken in somebody's house"
    kept = encode_jpeg(decode_photograph(_saved(_portrait(), "JPEG", exif=exif)))
    assert b"somebody" not in kept
    assert not Image.open(io.BytesIO(kept)).getexif()


def test_bounded_shrinks_and_never_grows() -> None:
    assert bounded(portrait(), 256).shape[:2] == (256, 256)
    assert bounded(portrait(), 4000) is portrait()
