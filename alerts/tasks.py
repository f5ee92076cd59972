"""What Celery workers run: shells over the pipeline and the operations."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from celery import shared_task
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from alerts import operations
from alerts.frames import Frame, frame_source
from alerts.pipeline import NotLive, OtherEngine, read_frame
from deployments.events import send_to_channel
from recognition.imaging import UnreadableImage
from recognition.track import TrackSet
from watchlists.engine import engine

logger = logging.getLogger(__name__)

FRAME_TASK_LIFE_S = 2
LEAD = dt.timedelta(seconds=20)


def enqueue_frame(camera_id: str, turn: str) -> None:
    """Ask a worker to take this camera's newest frame. Only the camera's id and the turn travel in the message.

    Raises:
        kombu.exceptions.OperationalError: Valkey does not answer.
    """
    match_frame.apply_async((camera_id, turn), expires=FRAME_TASK_LIFE_S, retry=False)


@shared_task(name="alerts.match_frame", queue="frames", ignore_result=True, acks_late=False)
def match_frame(camera_id: str, turn: str) -> None:
    """Work on one camera's newest frame and answer the socket it came from."""
    source = frame_source()
    taken = source.take(camera_id, turn)
    tracks = ""
    try:
        if taken is not None:
            frame, before = taken
            answer, tracks = _answer(camera_id, frame, before)
            send_to_channel(frame.reply_to, answer)
    finally:
        following = source.done(camera_id, turn, tracks)
        if following is not None:
            enqueue_frame(camera_id, following)


def _answer(camera_id: str, frame: Frame, before: bytes | None) -> tuple[dict[str, Any], str]:
    """What the sender is told, and the tracks to leave for the next frame: empty, and those of before stay."""
    tracks, reading = TrackSet(), None
    reason = ""
    try:
        tracks = TrackSet.from_json(before)
        reading = read_frame(camera_id, frame, tracks, engine())
    except NotLive:
        return {"type": "frame.not_live"}, ""
    except UnreadableImage as error:
        return {"type": "frame.refused", "frame": frame.number, "reason": str(error)}, ""
    except OtherEngine:
        reason = "The recognition engine is not the one that was authorised."
    except (DatabaseError, InterfaceError) as error:
        logger.warning("The database did not answer: %s", type(error).__name__)
        reason = "The database does not answer."
    except Exception:
        # Every frame is answered. The traceback holds code and no pixels: nothing here puts data into messages.
        logger.exception("A frame could not be worked on")
        reason = "Recognition failed on this picture."
    if reading is None:
        return {"type": "frame.failed", "frame": frame.number, "reason": reason}, tracks.to_json()
    answer = {
        "type": "frame.read",
        "frame": frame.number,
        "boxes": reading.boxes,
        "new_faces": reading.new_faces,
        "engine_ms": reading.engine_ms,
    }
    return answer, tracks.to_json()


@shared_task(name="alerts.purge_due", queue="clock", ignore_result=True)
def purge_due() -> None:
    """Empty the alerts whose time has come."""
    # A little before the time, so that the limit itself is never passed between two ticks of the clock.
    count = operations.purge_due(at=timezone.now() + LEAD)
    if count:
        logger.info("Purged %d alerts", count)
