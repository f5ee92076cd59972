"""Raise alerts from candidates, or add their shots to alerts that are already open."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from alerts import content
from alerts.content import ShotContent, SubjectContent
from alerts.counting import tell_counts
from alerts.models import Alert, Shot
from audit import journal
from audit.actions import Action
from core import keys
from core.actors import System
from core.errors import Refused
from core.sockets import Event
from deployments import bluetest
from deployments.events import announce
from deployments.locks import lock_deployment_of_camera
from deployments.models import Camera, Deployment, Period
from recognition.frame import Candidate
from watchlists.models import Person, Photograph

# The most shots of one alert, so that a person who stands before a camera for an hour does not fill the disk.
MOST_SHOTS = 24


@dataclass(frozen=True)
class Probe:
    """A face from the camera, with where and when it was seen.

    box: left, top, width, height in pixels of the frame. probe_jpeg: the face, with other people made unrecognisable.
    heading: `recognition.track.Track.heading`.
    """

    track: str
    frame_number: int
    received_at: dt.datetime
    box: tuple[float, float, float, float]
    probe_jpeg: bytes
    heading: str = ""


def raise_alerts(camera_id: uuid.UUID, found: Sequence[tuple[Candidate, Probe]]) -> list[Alert]:
    """Store the possible matches of one frame in one transaction, as new alerts or as more shots of open ones.

    A shot joins the alert of its own track, or else an open alert on the same subject at the same camera.

    Returns:
        The alerts that were raised.

    Raises:
        Refused: the deployment is not live, or a candidate may not be searched for. Nothing of the frame is stored.
    """
    raised, events = [], []
    with transaction.atomic():
        # The end of the deployment takes the same lock: it waits for these alerts, or they find it ended.
        lock_deployment_of_camera(camera_id)
        # Read under the lock: the deployment may have ended while this waited.
        now = timezone.now()
        camera = Camera.objects.select_related("period__deployment__operating_point").get(pk=camera_id)
        if not camera.period.is_open(now):
            raise Refused("The deployment is not live.")
        for candidate, probe in found:
            photograph = photograph_of(candidate)
            if not _is_searched(photograph.person, camera.period):
                raise Refused("This watchlist is not searched at present.")
            since = probe.received_at - settings.LFR_JOIN_WINDOW
            known = Alert.objects.to_join(camera_id, candidate.person, probe.track, since).first()
            if known is None:
                raised.append(_raise(camera, photograph, candidate.score, probe, now))
                data = {"deployment": str(camera.period.deployment_id), "person": str(candidate.person)}
                events.append(journal.Event(Action.ALERT_RAISED, raised[-1], data))
            elif _add_shot(known, candidate, probe):
                same = "the same" if probe.track == known.track else "another"
                data = {"deployment": str(camera.period.deployment_id), "track": same}
                events.append(journal.Event(Action.ALERT_SHOT_ADDED, known, data))
        if any(alert.kind == Alert.Kind.ALERT for alert in raised):
            tell_counts(camera.period)
        # Last, because other writers to the audit log wait from here until the commit.
        if events:
            journal.record_all(events, actor=System(camera.journal_name))
    return raised


def _raise(camera: Camera, photograph: Photograph, score: float, probe: Probe, now: dt.datetime) -> Alert:
    period, deployment, person = camera.period, camera.period.deployment, photograph.person
    is_blue = person.watchlist_id == period.blue_list_id
    alert = new_alert(Alert.Kind.BLUE if is_blue else Alert.Kind.ALERT, camera, photograph, score, probe, at=now)
    if is_blue:
        bluetest.note_recognition(camera, person.pk, probe.received_at)
    if is_blue:
        # Consoles are not told of a recognition test: nobody decides on it.
        announce(deployment.id, Event.DEPLOYMENT_CHANGED, deployment.id)
    else:
        announce(deployment.id, Event.ALERT_RAISED, alert.id)
    return alert


def photograph_of(candidate: Candidate) -> Photograph:
    """Return a candidate's photograph with its person, without the picture.

    Raises:
        Refused: the watchlist was destroyed in the meantime.
    """
    found = Photograph.objects.defer("encrypted").select_related("person").filter(pk=candidate.photograph).first()
    if found is None:
        raise Refused("This watchlist has been destroyed.")
    return found


def new_alert(
    kind: Alert.Kind, camera: Camera, photograph: Photograph, score: float, probe: Probe, *, at: dt.datetime
) -> Alert:
    """Create an alert with its subject and first shot, both encrypted. The caller has locked the deployment.

    photograph: from `photograph_of`. score: the similarity score of the shot.

    Raises:
        Refused: the deployment has no threshold.
    """
    period, deployment, person = camera.period, camera.period.deployment, photograph.person
    point = deployment.operating_point
    if point is None:
        raise Refused("The deployment has no threshold.")
    key_name = content.key_of(period)
    # No other process creates it: the deployment is locked.
    keys.create(key_name)
    alert = Alert(
        kind=kind,
        state=Alert.State.BLUE if kind == Alert.Kind.BLUE else Alert.State.RAISED,
        tier=person.tier,
        deployment=deployment,
        camera=camera,
        operating_point=point,
        raised_at=at,
        received_at=probe.received_at,
        last_seen_at=probe.received_at,
        track=probe.track,
        person=person,
        photograph=photograph,
        key_name=key_name,
    )
    alert.sealed = content.seal_subject(alert, SubjectContent.of(person, photograph.taken_on))
    alert.save(force_insert=True)
    _keep_shot(alert, probe, score, is_best=True)
    return alert


def _add_shot(alert: Alert, candidate: Candidate, probe: Probe) -> bool:
    """Add a shot to an open alert; return whether it was added.

    The shot with the highest score is shown first, with the photograph that it is most similar to.
    """
    shots = list(alert.shots.select_related("alert"))
    if not alert.is_open or any(_is_same(shot, probe) for shot in shots):
        return False
    Alert.objects.filter(pk=alert.pk).update(last_seen_at=max(alert.last_seen_at, probe.received_at))
    if len(shots) >= MOST_SHOTS:
        return False
    best = next((shot for shot in shots if shot.is_best), None)
    is_best = best is None or candidate.score > content.shot_content(best).score
    if is_best and best is not None:
        Shot.objects.filter(pk=best.pk).update(is_best=False)
    _keep_shot(alert, probe, candidate.score, is_best=is_best)
    if is_best:
        Alert.objects.filter(pk=alert.pk).update(photograph_id=candidate.photograph)
    announce(alert.deployment_id, Event.ALERT_SHOT_ADDED, alert.id)
    return True


def note_still_there(camera_id: uuid.UUID, people: Iterable[uuid.UUID], at: dt.datetime) -> None:
    """Note that these subjects seem to be still in view, so that a track that broke continues in their open alerts."""
    with transaction.atomic():
        # Locked before any alert, as for every act: for a moment two workers may have frames of one camera.
        lock_deployment_of_camera(camera_id)
        Alert.objects.open_at(camera_id).filter(person__in=people, last_seen_at__lt=at).update(last_seen_at=at)


def _keep_shot(alert: Alert, probe: Probe, score: float, *, is_best: bool) -> None:
    shot = Shot(
        alert=alert,
        track=probe.track,
        frame_number=probe.frame_number,
        received_at=probe.received_at,
        heading=probe.heading,
        is_best=is_best,
    )
    shown = ShotContent(score, [round(value, 1) for value in probe.box], probe.probe_jpeg)
    shot.sealed = content.seal_shot(shot, alert.key_name, shown)
    shot.save(force_insert=True)


def _is_same(shot: Shot, probe: Probe) -> bool:
    return (shot.track, shot.frame_number) == (probe.track, probe.frame_number)


def _is_searched(person: Person, period: Period) -> bool:
    """Return whether alerts may be raised on a person: in a recognition test only on those of the blue watchlist."""
    is_live = period.deployment.state == Deployment.State.LIVE
    return person.watchlist_id == period.blue_list_id or (is_live and person.watchlist_id == period.watchlist_id)
