"""The ASGI application: pages and sockets."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lfr_site.settings")

from django.core.asgi import get_asgi_application

pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter

from alerts import routing as alert_sockets
from capture import routing as camera_sockets
from lfr_site.addresses import ClientAddress
from lfr_site.health import HealthEndpoint
from lfr_site.lanes import Lanes
from lfr_site.limits import BodyLimit
from lfr_site.origin import SameOrigin

sockets = [*camera_sockets.websocket_urlpatterns, *alert_sockets.websocket_urlpatterns]

application = ClientAddress(
    ProtocolTypeRouter(
        {
            "http": HealthEndpoint(Lanes(BodyLimit(pages))),
            "websocket": SameOrigin(AuthMiddlewareStack(URLRouter(sockets))),
        }
    )
)
