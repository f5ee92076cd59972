"""Uploaded pictures: checked by their header, then decoded in a separate process that can be ended."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

import numpy as np

from recognition import decoder
from recognition.decoder import ANSWER, MAX_JPEG_PIXELS, NO_MEMORY, PICTURE, REFUSED, REQUEST, TAKEN
from recognition.imaging import MAX_PHOTOGRAPH_BYTES, Pixels, UnreadableImage, bounded
from recognition.jpeg import SIGNATURE, JpegHeader, UnusualJpeg, read_header

# The most resident memory of the decoder, and its processor time for one picture. docs/explain/performance.md lists
# what the worst files need. The requesting process also holds the file and the reduced picture.
RESIDENT_BYTES = 213 * 2**20
CPU_SECONDS = 3.0
# For a machine so busy that the limit of processor time is never reached.
WALL_SECONDS = 60
# The longest side that may be requested. The decoded picture may have up to twice as many pixels a side.
MOST_ASKED_FOR = 1600
# The share of the decoder's memory for the coefficients of a progressive JPEG, the reduced picture and the file. It
# accepts 24 megapixels in full colour (4:4:4) at any quality.
MAX_KEPT_BYTES = 188_000_000
# A scan takes 0.4 ns a pixel even if it is empty. A progressive photograph of 24 megapixels has about ten scans.
MAX_SCAN_MEGAPIXELS = 1_000

# The signatures of formats that are not accepted: offset, bytes and name for people.
OTHER_FORMATS = (
    (0, b"GIF8", "a GIF picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\3\4", "a ZIP archive"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (4, b"jP  \r\n", "a JPEG 2000 picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (4, b"JXL \r\n", "a JPEG XL picture"),
    (4, b"ftypavi", "an AVIF picture"),
    (4, b"ftyphei", "a HEIC picture"),
    (4, b"ftyphev", "a HEIC picture"),
    (4, b"ftypmif", "a HEIC picture"),
)

TOO_SLOW = "This picture takes too long to read. Save it as a baseline JPEG and upload it again."
TOO_BIG = "This picture takes too much memory to read. Save it smaller, or as a baseline JPEG, and upload it again."


class _Ended(Exception):
    """The decoder ended on a picture. The message is for its sender. again: whether a second attempt may succeed."""

    def __init__(self, message: str, *, again: bool = True) -> None:
        super().__init__(message)
        self.again = again


def read_upload(data: bytes, longest_side: int) -> Pixels:
    """Return an uploaded picture, upright and reduced to at most longest_side pixels a side; never enlarged.

    Raises:
        UnreadableImage: it is not a picture, too small, too large, cut short, too slow to read, or its format is not
            accepted.
    """
    if longest_side > MOST_ASKED_FOR:
        raise ValueError(f"{longest_side} pixels a side are more than {MOST_ASKED_FOR}")
    _judge(data, longest_side)
    with _one_at_a_time:
        pixels = _decoded(data, longest_side)
    return bounded(pixels, longest_side)


def _judge(data: bytes, longest_side: int) -> None:
    if len(data) > MAX_PHOTOGRAPH_BYTES:
        raise UnreadableImage(f"The photograph must be 20 MB or smaller. This file is {len(data) / 2**20:.0f} MB.")
    for at, name, words in OTHER_FORMATS:
        if data.startswith(name, at):
            raise UnreadableImage(f"This file is {words}. {TAKEN}")
    if data.startswith(SIGNATURE):
        try:
            _judge_jpeg(read_header(data), len(data), longest_side)
        except UnusualJpeg as error:
            raise UnreadableImage(f"{error}. Save it as a baseline JPEG and upload it again.") from error


def _judge_jpeg(header: JpegHeader, length: int, longest_side: int) -> None:
    size, pixels = f"This picture has {header.megapixels:.0f} megapixels", header.width * header.height
    if pixels > MAX_JPEG_PIXELS:
        raise UnreadableImage(
            f"{size}. The limit for a JPEG is {MAX_JPEG_PIXELS // 1_000_000}. Save it smaller and upload it again."
        )
    if not header.coefficient_bytes:
        return
    if header.scans * header.megapixels > MAX_SCAN_MEGAPIXELS:
        raise UnreadableImage(
            f"{size} in {header.scans:,} scans, which take too long to read. "
            "Save it as a baseline JPEG and upload it again."
        )
    factor = next(each for each in (8, 4, 2, 1) if each <= max(header.width, header.height) / longest_side or each == 1)
    if header.coefficient_bytes + pixels * 4 // factor**2 + length > MAX_KEPT_BYTES:
        raise UnreadableImage(
            f"{size}, which is too many for a progressive JPEG. Save it as a baseline JPEG and upload it again."
        )


class _Decoder:
    """A running process of recognition.decoder."""

    def __init__(self) -> None:
        passed = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "LANG")
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", decoder.__name__, str(RESIDENT_BYTES), str(CPU_SECONDS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).resolve().parent.parent,
            # No secrets in the process that decodes unknown files. One thread and one arena, because memory is limited.
            env={name: os.environ[name] for name in passed if name in os.environ}
            | {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
            pipesize=2**20,
        )
        self.has_read = False

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def decode(self, data: bytes, longest_side: int) -> Pixels:
        """Send a file to the process and return the decoded picture.

        Raises:
            UnreadableImage: the decoder refused the file. The message says why.
            _Ended: the process has ended, or must be ended.
        """
        with self._ended_in_time() as too_late:
            try:
                self._send(REQUEST.pack(len(data), longest_side), data)
                kind, one, two = ANSWER.unpack(self._receive(ANSWER.size))
                if kind == PICTURE and max(one, two) <= 2 * longest_side:
                    return np.frombuffer(self._receive(one * two * 3), np.uint8).reshape(one, two, 3)
                if kind == REFUSED:
                    raise UnreadableImage(self._receive(one).decode())
            except (BrokenPipeError, EOFError) as error:
                raise (_Ended(TOO_SLOW, again=False) if too_late.is_set() else self._why()) from error
        raise _Ended(TOO_BIG if kind == NO_MEMORY else decoder.UNREADABLE)

    def end(self) -> None:
        self._process.kill()
        # Leaving the context closes the pipes and waits for the process.
        with contextlib.suppress(BrokenPipeError), self._process:
            pass

    @contextlib.contextmanager
    def _ended_in_time(self) -> Iterator[threading.Event]:
        too_late = threading.Event()

        def give_up() -> None:
            too_late.set()
            self._process.kill()

        timer = threading.Timer(WALL_SECONDS, give_up)
        timer.daemon = True
        timer.start()
        try:
            yield too_late
        finally:
            timer.cancel()

    def _send(self, *parts: bytes) -> None:
        stream = cast(IO[bytes], self._process.stdin)
        for part in parts:
            stream.write(part)
        stream.flush()

    def _receive(self, length: int) -> bytearray:
        received = bytearray(length)
        if cast(BufferedReader, self._process.stdout).readinto(received) != length:
            raise EOFError
        return received

    def _why(self) -> _Ended:
        """Return the reason why the process ended by itself."""
        code = self._process.wait()
        if code > 0:
            raise RuntimeError(f"recognition.decoder ended with status {code}. Its error output says why.")
        if code == -signal.SIGPROF:
            return _Ended(TOO_SLOW, again=False)
        return _Ended(TOO_BIG if code == -signal.SIGKILL else decoder.UNREADABLE)


_one_at_a_time = threading.Lock()
_running: list[_Decoder] = []


def _decoded(data: bytes, longest_side: int) -> Pixels:
    """Decode in the running process. If it ends and had read pictures before, try once more in a new one."""
    while True:
        if not (_running and _running[0].is_running):
            end_decoder()
            _running.append(_Decoder())
        known = _running[0]
        try:
            return known.decode(data, longest_side)
        except UnreadableImage:
            raise
        except _Ended as ended:
            end_decoder()
            if not (known.has_read and ended.again):
                raise UnreadableImage(str(ended)) from ended
        except BaseException:
            # The answer to this request would otherwise be read as the answer for the next picture.
            end_decoder()
            raise
        finally:
            known.has_read = True


def decoder_pid() -> int | None:
    """Return the id of the process that decodes for this one, or None if there is none."""
    return _running[0].pid if _running else None


@atexit.register
def end_decoder() -> None:
    """End the decoding process. The next picture starts another."""
    while _running:
        _running.pop().end()
