"""Known-negative checks: a consenting member of staff beside a subject whom they resemble.

Where the force wants them, they are planted now and then among possible matches, so that operators are measured on
pictures whose answer is certain. They are never referred to officers and count only in the operator's own figures.
"""

from __future__ import annotations

import datetime as dt
import random
import uuid

import cv2
import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from alerts.models import Alert
from alerts.places import Place
from alerts.raising import Admitted, Probe, new_alert, photograph_of
from audit.actions import Action
from audit.journal import record
from core.actors import CLOCK
from core.sockets import Event
from deployments.events import announce
from deployments.frame_terms import frame_terms
from deployments.locks import lock_deployment
from deployments.models import Period
from recognition.crop import lone_face_crop
from recognition.frame import Candidate
from recognition.imaging import Pixels, decode_stored, encode_jpeg
from watchlists.models import Photograph, SealedTemplate

# Pixels. A passer-by's face is about this wide in a camera's picture; a larger one would give the check away.
FACE_WIDTH = 64
_chance = random.SystemRandom()


def plant_due(*, since_last: dt.timedelta, at: dt.datetime | None = None) -> int:
    """Plant known-negative checks at random moments, on average one in `LFR_CONTROL_EVERY`. Return how many.

    since_last: the time since the previous call.
    """
    if not settings.LFR_CONTROL_EVERY:
        return 0
    now = at or timezone.now()
    running = Period.objects.filter(
        deployment__state="live", went_live_at__isnull=False, ended_at__isnull=True, blue_list__isnull=False
    )
    count = 0
    for period in running.select_related("deployment__operating_point", "watchlist", "blue_list"):
        if _chance.random() < since_last / settings.LFR_CONTROL_EVERY:
            count += plant(period, at=now) is not None
    return count


@transaction.atomic
def plant(period: Period, *, at: dt.datetime | None = None) -> Alert | None:
    """Plant one known-negative check in a period. Return None if another is waiting or none can be made."""
    now = at or timezone.now()
    lock_deployment(period.deployment)
    waiting = Alert.objects.filter(camera__period=period, kind=Alert.Kind.CONTROL).undecided()
    cameras = [camera for camera in period.cameras.select_related("period__deployment") if camera.is_streaming]
    staff = list(Photograph.objects.filter(person__watchlist=period.blue_list_id).select_related("person"))
    if waiting.exists() or not cameras or not staff or not period.is_open(now):
        return None
    photograph = _chance.choice(staff)
    camera = _chance.choice(cameras)
    candidate, terms = _resembled(photograph, period), frame_terms(camera.pk, at=now)
    if candidate is None or terms is None:
        return None
    # As long ago as a frame takes to become an alert.
    received_at = now - dt.timedelta(milliseconds=_chance.uniform(55, 160))
    left, top, width, height = photograph.face_box
    face = encode_jpeg(as_a_camera_sees(photograph))
    probe = Probe(uuid.uuid4().hex, 0, received_at, (left, top, width, height), Place(0.0, 0.0, 1.0, 1.0), face)
    near, score = photograph_of(candidate), candidate.score
    alert = new_alert(Alert.Kind.CONTROL, Admitted(camera, terms, now), near, score, probe)
    record(Action.CONTROL_PLANTED, actor=CLOCK, target=alert, data={"period": str(period.pk)})
    announce(alert.deployment_id, Event.ALERT_RAISED, alert.pk)
    return alert


def _resembled(photograph: Photograph, period: Period) -> Candidate | None:
    """Return the subject most similar to a member of staff: the hardest pair makes the best test."""
    watchlist = period.watchlist
    own = SealedTemplate.objects.filter(photograph=photograph).first()
    if own is None or watchlist is None or watchlist.engine_id is None:
        return None
    (near,) = SealedTemplate.objects.nearest(
        [np.asarray(own.embedding, np.float32)], watchlist_ids=[watchlist.pk], engine_id=watchlist.engine_id
    )
    return near[0] if near else None


def as_a_camera_sees(photograph: Photograph) -> Pixels:
    """Return the face of a photograph, as small as a camera sees it and cropped like a probe."""
    pixels = decode_stored(photograph.jpeg)
    scale = min(FACE_WIDTH / photograph.face_box[2], 1.0)
    small = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    left, top, width, height = (value * scale for value in photograph.face_box)
    landmarks = None if photograph.landmarks is None else np.array(photograph.landmarks, np.float32) * np.float32(scale)
    return lone_face_crop(small, (left, top, width, height), landmarks=landmarks)
