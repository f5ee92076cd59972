"""The socket of live events: {kind, id} to users who may watch a deployment. Browsers then fetch the data.

Handsets are told only that something changed for officers, because officers may not learn of other alerts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user_model
from django.db.utils import Error as DatabaseFailure

from alerts.permissions import DECIDE_ALERT, WATCH_ALERTS
from audit.refusals import note_refused
from core.permissions import session_stands
from core.sockets import CloseCode, Event
from deployments.events import group_of
from deployments.models import Deployment
from deployments.permissions import RUN_DEPLOYMENT

# How often a heartbeat is sent. After two missed ones the browser shows that the connection is lost.
BEAT_S = 4.0
# Events of alerts that change what a handset shows.
FOR_HANDSETS = (Event.ALERT_CHANGED, Event.ALERT_SHOT_ADDED)
# Threads for sockets that were admitted, so that visitors who open sockets do not delay them.
_database = ThreadPoolExecutor(2, "consoles")


def _in_database(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    return database_sync_to_async(function, thread_sensitive=False, executor=_database)


class EventsConsumer(AsyncWebsocketConsumer):
    """The events of one deployment, for a signed-in user who may see its alerts."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = ""
        self.heart: asyncio.Task[None] | None = None
        self.is_handset = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.heart is not None:
                self.heart.cancel()

    async def connect(self) -> None:
        watched = await database_sync_to_async(_watched)(self.scope)
        await self.accept()
        if watched is None:
            await database_sync_to_async(_note_refused)(self.scope)
            await self.close(CloseCode.NOT_ALLOWED)
            return
        deployment, self.is_handset = watched
        self.group = group_of(deployment.id)
        await self.channel_layer.group_add(self.group, self.channel_name)
        # No event is missed from here on. The browser now fetches what happened before.
        await self._say(Event.HELLO, str(deployment.id))
        if deployment.is_over:
            await self._say(Event.DEPLOYMENT_ENDED, str(deployment.id))
        self.heart = asyncio.create_task(self._beat())

    async def disconnect(self, code: int) -> None:
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def announcement(self, event: dict[str, Any]) -> None:
        if not self.is_handset or event["kind"].startswith("deployment."):
            await self._say(event["kind"], event["id"])
        elif event["kind"] in FOR_HANDSETS:
            await self._say(Event.STREET_CHANGED, "")

    async def _beat(self) -> None:
        """Send heartbeats, and close the socket once its user may no longer watch."""
        while True:
            await asyncio.sleep(BEAT_S)
            with contextlib.suppress(DatabaseFailure):
                if await _in_database(_watched)(self.scope) is None:
                    with contextlib.suppress(RuntimeError, OSError):
                        await self.close(CloseCode.NOT_ALLOWED)
                    return
            await self._say(Event.BEAT, "")

    async def _say(self, kind: str, subject_id: str) -> None:
        with contextlib.suppress(RuntimeError, OSError):
            await self.send(json.dumps({"kind": kind, "id": subject_id}))


def _note_refused(scope: Any) -> None:
    if scope["user"].is_authenticated:
        note_refused(scope["user"], "events", deployment_id=str(scope["url_route"]["kwargs"]["deployment_id"]))


def _watched(scope: Any) -> tuple[Deployment, bool] | None:
    """Return the deployment and whether the user is an officer with a handset; None if they may not watch it."""
    session, user = scope["session"], scope["user"]
    if not user.is_authenticated or not session_stands(session):
        return None
    # Fetched again: roles and accounts can change while a socket is open.
    user = get_user_model().objects.filter(pk=user.pk, is_active=True).first()
    if user is None or not user.has_perm(WATCH_ALERTS):
        return None
    found = Deployment.objects.visible_to(user).filter(pk=scope["url_route"]["kwargs"]["deployment_id"]).first()
    if found is None:
        return None
    sees_all = user.has_perm(DECIDE_ALERT) or user.has_perm(RUN_DEPLOYMENT)
    return found, not sees_all
