"""The socket that cameras stream to."""

from __future__ import annotations

from typing import Any

from django.urls import path

from capture.consumer import CaptureConsumer

websocket_urlpatterns: list[Any] = [
    path("ws/cameras/<uuid:camera_id>/", CaptureConsumer.as_asgi()),  # type: ignore[arg-type]
]
