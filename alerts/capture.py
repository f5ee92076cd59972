"""The one way in for frames: browser, agent, simulator and load generator speak this socket (docs/protocol.md).

client -> server   binary: frame number (4 bytes, big-endian) + JPEG
server -> client   JSON: ready | read | dropped | refused_frame | problem | closing
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import math
import struct
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user_model
from django.db.utils import Error as DatabaseFailure
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from alerts.frames import Frame, FrameGate
from alerts.tasks import call_worker
from audit.access import session_stands
from audit.journal import Actor, System
from deployments import cameras
from deployments.events import group_of
from deployments.models import Camera
from recognition.imaging import MAX_FRAME_BYTES

NOT_SIGNED_IN, NOT_ALLOWED, NOT_LIVE, BUSY, MISUSE, OVER, NOT_READY = 4401, 4403, 4409, 4423, 4400, 4410, 1013
# One being worked on and one waiting: more in flight would only be replaced.
WINDOW = 2
# A frame without an answer for this long is lost: its worker died, or none is running.
PATIENCE_S = 2.5
BAD_FRAMES_IN_A_ROW = 20
TICK_S = 0.5
# How often the numbers go to the database: each time is a connection, which ten cameras would feel twice a second.
COUNT_EVERY_S = 2.0
# How soon a socket notices that its token or its user's role is gone.
CHECK_EVERY_S = 5.0


# One thread calls workers for every camera: a call takes it a third of a millisecond, and several would only wait for
# each other.
_calling = ThreadPoolExecutor(1, "calling")


class Pulse:
    """How one stream does, between two counts."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._latencies: list[float] = []
        self._light: Sequence[float] | None = None

    def note(self, latency_s: float, light: Sequence[float] | None) -> None:
        self._latencies.append(latency_s)
        self._light = light or self._light

    def health(self, counts: cameras.FrameCounts) -> cameras.Health:
        """Of the time since this was asked last."""
        now = time.monotonic()
        spent, self._since = max(now - self._since, 0.001), now
        latencies, self._latencies = sorted(self._latencies), []
        brightness, sharpness = self._light or (None, None)
        return cameras.Health(
            rate=counts.processed / spent,
            dropped=counts.dropped / max(counts.received, counts.dropped, 1),
            latency_ms=round(latencies[len(latencies) // 2] * 1000) if latencies else None,
            brightness=brightness,
            sharpness=sharpness,
        )


class Refusal(Exception):
    """This socket may not stream."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True)
class Admitted:
    """A camera that may stream, who streams it, and until when."""

    camera: Camera
    actor: Actor
    closes_at: dt.datetime


class CaptureConsumer(AsyncWebsocketConsumer):
    """Frames of one camera, while its deployment is live."""

    camera: Camera
    actor: Actor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gate = FrameGate()
        self.waiting: dict[int, float] = {}
        self.counts = cameras.FrameCounts()
        self.pulse = Pulse()
        self.bad_in_a_row = 0
        self.problem = ""
        self.open = False
        self.holds = False
        self.clocks: list[asyncio.Task[None]] = []
        self.closes_at = dt.datetime.min.replace(tzinfo=dt.UTC)
        self.closes_by = math.inf
        self.leaving = "the connection was lost"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # Channels tells a consumer that its peer is gone only when nothing was raised before. Leave anyway.
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._leave()

    async def connect(self) -> None:
        self.camera_id = str(self.scope["url_route"]["kwargs"]["camera_id"])
        await self.accept()
        try:
            self._keep(await database_sync_to_async(_admitted)(self.scope, self.camera_id))
            self.holds = await self.gate.hold(self.camera_id)
            if not self.holds:
                raise Refusal(BUSY, "This camera is already streaming from another place. Close that one first.")
            await self.gate.listen()
            await self.channel_layer.group_add(group_of(self.camera.period.deployment_id), self.channel_name)
            await database_sync_to_async(cameras.note_connected)(self.camera, actor=self.actor)
        except Refusal as refusal:
            await self._finish(refusal.code, str(refusal))
        except (RedisError, OSError, DatabaseFailure):
            await self._finish(NOT_READY, "The system is not ready. Trying again shortly.")
        else:
            self.open = True
            self.clocks = [asyncio.create_task(self._tick()), asyncio.create_task(self._listen())]
            await self._say(
                "ready",
                camera=self.camera.name,
                window=WINDOW,
                frame_bytes=MAX_FRAME_BYTES,
                frame_rate=self.camera.frame_rate,
            )

    def _keep(self, admitted: Admitted) -> None:
        self.camera, self.actor = admitted.camera, admitted.actor
        if admitted.closes_at != self.closes_at:
            self.closes_at = admitted.closes_at
            self.closes_by = time.monotonic() + (admitted.closes_at - timezone.now()).total_seconds()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not self.open:
            return
        if bytes_data is None or len(bytes_data) < 5:
            await self._bad_frame(0, "A frame is binary: its number in four bytes, then a JPEG.")
            return
        (number,) = struct.unpack_from(">I", bytes_data)
        if len(bytes_data) > MAX_FRAME_BYTES:
            await self._bad_frame(number, "A frame may have 2 MB at most.")
        elif bytes_data[4:6] != b"\xff\xd8":
            await self._bad_frame(number, "This frame is not a JPEG picture.")
        else:
            await self._take(number, bytes_data[4:])

    # What workers answer.

    async def _listen(self) -> None:
        while self.open:
            try:
                async for answer in self.gate.answers():
                    await self._hear(answer)
            except (RedisError, OSError):
                # The socket's clock says so; frames that were answered meanwhile are counted as lost.
                await asyncio.sleep(TICK_S)

    async def _hear(self, answer: dict[str, Any]) -> None:
        if answer["type"] == "not_live":
            await self._finish(NOT_LIVE, "Cameras are shut.")
            return
        since = self.waiting.get(answer["frame"], 0.0)
        if not await self._answered(answer["frame"]):
            return
        if answer["type"] == "refused":
            await self._bad_frame(answer["frame"], answer["reason"])
        elif answer["type"] == "failed":
            await self._lost(answer["frame"])
            await self._problem(answer["reason"])
        else:
            self.counts.processed += 1
            self.counts.faces += answer["new_faces"]
            self.pulse.note(time.monotonic() - since, answer.get("light"))
            self.bad_in_a_row = 0
            await self._problem("")
            await self._say("read", frame=answer["frame"], boxes=answer["boxes"], engine_ms=answer["engine_ms"])

    async def announcement(self, event: dict[str, Any]) -> None:
        if event["kind"] == "deployment.ended":
            await self._finish(OVER, "The deployment has ended.")
        elif event["kind"] == "deployment.shut":
            await self._finish(NOT_LIVE, "Cameras are shut for now.")

    # Frames.

    async def _take(self, number: int, jpeg: bytes) -> None:
        self.counts.received += 1
        self.waiting[number] = time.monotonic()
        try:
            frame = Frame(number, time.time(), time.monotonic(), self.gate.name, jpeg)
            if await self.gate.offer(self.camera_id, frame):
                await asyncio.get_running_loop().run_in_executor(_calling, call_worker)
        except (RedisError, OperationalError, OSError):
            if self.waiting.pop(number, None) is not None:
                await self._lost(number)
            await self._problem("The message broker does not answer.")

    async def _answered(self, number: int) -> bool:
        """Whether an answer was still waited for. Frames older than it have been replaced by it."""
        if self.waiting.pop(number, None) is None:
            return False
        for older in [waiting for waiting in self.waiting if waiting < number]:
            del self.waiting[older]
            await self._lost(older)
        return True

    async def _lost(self, number: int) -> None:
        self.counts.dropped += 1
        await self._say("dropped", frame=number)

    async def _bad_frame(self, number: int, reason: str) -> None:
        self.bad_in_a_row += 1
        await self._say("refused_frame", frame=number, reason=reason)
        if self.bad_in_a_row >= BAD_FRAMES_IN_A_ROW:
            await self._finish(MISUSE, f"{BAD_FRAMES_IN_A_ROW} frames in a row could not be read.")

    # The clock of this socket.

    async def _tick(self) -> None:
        checked = counted = time.monotonic()
        while self.open:
            await asyncio.sleep(TICK_S)
            # By both clocks: one that is set back makes no authority longer.
            if timezone.now() >= self.closes_at or time.monotonic() >= self.closes_by:
                await self._finish(OVER, "The time that cameras may be on is over.")
                return
            try:
                await self._keep_hold()
                await self._give_up_on_late_frames()
                if time.monotonic() - counted > COUNT_EVERY_S:
                    await self._count()
                    counted = time.monotonic()
                if time.monotonic() - checked > CHECK_EVERY_S:
                    # A token that was replaced, a user who signed out or lost the role: not until the next connection.
                    self._keep(await database_sync_to_async(_admitted)(self.scope, self.camera_id))
                    checked = time.monotonic()
            except Refusal as refusal:
                await self._finish(refusal.code, str(refusal))
            except (RedisError, OSError):
                await self._problem("The message broker does not answer.")
            except DatabaseFailure:
                await self._problem("The database does not answer.")

    async def _keep_hold(self) -> None:
        """Stay this camera's one source; after Valkey was restarted, become it again.

        Raises:
            Refusal: another socket has become it meanwhile.
        """
        if await self.gate.keep_hold(self.camera_id):
            return
        if not await self.gate.hold(self.camera_id):
            raise Refusal(BUSY, "This camera now streams from another place.")

    async def _give_up_on_late_frames(self) -> None:
        late = [number for number, since in self.waiting.items() if time.monotonic() - since > PATIENCE_S]
        for number in late:
            if self.waiting.pop(number, None) is not None:
                await self._lost(number)
        if late:
            await self._problem("No recognition worker answers.")

    async def _count(self) -> None:
        counts, self.counts = self.counts, cameras.FrameCounts()
        if counts == cameras.FrameCounts():
            return
        try:
            await database_sync_to_async(cameras.count_frames)(self.camera, counts, self.pulse.health(counts))
        except DatabaseFailure:
            # Nothing is lost while the database is away: the numbers wait for the next tick.
            for name, value in vars(counts).items():
                setattr(self.counts, name, getattr(self.counts, name) + value)
            raise

    # What the client is told. A peer that has just left is told nothing: uvicorn raises OSError, Channels RuntimeError.

    async def _say(self, kind: str, **details: Any) -> None:
        with contextlib.suppress(RuntimeError, OSError):
            await self.send(json.dumps({"type": kind, **details}))

    async def _problem(self, text: str) -> None:
        if text != self.problem:
            self.problem = text
            await self._say("problem", text=text)

    async def _finish(self, code: int, reason: str) -> None:
        self.open = False
        self.leaving = reason.rstrip(".")
        await self._give_up_hold()
        await self._say("closing", code=code, reason=reason)
        with contextlib.suppress(RuntimeError, OSError):
            await self.close(code)

    async def _leave(self) -> None:
        """Give back what this socket held, whatever ended it."""
        was_streaming = bool(self.clocks)
        self.open = False
        for clock in self.clocks:
            clock.cancel()
        await self._give_up_hold()
        if was_streaming:
            with contextlib.suppress(DatabaseFailure):
                await self._count()
            with contextlib.suppress(DatabaseFailure):
                note = database_sync_to_async(cameras.note_disconnected)
                await note(self.camera, actor=self.actor, reason=self.leaving)
        with contextlib.suppress(RedisError, OSError):
            await self.gate.close()

    async def _give_up_hold(self) -> None:
        if self.holds:
            self.holds = False
            with contextlib.suppress(RedisError, OSError):
                await self.gate.release(self.camera_id)
            with contextlib.suppress(RedisError, OSError):
                await self.channel_layer.group_discard(group_of(self.camera.period.deployment_id), self.channel_name)


def _admitted(scope: Any, camera_id: str) -> Admitted:
    """For a signed-in user who may, or an agent with this camera's own token.

    Asked of the database each time, so that it can be asked again while the socket is open.

    Raises:
        Refusal: neither, or the deployment is not live.
    """
    found = Camera.objects.select_related("period__deployment").filter(pk=camera_id)
    token = _bearer_token(scope)
    actor: Actor
    if token:
        camera = found.with_token(token).first()
        if camera is None:
            raise Refusal(NOT_ALLOWED, "This token is not this camera's, or it was replaced.")
        actor = System(f"agent of {camera.journal_name}")
    else:
        user = _signed_in(scope)
        camera = found.visible_to(user).first()
        if camera is None or not user.has_perm("deployments.operate_camera"):
            raise Refusal(NOT_ALLOWED, "You may not stream this camera.")
        actor = user
    if camera.deployment.is_over or camera.period.ended_at is not None:
        raise Refusal(OVER, "The deployment, or this period of it, has ended.")
    closes_at = camera.period.closes_at()
    if closes_at is None:
        raise Refusal(NOT_LIVE, "The deployment is not live: cameras are closed.")
    return Admitted(camera, actor, closes_at)


def _signed_in(scope: Any) -> Any:
    session = scope["session"]
    user = scope["user"]
    if user.is_authenticated and session_stands(session):
        fresh = get_user_model().objects.filter(pk=user.pk, is_active=True).first()
        if fresh is not None:
            return fresh
    raise Refusal(NOT_SIGNED_IN, "Sign in first.")


def _bearer_token(scope: Any) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization" and value.startswith(b"Bearer "):
            return str(value[7:].decode("latin-1").strip())
    return ""
