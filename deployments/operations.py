"""Acts on deployments and cameras. Each is atomic and leaves its row in the journal."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit.actions import Action
from audit.errors import Refused
from audit.journal import CLOCK, Actor, record
from audit.machine import move, require
from deployments.events import announce
from deployments.models import STEPS, Camera, Deployment
from deployments.querysets import token_digest
from watchlists import engines
from watchlists import operations as watchlist_operations
from watchlists.models import Watchlist


@dataclass(frozen=True)
class NewCamera:
    """A camera asked for in an application."""

    name: str
    kind: str = Camera.Kind.BROWSER
    smallest_face: int = 32


@dataclass
class FrameCounts:
    """What went through one camera since the last count: numbers only, nothing about anybody."""

    received: int = 0
    processed: int = 0
    dropped: int = 0
    faces: int = 0


@transaction.atomic
def create(
    *,
    actor: AbstractBaseUser,
    name: str,
    place: str,
    purpose: str,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    watchlist: Watchlist,
    cameras: Sequence[NewCamera],
) -> Deployment:
    """A draft with its cameras.

    Raises:
        Refused: the window, the list or the cameras cannot be.
    """
    require(actor, "deployments.apply_deployment")
    _check_window(starts_at, ends_at)
    if watchlist.state != Watchlist.State.SEALED:
        raise Refused(f"The watchlist “{watchlist}” is {watchlist.get_state_display().lower()}; it must be sealed.")
    if not cameras:
        raise Refused("A deployment needs at least one camera.")
    if len({camera.name for camera in cameras}) != len(cameras):
        raise Refused("Two cameras have the same name: give each its own.")
    watchlist_operations.refuse_names(watchlist, name, place, purpose)
    deployment = Deployment.objects.create(
        name=name,
        place=place,
        purpose=purpose,
        starts_at=starts_at,
        ends_at=ends_at,
        watchlist=watchlist,
        applicant_id=actor.pk,
    )
    record(Action.DEPLOYMENT_CREATED, actor=actor, target=deployment, data={"watchlist": str(watchlist.id)})
    for camera in cameras:
        row = Camera.objects.create(
            deployment=deployment, name=camera.name, kind=camera.kind, smallest_face=camera.smallest_face
        )
        record(Action.CAMERA_ADDED, actor=actor, target=row, data={"deployment": str(deployment.id)})
    return deployment


@transaction.atomic
def submit(deployment: Deployment, *, actor: AbstractBaseUser) -> None:
    """Ask for authority."""
    move(deployment, STEPS["submit"], actor=actor)


@transaction.atomic
def authorise(deployment: Deployment, *, actor: AbstractBaseUser, reason: str) -> None:
    """Give authority, at the threshold now in force for the list's engine.

    Raises:
        Refused: the authoriser is the applicant, the window has passed, or the engine has no threshold.
    """
    _not_the_applicant(deployment, actor)
    watchlist_operations.refuse_names(deployment.watchlist, reason)
    _check_window(deployment.starts_at, deployment.ends_at)
    engine = deployment.watchlist.engine
    point = engine.operating_points.first() if engine is not None else None
    if point is None:
        raise Refused("The recognition engine of this watchlist has no threshold yet.")
    changes = {
        "authorised_by": actor,
        "authorised_at": timezone.now(),
        "decision_reason": reason,
        "operating_point": point,
        "list_size": deployment.watchlist.size,
    }
    data = {
        "reason": reason,
        "threshold": f"{point.threshold:.4f}",
        "engine": point.engine.digest,
        "starts_at": deployment.starts_at.isoformat(),
        "ends_at": deployment.ends_at.isoformat(),
        "list_sha256": deployment.watchlist.sealed_hash,
    }
    move(deployment, STEPS["authorise"], actor=actor, changes=changes, data=data)


@transaction.atomic
def refuse(deployment: Deployment, *, actor: AbstractBaseUser, reason: str) -> None:
    """Refuse authority, with the reason."""
    _not_the_applicant(deployment, actor)
    watchlist_operations.refuse_names(deployment.watchlist, reason)
    move(deployment, STEPS["refuse"], actor=actor, changes={"decision_reason": reason}, data={"reason": reason})


@transaction.atomic
def go_live(deployment: Deployment, *, actor: AbstractBaseUser) -> None:
    """Open the cameras' way in, inside the authority's window only.

    Raises:
        Refused: too early, too late, or the engine is another than the one authorised.
    """
    now = timezone.now()
    if now < deployment.starts_at:
        start = timezone.localtime(deployment.starts_at)
        raise Refused(f"The authority starts at {start:%H:%M on %d %B}; it cannot go live before.")
    if now >= deployment.ends_at:
        raise Refused("The authority has ended.")
    point = deployment.operating_point
    if point is not None and point.engine != engines.current_engine():
        raise Refused("The recognition engine is not the one that was authorised.")
    move(deployment, STEPS["go_live"], actor=actor, changes={"went_live_at": now})
    watchlist_operations.go_live(deployment.watchlist, actor=actor)
    announce(deployment.id, "deployment.live", deployment.id)


@transaction.atomic
def end(deployment: Deployment, *, actor: Actor, reason: str) -> None:
    """Close the cameras' way in and start the clock of destruction.

    The end is never later than the authority's, however late it is noticed.
    """
    watchlist_operations.refuse_names(deployment.watchlist, reason)
    ended_at = min(timezone.now(), deployment.ends_at)
    changes = {"ended_at": ended_at, "end_reason": reason}
    move(deployment, STEPS["end"], actor=actor, changes=changes, data={"reason": reason})
    watchlist_operations.close(deployment.watchlist, actor=actor, ended_at=ended_at)
    announce(deployment.id, "deployment.ended", deployment.id)


def end_run_out(*, at: dt.datetime | None = None) -> list[Deployment]:
    """End every live deployment whose authority has run out; returns them."""
    run_out = list(Deployment.objects.run_out(at or timezone.now()))
    for deployment in run_out:
        end(deployment, actor=CLOCK, reason="The authority ran out.")
    return run_out


def lapse_unstarted(*, at: dt.datetime | None = None) -> int:
    """Close the deployments whose time passed before they started; returns how many."""
    late = list(Deployment.objects.lapsed(at or timezone.now()))
    for deployment in late:
        move(deployment, STEPS["lapse"], actor=CLOCK)
    return len(late)


@transaction.atomic
def issue_token(camera: Camera, *, actor: Actor) -> str:
    """A new token for a camera agent; the one before stops working. It is shown once and kept only as a hash."""
    require(actor, "deployments.run_deployment", system_may=True)
    token = secrets.token_urlsafe(32)
    camera.token_digest = token_digest(token)
    camera.save(update_fields=["token_digest"])
    record(Action.CAMERA_TOKEN_ISSUED, actor=actor, target=camera)
    return token


@transaction.atomic
def note_connected(camera: Camera, *, actor: Actor) -> None:
    """A camera's stream opened."""
    record(Action.CAMERA_CONNECTED, actor=actor, target=camera, data={"deployment": str(camera.deployment_id)})


