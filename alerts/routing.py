"""The socket of live events for consoles and handsets."""

from __future__ import annotations

from typing import Any

from django.urls import path

from alerts.live import EventsConsumer

websocket_urlpatterns: list[Any] = [
    path("ws/deployments/<uuid:deployment_id>/", EventsConsumer.as_asgi()),  # type: ignore[arg-type]
]
