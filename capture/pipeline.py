"""The pipeline from a frame to possible matches: what a worker does with one JPEG.

Faces that match nobody exist only in this process's memory, and only while the frame is processed.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Sequence

from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from alerts import raising
from alerts.places import Place
from capture.answers import FrameRead
from capture.frame_queue import Frame, frame_source
from capture.picture_telemetry import measure_picture
from core.errors import Refused
from deployments.frame_terms import FrameTerms, frame_terms
from recognition.camera_jpeg import decode_frame
from recognition.crop import REACH, lone_face_crop
from recognition.detect import Face
from recognition.engine import Engine
from recognition.frame import FrameResult, Match, process_frame
from recognition.imaging import Pixels, encode_jpeg
from recognition.track import Box, TrackSet, affinity
from watchlists.gallery import SealedLists


class NotLive(Exception):
    """The camera's deployment is not live, or its authority has ended."""


class OtherEngine(Exception):
    """The engine is not the authorised one: its scores would mean nothing against this watchlist."""


def read_frame(camera_id: str, frame: Frame, tracks: TrackSet, engine: Engine) -> FrameRead:
    """Process a frame and raise its possible matches. tracks: the camera's; changed in place.

    Raises:
        NotLive: the deployment is not live at this moment.
        OtherEngine: this process runs an engine other than the one the watchlist was sealed for.
        recognition.imaging.UnreadableImage: the frame is not a whole JPEG.
    """
    terms = _terms(camera_id)
    if terms is None:
        raise NotLive
    if terms.engine != engine.identity:
        raise OtherEngine
    started = time.perf_counter()
    pixels = decode_frame(frame.jpeg)
    seen = process_frame(
        pixels,
        frame.moment,
        tracks,
        engine=engine,
        gallery=SealedLists(terms.watchlist_ids, terms.engine_id),
        threshold=terms.threshold,
        smallest_face=terms.smallest_face,
        area=terms.area,
    )
    spent = time.perf_counter() - started
    if seen.still_there:
        people = {uuid.UUID(person) for track in seen.still_there for person in track.raised}
        raising.note_still_there(uuid.UUID(camera_id), people, _received_at(frame))
    if seen.matches:
        _raise(seen, uuid.UUID(camera_id), frame, pixels, engine)
    height, width = pixels.shape[:2]
    return FrameRead(
        frame=frame.number,
        boxes=[
            [round(f.x / width, 4), round(f.y / height, 4), round(f.width / width, 4), round(f.height / height, 4)]
            for f in seen.faces
        ],
        new_faces=seen.new_faces,
        engine_ms=round(spent * 1000, 1),
        light=measure_picture(camera_id, pixels, engine, frame_source()) if frame.wants_light else None,
    )


def _terms(camera_id: str) -> FrameTerms | None:
    try:
        return frame_terms(camera_id, at=timezone.now())
    except (OperationalError, InterfaceError):
        # The connection broke since this worker's last frame (a restarted server): try once more on a new one.
        close_old_connections()
        return frame_terms(camera_id, at=timezone.now())


def _raise(seen: FrameResult, camera_id: uuid.UUID, frame: Frame, pixels: Pixels, engine: Engine) -> None:
    found = [(each.candidate, _probe(each, seen.detected, frame, pixels, engine)) for each in seen.matches]
    try:
        stored = raising.raise_alerts(camera_id, found)
    except Refused as refusal:
        raise NotLive from refusal
    for position, match in enumerate(seen.matches):
        # A track that is stood down stays open: somebody may pass in front of a poster, and the track go with them.
        if position not in stored.stood_down:
            match.settled()


def _probe(match: Match, detected: Sequence[Face], frame: Frame, pixels: Pixels, engine: Engine) -> raising.Probe:
    bystanders = _bystanders(match.face, detected, pixels, engine)
    crop = lone_face_crop(pixels, match.face.box, bystanders, landmarks=match.face.landmarks)
    height, width = pixels.shape[:2]
    return raising.Probe(
        track=match.track.id,
        frame_number=frame.number,
        received_at=_received_at(frame),
        box=match.face.box,
        place=Place.of_box(match.face.box, width, height),
        probe_jpeg=encode_jpeg(crop),
        heading=match.track.heading,
    )


def _received_at(frame: Frame) -> dt.datetime:
    return dt.datetime.fromtimestamp(frame.received_at, dt.UTC)


def _bystanders(wanted: Face, detected: Sequence[Face], pixels: Pixels, engine: Engine) -> list[Box]:
    """Return the boxes of other faces that may lie partly in this one's crop, including those too small to be matched.

    Larger faces were detected in the whole frame. Smaller ones are detected near this face.
    """
    near = engine.detect_around(pixels, wanted.centre, max(wanted.width, wanted.height) * REACH)
    return [face.box for face in (*detected, *near) if affinity(face.box, wanted.box) < 0.5]