@transaction.atomic
def note_disconnected(camera: Camera, *, actor: Actor, reason: str) -> None:
    """A camera's stream closed."""
    record(Action.CAMERA_DISCONNECTED, actor=actor, target=camera, data={"reason": reason})


def count_frames(camera: Camera, counts: FrameCounts) -> None:
    """Add to a camera's totals. Aggregates, so no journal row."""
    Camera.objects.filter(pk=camera.pk).update(
        frames_received=F("frames_received") + counts.received,
        frames_processed=F("frames_processed") + counts.processed,
        frames_dropped=F("frames_dropped") + counts.dropped,
        faces_seen=F("faces_seen") + counts.faces,
        last_seen_at=timezone.now(),
    )


def _not_the_applicant(deployment: Deployment, actor: AbstractBaseUser) -> None:
    if actor.pk == deployment.applicant_id:
        raise Refused("Who applied may not decide: another authorising officer must.")


def _check_window(starts_at: dt.datetime, ends_at: dt.datetime) -> None:
    if ends_at <= starts_at:
        raise Refused("The end must be after the start.")
    if ends_at <= timezone.now():
        raise Refused("This time is over already.")
    if ends_at - starts_at > settings.LFR_LONGEST_DEPLOYMENT:
        hours = settings.LFR_LONGEST_DEPLOYMENT.total_seconds() / 3600
        raise Refused(f"A deployment may last {hours:.0f} hours at most.")
