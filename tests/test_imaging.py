from __future__ import annotations

import numpy as np
import pytest

from recognition.imaging import UnreadableImage, bounded, decode_frame, decode_stored, encode_jpeg
from tests.cast import portrait, portrait_jpeg


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


def test_a_stored_picture_comes_back_as_it_went() -> None:
    assert np.array_equal(decode_stored(portrait_jpeg()), decode_frame(portrait_jpeg()))


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_a_stored_picture_that_is_damaged_is_said(data: bytes) -> None:
    with pytest.raises(UnreadableImage, match="damaged"):
        decode_stored(data)


def test_bounded_shrinks_and_never_grows() -> None:
    assert bounded(portrait(), 256).shape[:2] == (256, 256)
    assert bounded(portrait(), 4000) is portrait()
