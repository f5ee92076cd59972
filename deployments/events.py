"""Announcements to browsers and cameras that something changed: its kind and id, never its content."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
import uuid
from collections.abc import Coroutine
from typing import Any

from channels.layers import get_channel_layer
from django.db import transaction

from core.sockets import Event

logger = logging.getLogger(__name__)


def group_of(deployment_id: uuid.UUID) -> str:
    """Return the channel group of everyone who watches a deployment."""
    return f"deployment_{deployment_id.hex}"


def announce(deployment_id: uuid.UUID, kind: Event, subject_id: object) -> None:
    """Announce a change to the deployment's group, once the present transaction has committed."""
    message = {"type": "announcement", "kind": kind.value, "id": str(subject_id)}
    transaction.on_commit(functools.partial(_send_to_group, group_of(deployment_id), message))


def _send_to_group(group: str, message: dict[str, Any]) -> None:
    layer: Any = get_channel_layer()
    _outbox().send(layer.group_send(group, message))


class Outbox:
    """One event loop in a thread, through which a process sends all its messages.

    `async_to_sync` would start an event loop, and so a connection to Valkey, for every message.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="outbox", daemon=True).start()

    def send(self, message: Coroutine[Any, Any, None]) -> None:
        future = asyncio.run_coroutine_threadsafe(message, self._loop)
        future.add_done_callback(_log_failure)


def _log_failure(future: Any) -> None:
    error = future.exception()
    if error is not None:
        logger.warning("An event was not sent: %s", error)


@functools.lru_cache(maxsize=1)
def _outbox() -> Outbox:
    return Outbox()
