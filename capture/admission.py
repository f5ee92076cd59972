"""Admission of a camera's socket, checked when it opens and again while it is open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from django.contrib.auth import get_user_model

from audit.refusals import note_refused
from capture.answers import NOT_LIVE
from core.actors import Actor, System
from core.permissions import session_stands
from core.sockets import CloseCode
from deployments.models import Camera
from deployments.permissions import OPERATE_CAMERA

# Threads for admitted cameras only, so that other work in the database does not delay frames.
_threads = ThreadPoolExecutor(2, "cameras")


def in_database(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Return an awaitable version of the function, which runs in the threads for admitted cameras."""
    return database_sync_to_async(function, thread_sensitive=False, executor=_threads)


class Refusal(Exception):
    """The socket may not stream. code: the code that it is closed with."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True)
class Admitted:
    """A camera that may stream, the actor that streams it, and until when."""

    camera: Camera
    actor: Actor
    closes_at: dt.datetime


def admitted(scope: Any, camera_id: str) -> Admitted:
    """Admit a signed-in user who may stream this camera, or an agent with the camera's own token.

    The database is asked each time, so that this can be repeated while the socket is open.

    Raises:
        Refusal: it is neither of these, or the deployment is not live.
    """
    found = Camera.objects.select_related("period__deployment").filter(pk=camera_id)
    token = _bearer_token(scope)
    actor: Actor
    if token:
        camera = found.with_token(token).first()
        if camera is None:
            raise Refusal(CloseCode.NOT_ALLOWED, "This token is not this camera's, or it has been replaced.")
        actor = System(f"agent of {camera.journal_name}")
    else:
        user = _signed_in(scope)
        camera = found.visible_to(user).first()
        if camera is None or not user.has_perm(OPERATE_CAMERA):
            note_refused(user, "camera-socket", camera_id=str(camera_id))
            raise Refusal(CloseCode.NOT_ALLOWED, "You do not have permission to stream from this camera.")
        actor = user
    if camera.deployment.is_over or camera.period.ended_at is not None:
        raise Refusal(CloseCode.OVER, "The deployment, or this period of it, has ended.")
    closes_at = camera.period.closes_at()
    if closes_at is None:
        raise Refusal(CloseCode.NOT_LIVE, NOT_LIVE)
    return Admitted(camera, actor, closes_at)


def _signed_in(scope: Any) -> Any:
    session = scope["session"]
    user = scope["user"]
    if user.is_authenticated and session_stands(session):
        fresh = get_user_model().objects.filter(pk=user.pk, is_active=True).first()
        if fresh is not None:
            return fresh
    raise Refusal(CloseCode.NOT_SIGNED_IN, "Sign in to stream from this camera.")


def _bearer_token(scope: Any) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization" and value.startswith(b"Bearer "):
            return str(value[7:].decode("latin-1").strip())
    return ""
