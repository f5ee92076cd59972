"""The socket for frames, used by browsers, agents, the simulator and the load generator.

docs/reference/camera-protocol.md describes the protocol; `core.sockets` has its words.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import logging
import math
import struct
import time
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db.utils import Error as DatabaseFailure
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from capture import answers
from capture.admission import Admitted, Refusal, admitted, in_database
from capture.answers import FrameFailed, FrameRead, FrameRefused, NotLiveAnswer, Send
from capture.camera_clock import CameraClock
from capture.frame_queue import Frame, FrameGate
from capture.in_flight import FramesInFlight
from capture.pacer import call_worker_soon, pacer
from capture.telemetry import StreamTelemetry
from core.actors import Actor
from core.liveness import liveness
from core.sockets import CameraMessage, CloseCode, Event
from deployments import cameras
from deployments.events import group_of
from deployments.models import Camera
from recognition.camera_jpeg import MAX_FRAME_BYTES, check_frame
from recognition.imaging import UnreadableImage

logger = logging.getLogger(__name__)

# A frame without an answer for this long counts as lost: its worker died, or none is running.
PATIENCE_S = 2.5
BAD_FRAMES_IN_A_ROW, TICK_S = 20, 0.5
# How often counts are written to the database. Each write takes a connection, so twice a second would be too often.
COUNT_EVERY_S = 2.0
# How soon a socket notices that its token or its user's role has been revoked.
CHECK_EVERY_S = 5.0
# A camera joins the queue after this share of its interval: early enough to be asked for the picture that is due next,
# late enough that no worker waits for a picture that does not exist yet.
BEFORE_DUE = 0.7


class CaptureConsumer(AsyncWebsocketConsumer):
    """The socket of one camera, which takes frames while its deployment is live."""

    camera: Camera
    actor: Actor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gate = FrameGate()
        self.waiting = FramesInFlight()
        self.counts = cameras.FrameCounts()
        self.telemetry = StreamTelemetry()
        self.clock = CameraClock()
        # When the camera joined the queue, and when it was asked for a frame that has not come yet (monotonic seconds).
        self.wanted_at: float | None = None
        self.asked_at: float | None = None
        # The newest frame that was sent without a request.
        self.kept: tuple[int, bytes] | None = None
        self.may_send = False
        self.bad_in_a_row = 0
        self.problem = ""
        self.open = False
        self.group = ""
        self.clocks: list[asyncio.Task[None]] = []
        self.wanting: asyncio.Task[None] | None = None
        self.counting: asyncio.Task[None] | None = None
        self.closes_at = dt.datetime.min.replace(tzinfo=dt.UTC)
        self.closes_by = math.inf
        self.leaving = "the connection was lost"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # Channels calls `disconnect` only if nothing was raised before, so clean up here.
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._leave()

    async def connect(self) -> None:
        self.camera_id = str(self.scope["url_route"]["kwargs"]["camera_id"])
        await self.accept()
        try:
            # Not in the threads that are reserved for admitted cameras.
            self._keep(await database_sync_to_async(admitted)(self.scope, self.camera_id))
            if not await self.gate.hold(self.camera_id):
                raise Refusal(CloseCode.BUSY, "This camera is streaming from another place. Close that stream first.")
            await self.gate.listen()
            self.group = group_of(self.camera.period.deployment_id)
            await self.channel_layer.group_add(self.group, self.channel_name)
            await in_database(cameras.note_connected)(self.camera, actor=self.actor)
        except Refusal as refusal:
            await self._finish(refusal.code, str(refusal))
        except (RedisError, OSError, DatabaseFailure):
            await self._finish(CloseCode.NOT_READY, answers.NOT_READY)
        else:
            self.open = True
            self.clocks = [asyncio.create_task(each) for each in (self._tick(), self._check_again(), self._listen())]
            for clock in self.clocks:
                clock.add_done_callback(self._end_with)
            about = {"camera": self.camera.name, "frame_rate": self.camera.frame_rate}
            await self._say(CameraMessage.READY, **about, frame_bytes=MAX_FRAME_BYTES)
            await self._say(CameraMessage.CLOCK, id=self.clock.ask())
            await self._want()

    def _keep(self, admitted: Admitted) -> None:
        self.camera, self.actor = admitted.camera, admitted.actor
        if admitted.closes_at != self.closes_at:
            self.closes_at = admitted.closes_at
            self.closes_by = time.monotonic() + (admitted.closes_at - timezone.now()).total_seconds()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not self.open:
            return
        if text_data is not None and (is_answer := self.clock.hear(text_data)) is not None:
            if is_answer:
                await self._go_on_with_clock()
            return
        may_send, self.may_send = self.may_send, False
        if bytes_data is None or len(bytes_data) < 5:
            await self._bad_frame(0, "A frame must be binary: its number in four bytes, then a JPEG.")
            self._want_later()
            return
        (number,) = struct.unpack_from(">I", bytes_data)
        self.counts.passed_over += self.telemetry.note_arrival(number, self.asked_at)
        self.asked_at = None
        try:
            check_frame(bytes_data[4:])
        except UnreadableImage as error:
            await self._bad_frame(number, str(error))
            self._want_later()
        else:
            await (self._take if may_send else self._keep_for_later)(number, bytes_data[4:])

    # The sender's clock.

    async def _go_on_with_clock(self) -> None:
        """Ask for the camera's time again, or store the offset once there are enough answers."""
        offset = self.clock.result()
        if offset is None:
            await self._say(CameraMessage.CLOCK, id=self.clock.ask())
        else:
            # An offset is uncertain by half of the shortest trip.
            await self._say(CameraMessage.LINE, round_trip_ms=round(2 * offset.uncertainty_ms, 1))
            with contextlib.suppress(DatabaseFailure):
                await in_database(cameras.note_clock)(self.camera, offset)

    # Turns to send.

    async def _want(self) -> None:
        """Join the queue of cameras that wait to send, unless the camera may send already."""
        if not self.open or self.may_send or self.waiting:
            return
        self.wanted_at = self.wanted_at or time.monotonic()
        pacer.add(self.gate)
        try:
            if await self.gate.want(self.camera_id, self.telemetry.transit_s * 1000):
                await call_worker_soon()
        except (RedisError, OperationalError, OSError):
            # `_tick` tries again.
            await self._problem(answers.NO_BROKER)

    def _want_later(self) -> None:
        """Join the queue once the camera's next picture is nearly due."""
        if self.wanting is None or self.wanting.done():
            self.wanting = asyncio.create_task(self._want_when_due())

    async def _want_when_due(self) -> None:
        await asyncio.sleep(self.telemetry.due_in_s(BEFORE_DUE))
        await self._want()

    async def _may_send(self, *, was_asked: bool) -> None:
        now = time.monotonic()
        if self.wanted_at is not None:
            self.telemetry.note_turn(now - self.wanted_at)
        self.wanted_at, self.may_send = None, True
        pacer.remove(self.gate)
        kept, self.kept = self.kept, None
        if kept is not None:
            self.may_send = False
            await self._take(*kept)
            return
        # Without a request the camera sends when its picture is due, so the delay says nothing about its line.
        self.asked_at = now if was_asked else None
        await self._say(CameraMessage.SEND)

    # Answers from workers.

    async def _listen(self) -> None:
        while self.open:
            try:
                async for answer, at_once in self.gate.answers():
                    if isinstance(answer, Send):
                        await self._may_send(was_asked=True)
                    else:
                        await self._hear(answer)
                        await self._go_on(at_once=at_once)
            except (RedisError, OSError):
                # `_tick` reports this. Frames that were answered in the meantime are counted as lost.
                await asyncio.sleep(TICK_S)

    async def _go_on(self, *, at_once: bool) -> None:
        """After an answer, request the next frame at once if no camera waits; otherwise join the queue."""
        if not self.open or self.may_send or self.waiting:
            return
        if at_once:
            await self._may_send(was_asked=False)
        else:
            self._want_later()

    async def _hear(self, answer: FrameRead | FrameRefused | FrameFailed | NotLiveAnswer) -> None:
        if isinstance(answer, NotLiveAnswer):
            await self._finish(CloseCode.NOT_LIVE, answers.NOT_LIVE)
            return
        waited = self.waiting.answer(answer.frame)
        if waited is None:
            return
        held_s, replaced = waited
        for older in replaced:
            await self._lost(older)
        if isinstance(answer, FrameRefused):
            await self._bad_frame(answer.frame, answer.reason)
        elif isinstance(answer, FrameFailed):
            await self._lost(answer.frame)
            await self._problem(answer.reason)
        else:
            await self._read(answer, held_s)

    async def _read(self, answer: FrameRead, held_s: float) -> None:
        self.counts.processed += 1
        self.counts.faces += answer.new_faces
        self.telemetry.note_answer(held_s, answer.light)
        self.bad_in_a_row = 0
        await self._problem("")
        about = {"boxes": answer.boxes, "engine_ms": answer.engine_ms, "held_ms": round(held_s * 1000, 1)}
        await self._say(CameraMessage.READ, frame=answer.frame, **about)

    async def announcement(self, event: dict[str, Any]) -> None:
        if event["kind"] == Event.DEPLOYMENT_ENDED:
            await self._finish(CloseCode.OVER, "The deployment has ended.")
        elif event["kind"] == Event.DEPLOYMENT_NOT_LIVE:
            await self._finish(CloseCode.NOT_LIVE, answers.NOT_LIVE)

    # Frames.

    async def _keep_for_later(self, number: int, jpeg: bytes) -> None:
        """Keep a frame that was not requested until the camera's turn, or until a newer one replaces it."""
        replaced, self.kept = self.kept, (number, jpeg)
        if replaced is not None:
            await self._lost(replaced[0])
        await self._want()

    async def _take(self, number: int, jpeg: bytes) -> None:
        self.counts.received += 1
        self.waiting.add(number)
        try:
            wants_light = self.telemetry.light_is_due()
            frame = Frame(number, time.time(), time.monotonic(), self.gate.name, jpeg, wants_light)
            if await self.gate.offer(self.camera_id, frame):
                await call_worker_soon()
        except (RedisError, OperationalError, OSError):
            if self.waiting.drop(number):
                await self._lost(number)
            await self._problem(answers.NO_BROKER)

    async def _lost(self, number: int) -> None:
        self.counts.dropped += 1
        await self._say(CameraMessage.DROPPED, frame=number)

    async def _bad_frame(self, number: int, reason: str) -> None:
        self.bad_in_a_row += 1
        await self._say(CameraMessage.REFUSED_FRAME, frame=number, reason=reason)
        if self.bad_in_a_row >= BAD_FRAMES_IN_A_ROW:
            await self._finish(CloseCode.MISUSE, f"{BAD_FRAMES_IN_A_ROW} frames in a row could not be read.")

    # Periodic work.

    async def _tick(self) -> None:
        while self.open:
            await asyncio.sleep(TICK_S)
            # By both clocks: setting the system clock back must not extend the authority.
            if timezone.now() >= self.closes_at or time.monotonic() >= self.closes_by:
                await self._finish(CloseCode.OVER, "The period, the authority or the recognition test has ended.")
                return
            try:
                if not await self.gate.keep_hold():
                    raise Refusal(CloseCode.BUSY, "This camera is now streaming from another place.")
                await self._give_up_on_late_frames()
                await self._want()
            except Refusal as refusal:
                await self._finish(refusal.code, str(refusal))
            except (RedisError, OSError):
                await self._problem(answers.NO_BROKER)

    async def _check_again(self) -> None:
        """Do the periodic work that needs the database, apart from `_tick`, which a slow database must not delay."""
        checked = time.monotonic()
        while self.open:
            await asyncio.sleep(COUNT_EVERY_S)
            try:
                await self._count()
                if time.monotonic() - checked > CHECK_EVERY_S:
                    # A replaced token, a sign-out or a lost role takes effect now, not only at the next connection.
                    self._keep(await in_database(admitted)(self.scope, self.camera_id))
                    checked = time.monotonic()
                if self.clock.is_due():
                    await self._say(CameraMessage.CLOCK, id=self.clock.ask())
            except Refusal as refusal:
                await self._finish(refusal.code, str(refusal))
            except DatabaseFailure:
                await self._problem("The database is not responding.")

    def _end_with(self, task: asyncio.Task[None]) -> None:
        """Close the socket when one of its tasks has failed."""
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A camera's socket failed", exc_info=error)
            finishing = self._finish(CloseCode.NOT_READY, answers.NOT_READY)
            self.clocks.append(asyncio.get_running_loop().create_task(finishing))

    async def _give_up_on_late_frames(self) -> None:
        late = self.waiting.late(PATIENCE_S)
        for number in late:
            await self._lost(number)
        if late:
            await self._problem(answers.TOO_LATE if liveness.count("frames") else answers.NO_WORKER)

    async def _count(self) -> None:
        """Write the counts since the last call. A write that has begun is completed even if this task is cancelled."""
        counts, self.counts = self.counts, cameras.FrameCounts()
        if counts != cameras.FrameCounts():
            self.counting = asyncio.create_task(self._write(counts))
            await asyncio.shield(self.counting)

    async def _write(self, counts: cameras.FrameCounts) -> None:
        try:
            health = self.telemetry.health(counts, is_waiting=self.wanted_at is not None)
            await in_database(cameras.count_frames)(self.camera, counts, health)
        except DatabaseFailure:
            # While the database is unavailable, the counts are kept for the next write.
            self.counts.add(counts)
            raise

    # Messages to the client. If it has just left, uvicorn raises OSError and Channels RuntimeError.

    async def _say(self, kind: CameraMessage, **details: Any) -> None:
        with contextlib.suppress(RuntimeError, OSError):
            await self.send(json.dumps({"type": kind.value, **details}))

    async def _problem(self, text: str) -> None:
        if text != self.problem:
            self.problem = text
            await self._say(CameraMessage.PROBLEM, text=text)

    async def _finish(self, code: CloseCode, reason: str) -> None:
        self.open = False
        self.leaving = reason.rstrip(".")
        await self._give_up_hold()
        await self._say(CameraMessage.CLOSING, code=code, reason=reason)
        with contextlib.suppress(RuntimeError, OSError):
            await self.close(code)

    async def _leave(self) -> None:
        """Release what this socket held, however it ended."""
        was_streaming = bool(self.clocks)
        self.open = False
        pacer.remove(self.gate)
        tasks = [*self.clocks, *([self.wanting] if self.wanting else [])]
        for task in tasks:
            task.cancel()
        await self._give_up_hold()
        await asyncio.gather(*tasks, return_exceptions=True)
        if was_streaming:
            if self.counting is not None:
                await asyncio.wait({self.counting})
            with contextlib.suppress(DatabaseFailure):
                await self._count()
            with contextlib.suppress(DatabaseFailure):
                await in_database(cameras.note_disconnected)(self.camera, actor=self.actor, reason=self.leaving)
        with contextlib.suppress(RedisError, OSError):
            await self.gate.close()

    async def _give_up_hold(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self.gate.release()
        with contextlib.suppress(RedisError, OSError):
            if self.group:
                await self.channel_layer.group_discard(self.group, self.channel_name)
