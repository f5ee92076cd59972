"""Frames of a video file or an RTSP stream, encoded as JPEG when they are sent."""

from __future__ import annotations

import functools
import logging
import threading
import time
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from agent.camera_client import Picture

logger = logging.getLogger(__name__)

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3, blue-green-red, 0 to 255."""

LONGEST_SIDE = 1280
RETRY_S = 2.0


class NoVideo(ValueError):
    """The source cannot be opened; the message names it."""


def open_video(source: str, fps: float, *, loop: bool = False) -> VideoFile | VideoStream:
    """Return the frames of a file, or of a stream if the source is a URL.

    Raises:
        NoVideo: the source cannot be opened.
    """
    capture = cv2.VideoCapture(source)
    if not capture.isOpened():
        raise NoVideo(f"“{source}” cannot be opened as a video.")
    return VideoStream(capture, source) if "://" in source else VideoFile(capture, fps, loop=loop)


class VideoFile:
    """A recording, played at its own speed: frames between those requested are skipped."""

    def __init__(self, capture: cv2.VideoCapture, fps: float, *, loop: bool) -> None:
        self._capture, self._loop = capture, loop
        own_rate = capture.get(cv2.CAP_PROP_FPS)
        self._step = (own_rate if 0 < own_rate <= 240 else 25.0) / fps
        self._position = 0.0
        self._read = 0
        self._last: Pixels | None = None

    def next(self) -> Picture | None:
        """Return the next frame; None if the recording has ended."""
        self._position += self._step
        while self._read < self._position:
            grabbed, pixels = self._capture.read()
            if not grabbed:
                if not self._loop or self._read == 0:
                    return None
                self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
                self._position, self._read = self._step, 0
                continue
            self._read += 1
            self._last = np.asarray(pixels, np.uint8)
        return None if self._last is None else functools.partial(_jpeg, self._last)


class VideoStream:
    """The newest frame of a live stream. A thread reads frames as fast as they come, so that they never queue."""

    def __init__(self, capture: cv2.VideoCapture, source: str) -> None:
        self._capture, self._source = capture, source
        self._fresh = threading.Condition()
        self._newest: Any = None
        # A daemon, because it may be waiting for a lost camera and must not keep the program from ending.
        threading.Thread(target=self._read, name="video", daemon=True).start()

    def next(self) -> Picture | None:
        """Wait for a new frame and return it."""
        with self._fresh:
            while self._newest is None:
                self._fresh.wait()
            pixels, self._newest = self._newest, None
        return functools.partial(_jpeg, np.asarray(pixels, np.uint8))

    def _read(self) -> None:
        while True:
            grabbed, pixels = self._capture.read()
            if grabbed:
                with self._fresh:
                    self._newest = pixels
                    self._fresh.notify()
            else:
                logger.warning("The stream is interrupted; opening it again.")
                time.sleep(RETRY_S)
                self._capture.open(self._source)


def encode(pixels: Pixels, quality: int, scale: float = 1.0) -> bytes:
    """Return a JPEG of quality 1 to 100 and `scale` times the size, without metadata.

    Optimised Huffman tables make it smaller, but slower to encode.

    Raises:
        ValueError: the pixels cannot be written as a JPEG.
    """
    if scale < 1:
        pixels = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    written, data = cv2.imencode(".jpg", pixels, options)
    if not written:
        raise ValueError(f"{pixels.shape} pixels cannot be written as a JPEG")
    return data.tobytes()


def _jpeg(pixels: Pixels, quality: int, scale: float) -> bytes:
    return encode(pixels, quality, scale * min(1.0, LONGEST_SIDE / max(pixels.shape[:2])))
