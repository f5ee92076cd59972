"""Acts on cameras: tokens, zones, limits, connections and counts of frames."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.actors import Actor, System
from core.errors import Conflict, Refused
from core.machine import JournalData, move
from core.permissions import require
from core.sockets import Event
from deployments import executable, plans
from deployments.events import announce
from deployments.locks import lock_deployment
from deployments.models import OVER, STEPS, Camera, Deployment, Period
from deployments.offsets import Offset
from deployments.permissions import MANAGE_CAMERAS
from deployments.querysets import token_digest
from deployments.terms import CameraTerms
from watchlists.operations import refuse_names_on_file

WIDER = "This is wider than was authorised. The authorising officer can amend the authority on the deployment's page."
MOST_EXCLUDED = 8


@dataclass
class FrameCounts:
    """Frames of one camera since the last count: numbers only, no personal data.

    passed_over: frames that were due but not sent, because it was not the camera's turn yet or its connection was slow.
    dropped: frames that were sent but not read.
    """

    received: int = 0
    processed: int = 0
    dropped: int = 0
    faces: int = 0
    passed_over: int = 0

    def add(self, others: FrameCounts) -> None:
        """Add the counts of others to these."""
        for name, value in vars(others).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Health:
    """The present health of a camera.

    rate: frames read per second. dropped: share of the frames due that were not read. latency_ms: from a frame's
    arrival to its answer. brightness, sharpness: of its picture. due_rate: frames due per second. turn_wait_ms: the
    wait until it may send. line_ms: from permission to send to the frame's arrival; 0 if the camera never has to wait.
    """

    rate: float
    dropped: float
    latency_ms: int | None
    brightness: float | None
    sharpness: float | None
    due_rate: float = 0.0
    turn_wait_ms: int = 0
    line_ms: int = 0


@transaction.atomic
def issue_token(camera: Camera, *, actor: Actor) -> str:
    """Issue a token for a camera agent; the previous one stops working. Only its hash is stored.

    Raises:
        Conflict: the camera's period or deployment is over.
    """
    require(actor, MANAGE_CAMERAS, system_may=True)
    _still_of_use(camera)
    token = secrets.token_urlsafe(32)
    camera.token_digest = token_digest(token)
    camera.save(update_fields=["token_digest"])
    record(Action.CAMERA_TOKEN_ISSUED, actor=actor, target=camera)
    return token


@transaction.atomic
def revoke_token(camera: Camera, *, actor: AbstractBaseUser) -> None:
    """Revoke the token of a camera; an agent that is streaming is disconnected within seconds.

    Raises:
        Refused: the camera has no token.
    """
    require(actor, MANAGE_CAMERAS)
    if not Camera.objects.filter(pk=camera.pk).exclude(token_digest="").update(token_digest=""):
        raise Refused("This camera has no token.")
    record(Action.CAMERA_TOKEN_REVOKED, actor=actor, target=camera)


@transaction.atomic
def set_zone(camera: Camera, corners: Any, *, actor: AbstractBaseUser) -> None:
    """Set the zone of the picture in which faces are looked for; no corners means the whole picture.

    Raises:
        Refused: the corners do not form a zone, or it is wider than was authorised.
        Conflict: the deployment is live or over.
    """
    require(actor, MANAGE_CAMERAS)
    _set_up(camera)
    zone, signed = plans.polygon(corners) if corners else [], _signed(camera)
    if signed is not None and not plans.lies_within(zone, signed.zone):
        raise Refused(WIDER)
    camera.zone = zone
    camera.save(update_fields=["zone", "set_up_at"])
    record(Action.CAMERA_CHANGED, actor=actor, target=camera, data={"zone_corners": len(camera.zone)})
    announce(camera.period.deployment_id, Event.DEPLOYMENT_CHANGED, camera.period.deployment_id)


@transaction.atomic
def set_limits(camera: Camera, *, smallest_face: int, frame_rate: int, actor: AbstractBaseUser) -> None:
    """Set the minimum face width, in pixels, and the maximum frame rate, in frames per second."""
    require(actor, MANAGE_CAMERAS)
    _set_up(camera)
    if not 16 <= smallest_face <= 400 or not 1 <= frame_rate <= 30:
        raise Refused("The minimum face width must be 16 to 400 pixels, and the frame rate 1 to 30 frames per second.")
    signed = _signed(camera)
    if signed is not None and smallest_face < signed.smallest_face:
        raise Refused(WIDER)
    camera.smallest_face, camera.frame_rate = smallest_face, frame_rate
    camera.save(update_fields=["smallest_face", "frame_rate", "set_up_at"])
    data: dict[str, str | int | bool | None] = {"smallest_face": smallest_face, "frame_rate": frame_rate}
    record(Action.CAMERA_CHANGED, actor=actor, target=camera, data=data)


@transaction.atomic
def exclude(camera: Camera, corners: Any, *, reason: str, actor: AbstractBaseUser) -> None:
    """Look at a part of the picture no longer. This narrows, so it may be done while the deployment is live.

    Raises:
        Refused: the corners do not form a zone, or no reason is given. Conflict: the period is over.
    """
    require(actor, MANAGE_CAMERAS)
    lock_deployment(camera.period.deployment)
    _still_of_use(camera)
    if not reason.strip():
        raise Refused("Enter why this part of the picture is excluded.")
    refuse_names_on_file(reason)
    if len(camera.excluded) >= MOST_EXCLUDED:
        raise Refused(f"At most {MOST_EXCLUDED} parts of a picture can be excluded.")
    camera.excluded = [*camera.excluded, plans.polygon(corners)]
    _save_excluded(camera, {"excluded": len(camera.excluded), "reason": reason.strip()[:300]}, actor)


@transaction.atomic
def include_again(camera: Camera, *, actor: AbstractBaseUser) -> None:
    """Look at everything again that the zone allows: no more than was authorised.

    Raises:
        Conflict: nothing is excluded, or the period is over.
    """
    require(actor, MANAGE_CAMERAS)
    lock_deployment(camera.period.deployment)
    _still_of_use(camera)
    if not camera.excluded:
        raise Conflict("No part of this picture is excluded.")
    camera.excluded = []
    _save_excluded(camera, {"excluded": 0}, actor)


def _save_excluded(camera: Camera, data: JournalData, actor: AbstractBaseUser) -> None:
    camera.save(update_fields=["excluded"])
    deployment = camera.period.deployment
    record(Action.CAMERA_EXCLUSION, actor=actor, target=deployment, data={"camera": str(camera), **data})
    announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)


def _signed(camera: Camera) -> CameraTerms | None:
    """Return what was signed for a camera; None before anything was."""
    deployment = camera.period.deployment
    if not deployment.authority_sha256:
        return None
    try:
        found = executable.verified(deployment.authority_sha256).cameras.get(camera.pk)
    except executable.NotVerified as problem:
        raise Refused(str(problem)) from problem
    return None if found is None else found[0]


@transaction.atomic
def note_connected(camera: Camera, *, actor: Actor) -> None:
    """Record that a camera's stream opened."""
    data = {"deployment": str(camera.period.deployment_id)}
    record(Action.CAMERA_CONNECTED, actor=actor, target=camera, data=data)


