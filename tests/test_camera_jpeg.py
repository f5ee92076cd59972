"""Camera frames: baseline JPEG is accepted; anything that costs more than its size is refused."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.attacks import progressive_jpeg
from recognition.camera_jpeg import check_frame, decode_frame
from recognition.imaging import UnreadableImage, encode_jpeg
from tests.cast import portrait, portrait_jpeg


def _saved(**options: Any) -> bytes:
    """Return the portrait as saved by Pillow."""
    stream = io.BytesIO()
    mode = options.pop("mode", "RGB")
    Image.fromarray(portrait()[..., ::-1]).convert(mode).save(stream, "JPEG", **options)
    return stream.getvalue()


def _scans_apart(jpeg: bytes) -> bytes:
    """Return the picture with a scan header that names one of its three components."""
    at = jpeg.index(b"\xff\xda")
    return jpeg[:at] + b"\xff\xda\x00\x08\x01" + jpeg[at + 5 : at + 7] + b"\x00\x3f\x00" + jpeg[at + 14 :]


def _again(jpeg: bytes, times: int) -> bytes:
    """Return the picture with additional empty scans."""
    at = jpeg.index(b"\xff\xda")
    length = struct.unpack_from(">H", jpeg, at + 2)[0]
    return jpeg[:at] + jpeg[at : at + 2 + length] * times + jpeg[at:]


def _sized(jpeg: bytes, height: int, width: int) -> bytes:
    at = jpeg.index(b"\xff\xc0")
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "must be a JPEG"),
        (np.random.default_rng(1).bytes(100_000), "must be a JPEG"),
        (b"\xff\xd8\xff" + np.random.default_rng(2).bytes(9_000) + b"\xff\xd9", "must be a baseline JPEG"),
        (np.random.default_rng(3).bytes(3 * 2**20), "2 MB or smaller"),
        (portrait_jpeg()[:-900], "frame is incomplete"),
        (portrait_jpeg()[:-2], "frame is incomplete"),
        (portrait_jpeg()[: portrait_jpeg().index(b"\xff\xda")] + b"\xff\xd9", "must be a baseline JPEG with one scan"),
        (encode_jpeg(np.zeros((40, 4000, 3), np.uint8)), "3840 pixels or less"),
        (_sized(portrait_jpeg(), 20_000, 20_000), "3840 pixels or less"),
        (_sized(portrait_jpeg(), 0, 512), "at least 16 pixels"),
        (encode_jpeg(np.zeros((8, 8, 3), np.uint8)), "at least 16 pixels"),
        (_saved(mode="CMYK"), "grey or colour"),
        (_saved(progressive=True), "Set the camera to send baseline"),
        (progressive_jpeg(3840, 3000), "must be a baseline JPEG"),
        (progressive_jpeg(640, 3), "Set the camera to send baseline"),
        (_again(portrait_jpeg(), 1), "one scan"),
        (_again(portrait_jpeg(), 3000), "must be a baseline JPEG"),
        (_scans_apart(portrait_jpeg()), "one scan"),
        (b"\xff\xd8" + b"\xff" * 2_000_000, "must be a baseline JPEG"),
    ],
)
def test_a_bad_frame_is_refused_with_a_reason(data: bytes, says: str) -> None:
    with pytest.raises(UnreadableImage, match=says):
        check_frame(data)
    with pytest.raises(UnreadableImage, match=says):
        decode_frame(data)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "L"},
        {"quality": 100, "subsampling": 0},
        {"restart_marker_blocks": 4},
        {"exif": Image.Exif().tobytes(), "comment": b"x" * 60_000},
        {"icc_profile": b"p" * 200_000},
        {"optimize": True},
    ],
)
def test_frames_of_cameras_are_accepted(options: dict[str, Any]) -> None:
    header = check_frame(_saved(**options))
    assert (header.width, header.height, header.scans) == (512, 512, 1)
    assert decode_frame(_saved(**options)).shape == (512, 512, 3)


def test_data_after_the_end_of_a_frame_is_ignored() -> None:
    assert check_frame(portrait_jpeg() + bytes(100)).is_whole


def test_a_frame_is_decoded_as_it_was_encoded() -> None:
    assert abs(decode_frame(portrait_jpeg()).astype(int) - portrait()).mean() < 3
