from __future__ import annotations

import numpy as np
import pytest

from recognition.camera_jpeg import decode_frame
from recognition.imaging import UnreadableImage, bounded, decode_stored
from tests.cast import portrait, portrait_jpeg


def test_a_stored_picture_is_read_as_it_was_written() -> None:
    assert np.array_equal(decode_stored(portrait_jpeg()), decode_frame(portrait_jpeg()))


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_a_damaged_stored_picture_is_an_error(data: bytes) -> None:
    with pytest.raises(UnreadableImage, match="damaged"):
        decode_stored(data)


def test_bounded_shrinks_and_never_grows() -> None:
    assert bounded(portrait(), 256).shape[:2] == (256, 256)
    assert bounded(portrait(), 4000) is portrait()
