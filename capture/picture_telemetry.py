"""Measure light and focus once a second for each camera, and keep a tile of its picture while it is watched."""

from __future__ import annotations

import functools
import time

import redis

from capture.frame_queue import FrameSource, frame_source
from recognition.engine import Engine
from recognition.imaging import Pixels, encode_jpeg
from recognition.tile import SMALLEST, light_and_focus, tile

EVERY_S = 1.0


class PictureTelemetry:
    """The measurements of one worker process."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self._last: dict[str, float] = {}

    def measure(self, camera_id: str, pixels: Pixels, engine: Engine) -> tuple[float, float] | None:
        """Return brightness and sharpness once a second for each camera; None in between."""
        now = time.monotonic()
        if now - self._last.get(camera_id, -EVERY_S) < EVERY_S:
            return None
        self._last[camera_id] = now
        try:
            if self._source.is_watched(camera_id):
                # Detected separately: the camera's own limits leave out faces that the tile would show.
                faces = [face.box for face in engine.detect(pixels, SMALLEST)]
                self._source.keep_tile(camera_id, encode_jpeg(tile(pixels, faces), 70))
        except redis.RedisError:
            # The tile is optional. If Valkey is gone, the answer to the frame fails and shows it.
            pass
        return light_and_focus(pixels)


@functools.lru_cache(maxsize=1)
def picture_telemetry() -> PictureTelemetry:
    """Return the picture telemetry of this worker."""
    return PictureTelemetry(frame_source())