@transaction.atomic
def note_disconnected(camera: Camera, *, actor: Actor, reason: str) -> None:
    """Record that a camera's stream closed."""
    record(Action.CAMERA_DISCONNECTED, actor=actor, target=camera, data={"reason": reason})


def count_frames(camera: Camera, counts: FrameCounts, health: Health | None = None) -> None:
    """Add to a camera's totals; faces seen in tests are counted separately. Aggregates, so not in the audit log."""
    now: dict[str, Any] = (
        {}
        if health is None
        else {
            "rate_now": health.rate,
            "dropped_now": health.dropped,
            "latency_now_ms": health.latency_ms,
            "brightness_now": health.brightness,
            "sharpness_now": health.sharpness,
            "due_rate_now": health.due_rate,
            "turn_wait_now_ms": health.turn_wait_ms,
            "line_now_ms": health.line_ms,
        }
    )
    is_live = Period.objects.filter(pk=camera.period_id, deployment__state=Deployment.State.LIVE).exists()
    faces = "faces_seen" if is_live else "faces_tested"
    now[faces] = F(faces) + counts.faces
    Camera.objects.filter(pk=camera.pk).update(
        frames_received=F("frames_received") + counts.received,
        frames_processed=F("frames_processed") + counts.processed,
        frames_dropped=F("frames_dropped") + counts.dropped + counts.passed_over,
        last_seen_at=timezone.now(),
        **now,
    )


def note_clock(camera: Camera, offset: Offset) -> None:
    """Store how far the clock of a camera's agent or browser is ahead of this server's.

    Measured repeatedly while the camera is connected, so not in the audit log.
    """
    Camera.objects.filter(pk=camera.pk).update(
        clock_offset_ms=offset.ms, clock_uncertainty_ms=offset.uncertainty_ms, clock_checked_at=timezone.now()
    )


def _set_up(camera: Camera) -> None:
    """Prepare a change of what a camera looks at; its earlier recognition test no longer counts."""
    deployment = camera.period.deployment
    lock_deployment(deployment)
    _still_of_use(camera)
    if deployment.state == Deployment.State.LIVE:
        raise Conflict("Pause the deployment first. A live camera must stay as it was tested.")
    if deployment.state == Deployment.State.READY:
        move(deployment, STEPS["unready"], actor=System("a change to a camera"))
        announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)
    camera.set_up_at = timezone.now()


def _still_of_use(camera: Camera) -> None:
    if camera.deployment.state in OVER or camera.period.ended_at is not None:
        raise Conflict("This camera's period is over.")
