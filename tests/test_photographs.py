"""Uploaded pictures: which are accepted, with which pixels, and that none can fill memory or take minutes."""

from __future__ import annotations

import concurrent.futures
import io
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmarks import hostile_files as hostile
from benchmarks.hostile_files import GREY, PALETTE, TRANSPARENT
from recognition import photographs
from recognition.decoder import MAX_JPEG_PIXELS
from recognition.imaging import Pixels, UnreadableImage, decode_stored, encode_jpeg
from recognition.jpeg import MAX_SEGMENTS, UnusualJpeg, read_header
from recognition.photographs import decoder_pid, end_decoder, read_upload
from tests.cast import FACES, portrait, portrait_jpeg
from watchlists.enrolment import read_photograph

SIDE = 1600
CASES = FACES.parent / "cases" / "photographs"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set a limit of processor time that no acceptable picture reaches on any machine."""
    monkeypatch.setattr(photographs, "CPU_SECONDS", 300.0)
    end_decoder()
    yield
    end_decoder()


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _portrait() -> Image.Image:
    return Image.fromarray(portrait()[..., ::-1])


def _refusal(data: bytes) -> str:
    with pytest.raises(UnreadableImage) as refused:
        read_upload(data, SIDE)
    return str(refused.value)


def _still_reads() -> None:
    assert np.array_equal(read_upload(portrait_jpeg(), SIDE), decode_stored(portrait_jpeg()))


def _most_resident_bytes(pid: int | None) -> int:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not a picture. The file must be a JPEG, PNG, WebP, TIFF or BMP"),
        (b"MZ this is a program", "is not a picture"),
        (b"\xff\xd8\xff", "contains no picture"),
        (b"%PDF-1.7 a document", "is a PDF document. The file must be a JPEG"),
        (_saved(Image.new("RGB", (64, 64)), "GIF"), "is a GIF picture"),
        (_saved(Image.new("RGB", (64, 64)), "JPEG2000"), "is a JPEG 2000 picture"),
        (_saved(Image.new("RGB", (64, 64)), "AVIF"), "is an AVIF picture"),
        (b"\0\0\0\x18ftypheic", "is a HEIC picture"),
        (b"\xff\xd8" + b"\0" * (21 * 2**20), "20 MB or smaller"),
        (_saved(Image.new("RGB", (1, 1)), "PNG"), "only 1 x 1 pixels"),
        (_saved(Image.new("L", (20_000, 100)), "PNG"), "only 20000 x 100 pixels"),
        (portrait_jpeg()[: len(portrait_jpeg()) // 2], "cut short"),
        (_saved(_portrait(), "PNG")[:20_000], "cut short"),
        (_saved(_portrait(), "TIFF")[:20_000], "is not a picture|cut short"),
        (hostile.png(7000, 7000, TRANSPARENT), "has 49 megapixels. The limit for this type of file is 30"),
        (hostile.png(8000, 8000, GREY, 16), "has 64 megapixels. The limit for this type of file is 60"),
        (hostile.claimed_png(12_000, 12_000), "more than 120 megapixels"),
        (hostile.claimed_png(100_000, 100_000), "more than 120 megapixels"),
        (hostile.claimed_webp(16_384, 16_384), "more than 10 megapixels"),
        (hostile.baseline_jpeg(16_384, 12_800), "has 210 megapixels. The limit for a JPEG is 200"),
        (hostile.empty_scans(3840, 3000), "more than 1,000 scans"),
        (hostile.empty_scans(128, 66_000), "more than 1,000 scans"),
        (hostile.empty_scans(3840, 100), "in 110 scans, which take too long to read. Save it as a baseline JPEG"),
        (hostile.nested_zip(), "is a ZIP archive"),
    ],
)
def test_a_bad_photograph_is_refused_with_a_reason(data: bytes, says: str) -> None:
    with pytest.raises(UnreadableImage, match=says):
        read_upload(data, SIDE)


def test_a_progressive_jpeg_that_needs_too_much_memory_is_refused() -> None:
    assert "too many for a progressive JPEG" in _refusal(_progressive_header(8192, 6144, 0x11))


def _progressive_header(width: int, height: int, sampling: int) -> bytes:
    """Return a small progressive JPEG that states a larger size."""
    data = bytearray(_saved(Image.new("RGB", (64, 64)), "JPEG", progressive=True))
    frame = data.index(b"\xff\xc2")
    data[frame + 5 : frame + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    data[frame + 11] = sampling
    return bytes(data)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "P", "RGBA", "LA", "I;16"])
def test_every_colour_mode_shows_the_same_person(mode: str) -> None:
    if mode == "I;16":
        deep = np.asarray(_portrait().convert("L"), np.uint16) * 256
        data = _saved(Image.fromarray(deep), "PNG")
    else:
        data = _saved(_portrait().convert(mode), "JPEG" if mode == "CMYK" else "PNG")
    pixels = read_upload(data, SIDE)
    assert pixels.shape == portrait().shape
    assert pixels.dtype == np.uint8
    grey = portrait().mean(axis=2)
    assert abs(pixels.mean(axis=2) - grey).mean() < 12


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_a_small_picture_keeps_every_pixel(kind: str) -> None:
    data = _saved(_portrait(), kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert np.array_equal(read_upload(data, SIDE), portrait())


def test_deep_pictures_are_scaled_and_invalid_values_are_black() -> None:
    values = portrait().mean(axis=2).astype(np.float32) * 1e6
    expected = (values.astype(np.float64) * (255 / float(values.max()))).astype(np.uint8)
    values[0, 0], expected[0, 0] = np.nan, 0
    values[0, 1], expected[0, 1] = np.inf, 0
    pixels = read_upload(_saved(Image.fromarray(values), "TIFF"), SIDE)
    assert np.array_equal(pixels, np.repeat(expected[..., None], 3, axis=2))


def test_transparent_pictures_get_a_grey_background() -> None:
    clear = _portrait().convert("RGBA")
    clear.putalpha(0)
    assert (read_upload(_saved(clear, "PNG"), SIDE) == 128).all()


@pytest.mark.parametrize(("kind", "options"), [("PNG", {"compress_level": 1}), ("TIFF", {}), ("WEBP", {"quality": 90})])
def test_a_large_picture_is_reduced_and_looks_the_same(kind: str, options: dict[str, object]) -> None:
    large = _portrait().resize((2600, 2600), Image.Resampling.BICUBIC)
    pixels = read_upload(_saved(large, kind, **options), 500)
    assert pixels.shape == (500, 500, 3)
    expected = cv2.resize(np.asarray(large)[..., ::-1], (500, 500), interpolation=cv2.INTER_AREA)
    assert abs(pixels.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_taken_sideways_is_turned_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    # As a camera would have stored it, so that turning it by its orientation puts it right.
    turned = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90"}
    turned |= {7: "TRANSVERSE", 8: "ROTATE_270"}
    upright = _portrait().crop((0, 0, 512, 400))
    stored = upright.transpose(Image.Transpose[turned[orientation]]) if orientation > 1 else upright
    pixels = read_upload(_saved(stored, kind, exif=exif, quality=95), SIDE)
    assert pixels.shape == (400, 512, 3)
    assert abs(pixels.astype(int) - portrait()[:400]).mean() < 8


@pytest.mark.parametrize("kind", ["MPO", "PNG", "WEBP", "TIFF"])
def test_the_first_of_several_pictures_in_a_file_is_used(kind: str) -> None:
    black = Image.new("RGB", (512, 512))
    data = _saved(_portrait(), kind, save_all=True, append_images=[black, black], quality=95)
    assert abs(read_upload(data, SIDE).astype(int) - portrait()).mean() < 8


def _phone() -> bytes:
    """Return a picture of 50 megapixels with a face in the middle."""
    pixels = np.full((6144, 8192, 3), 120, np.uint8)
    pixels[1024:5120, 2048:6144] = cv2.resize(portrait(), (4096, 4096), interpolation=cv2.INTER_CUBIC)
    return encode_jpeg(pixels, 90)


@pytest.mark.parametrize(
    "make",
    [_phone, *(path.read_bytes for path in CASES.glob("phone_50_megapixels.jpg"))],
    ids=lambda make: make.__name__,
)
def test_a_photograph_of_fifty_megapixels_is_enrolled(make: Callable[[], bytes], patient: None) -> None:
    enrolment = read_photograph(make())
    assert (enrolment.width, enrolment.height) == (SIDE, 1200)
    assert not enrolment.is_blocked


def _plain(width: int, height: int, **options: object) -> bytes:
    return _saved(Image.new("RGB", (width, height), (90, 120, 150)), "JPEG", **options)


LARGEST = {
    "200 megapixels": (lambda: hostile.baseline_jpeg(16_384, 12_160), (1188, 1600)),
    "progressive": (lambda: _plain(6000, 4000, progressive=True, subsampling=0), (1067, 1600)),
    "refining scans": (lambda: hostile.refining_scans(1600, 1200, 300), (1200, 1600)),
    "16-bit": (lambda: hostile.png(7745, 7745, GREY, 16), (1600, 1600)),
    "transparent": (lambda: hostile.png(5400, 5400, TRANSPARENT, 16), (1600, 1600)),
    "float": (lambda: hostile.float_tiff(5400, 5400), (1600, 1600)),
    "palette": (lambda: hostile.png(10_900, 10_900, PALETTE), (1600, 1600)),
    "animated": (lambda: hostile.webp(3800, 2600, 3), (1095, 1600)),
}


@pytest.mark.parametrize(("make", "size"), LARGEST.values(), ids=LARGEST)
def test_the_largest_accepted_pictures_stay_within_the_memory_limit(
    make: Callable[[], bytes], size: tuple[int, int], patient: None
) -> None:
    assert read_upload(make(), SIDE).shape == (*size, 3)
    assert _most_resident_bytes(decoder_pid()) <= photographs.RESIDENT_BYTES + 2**20


def test_a_picture_that_takes_too_much_memory_is_refused_and_the_next_is_read() -> None:
    _still_reads()
    before = decoder_pid()
    assert "too much memory" in _refusal(hostile.one_strip_tiff(5400, 5400))
    _still_reads()
    assert decoder_pid() != before


def test_a_picture_that_takes_too_much_time_is_refused_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as hurried:
        hurried.setattr(photographs, "CPU_SECONDS", 0.2)
        end_decoder()
        assert "takes too long" in _refusal(hostile.run_length_bmp(3000, 9_000_000))
    _still_reads()


def test_a_decoder_that_does_not_answer_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    _still_reads()
    pid = decoder_pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with monkeypatch.context() as hurried:
        hurried.setattr(photographs, "WALL_SECONDS", 0.1)
        assert "takes too long" in _refusal(portrait_jpeg())
    _still_reads()


def test_a_decoder_that_was_killed_between_two_pictures_is_restarted() -> None:
    _still_reads()
    pid = decoder_pid()
    assert pid is not None
    ended = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        assert select.select([ended], [], [], 60)[0]
    finally:
        os.close(ended)
    _still_reads()


def test_an_abandoned_answer_is_not_used_for_the_next_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    _still_reads()

    def interrupted(*_: object) -> bytearray:
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(photographs._Decoder, "_receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read_upload(encode_jpeg(np.zeros((64, 64, 3), np.uint8)), SIDE)
    _still_reads()


def test_a_decoder_ends_with_the_process_that_started_it() -> None:
    program = (
        "import sys; from recognition import photographs; "
        "photographs.read_upload(sys.stdin.buffer.read(), 1600); "
        "print(photographs.decoder_pid(), flush=True); sys.stdin.close(); import signal; signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write(portrait_jpeg())
        reader.stdin.close()
        decoder = os.pidfd_open(int(reader.stdout.readline()))
        try:
            reader.kill()
            assert select.select([decoder], [], [], 60)[0]
        finally:
            os.close(decoder)


def test_a_decoder_outlives_the_thread_that_started_it() -> None:
    end_decoder()
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        thread.submit(_still_reads).result()
    before = decoder_pid()
    _still_reads()
    assert decoder_pid() == before


def test_pictures_that_are_read_at_once_are_not_mixed_up() -> None:
    grey = [np.full((100, 100, 3), shade, np.uint8) for shade in range(0, 250, 10)]
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        read = list(threads.map(lambda pixels: read_upload(_saved(Image.fromarray(pixels), "PNG"), SIDE), grey))
    assert all(np.array_equal(one, other) for one, other in zip(read, grey, strict=True))


def test_the_decoder_process_has_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LFR_SECRET_KEY", "nobody's business")
    end_decoder()
    _still_reads()
    assert b"LFR_" not in Path(f"/proc/{decoder_pid()}/environ").read_bytes()


def test_the_memory_of_a_jpeg_is_read_from_its_header() -> None:
    header = read_header(hostile.baseline_jpeg(4096, 1280))
    assert (header.width, header.height, header.scans, header.coefficient_bytes) == (4096, 1280, 1, 0)
    # 4:2:0: one and a half values for each pixel, two bytes each, in whole blocks of 16 x 16 pixels.
    progressive = read_header(hostile.progressive_jpeg(1000, 500, 2))
    assert (progressive.scans, progressive.coefficient_bytes) == (10, 1008 * 512 * 3)
    assert read_header(hostile.empty_scans(64, 50)).scans == 60


def test_markers_inside_other_segments_are_not_counted() -> None:
    thumbnail = _saved(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    data = _saved(_portrait(), "JPEG", exif=b"Exif\0\0" + thumbnail, restart_marker_blocks=1)
    assert read_header(data).scans == 1
    assert read_header(data + thumbnail).scans == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff\xd8\xff\xd9", "no picture"),
        (portrait_jpeg().replace(b"\xff\xc0", b"\xff\xc3", 1), "kind of JPEG is not supported"),
        (
            portrait_jpeg()[:2] + _progressive_header(64, 64, 0x11)[2:-2] + portrait_jpeg()[2:],
            "kind of JPEG is not supported",
        ),
        (_progressive_header(64, 64, 0x51), "kind of JPEG is not supported"),
        (b"\xff\xd8" + b"\xff\xfe\0\2" * (MAX_SEGMENTS + 1), "more than 1,000"),
    ],
)
def test_a_jpeg_of_an_unusual_kind_is_named(data: bytes, says: str) -> None:
    with pytest.raises(UnusualJpeg, match=says):
        read_header(data)


def test_more_pixels_than_can_be_read_cannot_be_requested() -> None:
    with pytest.raises(ValueError, match="4000 pixels a side"):
        read_upload(portrait_jpeg(), 4000)
    assert MAX_JPEG_PIXELS == 200_000_000


def test_stored_pictures_have_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken in somebody's house"
    kept: Pixels = read_upload(_saved(_portrait(), "JPEG", exif=exif), SIDE)
    assert b"somebody" not in encode_jpeg(kept)
    assert not Image.open(io.BytesIO(encode_jpeg(kept))).getexif()
