"""The Celery task that processes frames with the frame queue and the pipeline."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from celery import shared_task
from django.db import DatabaseError, InterfaceError

from capture.answers import Answer, FrameFailed, FrameRefused, NotLiveAnswer
from capture.frame_queue import Turn, frame_source
from capture.frame_scripts import CALL_LIFE_S
from capture.pipeline import NotLive, OtherEngine, read_frame
from capture.turn_keeper import turn_keeper
from recognition.imaging import UnreadableImage
from recognition.track import TrackSet
from watchlists.engine import engine

logger = logging.getLogger(__name__)

# How long a worker processes frames before it returns to Celery, which may stop it and needs a sign that it is alive.
BATCH_S = 0.2


def call_worker() -> None:
    """Call a worker. The message is empty, because the frame queue knows which frames are ready.

    It is sent over this thread's own connection, with a bounded wait: other use of the broker does not delay it.

    Raises:
        kombu.exceptions.OperationalError: Valkey is not responding.
    """
    match_frames.apply_async(expires=CALL_LIFE_S, retry=False, producer=_own_producer())


def _own_producer() -> Any:
    """Return this thread's producer, on its own connection. CELERY_BROKER_TRANSPORT_OPTIONS bounds its waits."""
    if not hasattr(_own, "producer"):
        celery = match_frames.app
        _own.producer = celery.amqp.Producer(celery.connection_for_write())
    return _own.producer


_own = threading.local()


@shared_task(name="capture.match_frames", queue="frames", ignore_result=True, acks_late=False)
def match_frames() -> None:
    """Process frames while there are any, each camera's newest, and answer the sockets they came from."""
    source = frame_source()
    until = time.monotonic() + BATCH_S
    turn, calling = source.take()
    while turn is not None:
        if calling:
            call_worker()
        began = time.monotonic()
        with turn_keeper().keeping(turn):
            answer, tracks = _answer(turn)
        now = time.monotonic()
        turn, calling = source.done(turn, answer, tracks, took_ms=(now - began) * 1000, going_on=now < until)
    if calling:
        call_worker()


def _answer(turn: Turn) -> tuple[Answer, str]:
    """Return the answer to the sender, and the tracks for the next frame. If empty, the earlier ones stay."""
    frame, tracks = turn.frame, TrackSet()
    try:
        tracks = TrackSet.from_json(turn.tracks)
        answer: Answer = read_frame(turn.camera_id, frame, tracks, engine())
    except NotLive:
        return NotLiveAnswer(), ""
    except UnreadableImage as error:
        return FrameRefused(frame.number, str(error)), ""
    except OtherEngine:
        answer = FrameFailed(frame.number, "The recognition engine is not the one that was authorised.")
    except (DatabaseError, InterfaceError) as error:
        logger.warning("The database is not responding: %s", type(error).__name__)
        answer = FrameFailed(frame.number, "The database is not responding.")
    except Exception:
        # Every frame must be answered. The traceback holds code but no pixels: nothing here puts data into messages.
        logger.exception("A frame could not be processed")
        answer = FrameFailed(frame.number, "Recognition failed on this frame.")
    return answer, tracks.to_json()
