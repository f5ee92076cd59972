"""The sockets."""

from __future__ import annotations

from typing import Any

from django.urls import path

from alerts.capture import CaptureConsumer
from alerts.live import EventsConsumer

websocket_urlpatterns: list[Any] = [
    path("ws/cameras/<uuid:camera_id>/", CaptureConsumer.as_asgi()),  # type: ignore[arg-type]
    path("ws/deployments/<uuid:deployment_id>/", EventsConsumer.as_asgi()),  # type: ignore[arg-type]
]
