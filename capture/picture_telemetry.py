"""Measure the light and focus of a camera's picture, and keep a tile of it while it is watched."""

from __future__ import annotations

import redis

from capture.frame_queue import FrameSource
from recognition.engine import Engine
from recognition.imaging import Pixels, encode_jpeg
from recognition.tile import SMALLEST, light_and_focus, tile


def measure_picture(camera_id: str, pixels: Pixels, engine: Engine, source: FrameSource) -> tuple[float, float]:
    """Return brightness and sharpness; keep a tile for the commanders who are watching this camera."""
    try:
        if source.is_watched(camera_id):
            # Detected separately: the camera's own limits leave out faces that the tile would show.
            faces = [face.box for face in engine.detect(pixels, SMALLEST)]
            source.keep_tile(camera_id, encode_jpeg(tile(pixels, faces), 70))
    except redis.RedisError:
        # The tile is optional. If Valkey is gone, the answer to the frame fails and shows it.
        pass
    return light_and_focus(pixels)
