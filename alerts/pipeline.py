"""A frame to faces to possible matches: what a worker does with one JPEG.

Faces that match nobody live in this process's memory while the frame is worked on, and nowhere else.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from django.utils import timezone

from alerts import operations
from alerts.frames import Frame, FrameSource
from audit.errors import Refused
from deployments.models import Camera, Deployment
from recognition.crop import MARGIN, lone_face_crop
from recognition.detect import Face, FaceDetector
from recognition.engine import Engine
from recognition.imaging import Pixels, decode_frame, encode_jpeg
from recognition.quality import measure
from recognition.track import Box, Track, TrackSet, affinity
from watchlists.models import SealedTemplate
from watchlists.querysets import Candidate

# A single shot this far above the threshold needs no second one.
STRONG_MARGIN = 0.12
# Shots this far below the threshold are not remembered: they are not near anybody.
NEAR_MARGIN = 0.08


class NotLive(Exception):
    """The camera's deployment is not live, or its authority has ended."""


@dataclass(frozen=True)
class Reading:
    """What the sender of a frame is told: where faces are, how many are new, how long it took. Not who anybody is.

    boxes: left, top, width, height as shares of the frame's width and height.
    """

    boxes: list[list[float]]
    new_faces: int
    engine_ms: float


@dataclass
class _Sight:
    """One face of this frame, its track, and its embedding when it is worth one."""

    face: Face
    track: Track
    embedding: npt.NDArray[np.float32] | None = None
    candidates: list[Candidate] = field(default_factory=list)


@dataclass(frozen=True)
class _View:
    """What a sight was seen in."""

    camera: Camera
    frame: Frame
    pixels: Pixels
    engine: Engine


def read_frame(camera_id: str, frame: Frame, engine: Engine, source: FrameSource) -> Reading:
    """Detect, track, embed what adds something, search the sealed list, raise possible matches.

    Raises:
        NotLive: the deployment is not live at this moment.
        recognition.imaging.UnreadableImage: the frame is no whole JPEG.
    """
    camera = (
        Camera.objects.streaming_allowed(timezone.now())
        .select_related("deployment__watchlist", "deployment__operating_point__engine")
        .filter(pk=camera_id)
        .first()
    )
    if camera is None:
        raise NotLive
    started = time.perf_counter()
    pixels = decode_frame(frame.jpeg)
    faces = engine.detect(pixels, camera.smallest_face)
    tracks = TrackSet.from_json(source.tracks(camera_id))
    followed = tracks.update([face.box for face in faces], frame.moment)
    sights = [_Sight(face, track) for face, track in zip(faces, followed, strict=True)]
    _embed(pixels, sights, engine)
    spent = time.perf_counter() - started
    for sight in sights:
        if sight.embedding is not None:
            _search(sight, camera.deployment)
            _vote(sight, _View(camera, frame, pixels, engine))
    source.keep_tracks(camera_id, tracks.to_json())
    height, width = pixels.shape[:2]
    return Reading(
        boxes=[
            [round(f.x / width, 4), round(f.y / height, 4), round(f.width / width, 4), round(f.height / height, 4)]
            for f in faces
        ],
        new_faces=sum(track.hits == 2 for track in followed),
        engine_ms=round(spent * 1000, 1),
    )


def _bystanders(wanted: Face, view: _View) -> list[Box]:
    """Every other face around this one, those too small to be looked for included."""
    reach = max(wanted.width, wanted.height) * (1 + 2 * MARGIN)
    left, top = (max(int(middle - reach), 0) for middle in wanted.centre)
    right, bottom = (int(middle + reach) for middle in wanted.centre)
    around = np.ascontiguousarray(view.pixels[top:bottom, left:right])
    found = view.engine.detect(around, smallest_face=FaceDetector.SMALLEST_SEEN)
    boxes = [(face.x + left, face.y + top, face.width, face.height) for face in found]
    return [box for box in boxes if affinity(box, wanted.box) < 0.5]


def _embed(pixels: Pixels, sights: list[_Sight], engine: Engine) -> None:
    chosen = []
    for sight in sights:
        try:
            worth = measure(pixels, sight.face).worth()
        except ValueError:
            # Landmarks that coincide: this one is no face that could be read; the others of the frame are.
            continue
        if sight.track.wants_shot(worth):
            sight.track.note_shot(worth)
            chosen.append(sight)
    for sight, embedding in zip(chosen, engine.embed(pixels, [sight.face for sight in chosen]), strict=True):
        sight.embedding = embedding


def _search(sight: _Sight, deployment: Deployment) -> None:
    point = deployment.operating_point
    if point is None or sight.embedding is None:
        return
    nearest = SealedTemplate.objects.nearest(
        sight.embedding, watchlist_id=deployment.watchlist_id, engine_id=point.engine_id
    )
    sight.candidates = [candidate for candidate in nearest if candidate.score >= point.threshold - NEAR_MARGIN]


def _vote(sight: _Sight, view: _View) -> None:
    point = view.camera.deployment.operating_point
    if point is None:
        return
    for candidate in sight.candidates:
        name = str(candidate.person_id)
        sight.track.note_score(name, candidate.score)
        # The face shown to people is always one that is itself above the threshold.
        if candidate.score < point.threshold or name in sight.track.raised:
            continue
        if sight.track.voted(name, point.threshold, point.threshold + STRONG_MARGIN):
            _raise(candidate, sight, view)
            sight.track.raised.append(name)


def _raise(candidate: Candidate, sight: _Sight, view: _View) -> None:
    crop = lone_face_crop(view.pixels, sight.face.box, _bystanders(sight.face, view))
    sighting = operations.Sighting(
        track=sight.track.id,
        frame_number=view.frame.number,
        received_at=dt.datetime.fromtimestamp(view.frame.received_at, dt.UTC),
        box=sight.face.box,
        probe_jpeg=encode_jpeg(crop),
    )
    try:
        operations.raise_alert(view.camera, candidate, sighting)
    except Refused as refusal:
        raise NotLive from refusal
