"""Live events out: {kind, id} to everybody who may watch a deployment; the browser fetches the row itself."""

from __future__ import annotations

import json
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from deployments.events import group_of
from deployments.models import Deployment


class EventsConsumer(AsyncWebsocketConsumer):
    """The events of one deployment, for a signed-in user who may see its alerts."""

    async def connect(self) -> None:
        self.group = ""
        deployment = await database_sync_to_async(_watched)(self.scope)
        await self.accept()
        if deployment is None:
            await self.close(4403)
            return
        self.group = group_of(deployment.id)
        await self.channel_layer.group_add(self.group, self.channel_name)
        # From here nothing is missed: the browser now fetches what happened before.
        await self.send(json.dumps({"kind": "hello", "id": str(deployment.id)}))

    async def disconnect(self, code: int) -> None:
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def announcement(self, event: dict[str, Any]) -> None:
        await self.send(json.dumps({"kind": event["kind"], "id": event["id"]}))


def _watched(scope: Any) -> Deployment | None:
    user = scope["user"]
    if not user.is_authenticated or not user.has_perm("alerts.watch_alerts"):
        return None
    return Deployment.objects.visible_to(user).filter(pk=scope["url_route"]["kwargs"]["deployment_id"]).first()
