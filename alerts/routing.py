"""The sockets."""

from __future__ import annotations

from django.urls import path

from alerts.capture import CaptureConsumer
from alerts.live import EventsConsumer

websocket_urlpatterns = [
    path("ws/cameras/<uuid:camera_id>/", CaptureConsumer.as_asgi()),
    path("ws/deployments/<uuid:deployment_id>/", EventsConsumer.as_asgi()),
]
