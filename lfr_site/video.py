"""Frames of a video file or an RTSP stream, as JPEG."""

from __future__ import annotations

import time

import cv2
import numpy as np

from recognition.imaging import bounded, encode_jpeg

LONGEST_SIDE = 1280
RETRY_S = 2.0


class NoVideo(ValueError):
    """There is nothing to play; the message says what was tried."""


class VideoFrames:
    """The newest frame each time it is asked."""

    def __init__(self, source: str, fps: float, *, loop: bool = False) -> None:
        """fps: how often frames will be asked for; a file's other frames are passed over.

        Raises:
            NoVideo: the source cannot be opened.
        """
        self._source, self._loop = source, loop
        self._is_stream = "://" in source
        self._capture = cv2.VideoCapture(source)
        if not self._capture.isOpened():
            raise NoVideo(f"“{source}” cannot be opened as a video.")
        own_rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._step = 1 if self._is_stream else max((own_rate if 0 < own_rate <= 240 else 25.0) / fps, 0.001)
        self._position = 0.0
        self._read = 0
        self._last: bytes | None = None

    def next(self) -> bytes | None:
        """The next frame as JPEG; None when a file has ended. A broken stream is opened again until it works."""
        if self._is_stream:
            return self._next_of_stream()
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
            self._last = encode_jpeg(bounded(np.asarray(pixels, np.uint8), LONGEST_SIDE), 85)
        return self._last

    def _next_of_stream(self) -> bytes:
        while True:
            grabbed, pixels = self._capture.read()
            if grabbed:
                return encode_jpeg(bounded(np.asarray(pixels, np.uint8), LONGEST_SIDE), 85)
            time.sleep(RETRY_S)
            self._capture.open(self._source)
