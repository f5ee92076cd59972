"""The ASGI application: pages and sockets."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lfr_site.settings")

from django.core.asgi import get_asgi_application

pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

from alerts.routing import websocket_urlpatterns
from lfr_site.addresses import ClientAddress
from lfr_site.limits import BodyLimit

application = ClientAddress(
    ProtocolTypeRouter(
        {
            "http": BodyLimit(pages),
            "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
        }
    )
)
