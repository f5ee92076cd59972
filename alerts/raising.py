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
from alerts.models import Alert, Shot, StandDown
from alerts.places import Place
from alerts.second_looks import is_drawn
from alerts.states import JOINED_AGAIN
from audit import journal
from audit.actions import Action
from core import keys
from core.actors import System
from core.errors import Refused
from core.keys import KeyGone
from core.sockets import Event
from deployments import bluetest
from deployments.events import announce
from deployments.frame_terms import FrameTerms, frame_terms
from deployments.locks import lock_deployment_of_camera
from deployments.models import Camera
from recognition.frame import Candidate
from watchlists.models import Photograph

# The most shots of one alert, so that a person who stands before a camera for an hour does not fill the disk.
MOST_SHOTS = 24


@dataclass(frozen=True)
class Probe:
    """A face from the camera, with where and when it was seen.

    box: left, top, width, height in pixels of the frame. place: the same as shares of the frame's width and height.
    probe_jpeg: the face, with other people made unrecognisable. heading: `recognition.track.Track.heading`.
    """

    track: str
    frame_number: int
    received_at: dt.datetime
    box: tuple[float, float, float, float]
    place: Place
    probe_jpeg: bytes
    heading: str = ""


@dataclass(frozen=True)
class Admitted:
    """A camera, and the signed terms of its frames at a moment at which its deployment is locked."""

    camera: Camera
    terms: FrameTerms
    at: dt.datetime


@dataclass(frozen=True)
class Stored:
    """The alerts that a frame raised, and the positions of the possible matches that are stood down."""

    raised: list[Alert]
    stood_down: frozenset[int]


def raise_alerts(camera_id: uuid.UUID, found: Sequence[tuple[Candidate, Probe]]) -> Stored:
    """Store the possible matches of one frame in one transaction, as new alerts or as more shots of known ones.

    A shot joins the alert of its own track; or else an open alert on the same subject at the same camera; or else one
    decided as not the same, if it is at the same place in the picture. Nothing is stored of an entry in a part of the
    picture where it is stood down.

    Raises:
        Refused: the deployment is not live, or a candidate may not be searched for. Nothing of the frame is stored.
    """
    raised, events, stood_down = [], [], set()
    with transaction.atomic():
        # The end of the deployment takes the same lock: it waits for these alerts, or they find it ended.
        lock_deployment_of_camera(camera_id)
        # Read under the lock: the deployment may have ended while this waited.
        now = timezone.now()
        terms = frame_terms(camera_id, at=now)
        if terms is None:
            raise Refused("The deployment is not live.")
        camera = Camera.objects.select_related("period__deployment").get(pk=camera_id)
        admitted = Admitted(camera, terms, now)
        standing_down = list(StandDown.objects.active(now).filter(camera=camera_id))
        for position, (candidate, probe) in enumerate(found):
            photograph = photograph_of(candidate)
            if photograph.person.watchlist_id not in terms.watchlist_ids:
                raise Refused("This watchlist is not searched at present.")
            if _is_stood_down(standing_down, candidate, probe, now):
                stood_down.add(position)
                continue
            known = _known(camera_id, candidate, probe)
            if known is None:
                raised.append(_raise(admitted, photograph, candidate.score, probe))
                data = {"deployment": str(camera.period.deployment_id), "person": str(candidate.person)}
                events.append(journal.Event(Action.ALERT_RAISED, raised[-1], data))
            elif _add_shot(known, candidate, probe):
                same = "the same" if probe.track == known.track else "another"
                data = {"deployment": str(camera.period.deployment_id), "track": same}
                if not known.is_open:
                    data["after"] = known.state
                events.append(journal.Event(Action.ALERT_SHOT_ADDED, known, data))
        if any(alert.kind == Alert.Kind.ALERT for alert in raised):
            tell_counts(camera.period)
        # Last, because other writers to the audit log wait from here until the commit.
        if events:
            journal.record_all(events, actor=System(camera.journal_name))
    return Stored(raised, frozenset(stood_down))


def _is_stood_down(rows: Sequence[StandDown], candidate: Candidate, probe: Probe, now: dt.datetime) -> bool:
    """Return whether an entry is stood down at a place, and count the track. Nothing else is kept of it."""
    row = next((each for each in rows if each.person_id == candidate.person and each.region.holds(probe.place)), None)
    if row is not None and row.last_track != probe.track:
        # An aggregate, so not in the audit log.
        row.withheld, row.withheld_at, row.last_track = row.withheld + 1, now, probe.track
        row.save(update_fields=["withheld", "withheld_at", "last_track"])
    return row is not None


def _known(camera_id: uuid.UUID, candidate: Candidate, probe: Probe) -> Alert | None:
    """Return the alert that a shot joins, or None if it is a possible match of its own."""
    since = probe.received_at - settings.LFR_JOIN_WINDOW
    for alert in Alert.objects.to_join(camera_id, candidate.person, probe.track, since):
        if alert.is_open or _is_own(alert, probe) or _is_at_the_place_of(alert, probe):
            return alert
    return None


def _is_own(alert: Alert, probe: Probe) -> bool:
    return alert.shots.filter(track=probe.track).exists()


def _is_at_the_place_of(alert: Alert, probe: Probe) -> bool:
    """Return whether a shot is where the alert's own shots were, from which it was decided as not the same.

    Shots that joined later do not count, so that the place does not wander.
    """
    places = places_of(alert)
    return any(place.is_near(probe.place) for place in places)


def places_of(alert: Alert) -> list[Place]:
    """Return where the shots were that an alert was decided from; none once it has been purged."""
    shots = alert.shots.filter(kind=Shot.Kind.PROBE).select_related("alert")
    if alert.ended_at is not None:
        shots = shots.filter(received_at__lte=alert.ended_at)
    try:
        return [place for shot in shots if (place := content.shot_content(shot).place) is not None]
    except KeyGone:
        return []


def _raise(admitted: Admitted, photograph: Photograph, score: float, probe: Probe) -> Alert:
    camera, person = admitted.camera, photograph.person
    deployment = camera.period.deployment
    is_blue = person.watchlist_id == admitted.terms.blue_list_id
    alert = new_alert(Alert.Kind.BLUE if is_blue else Alert.Kind.ALERT, admitted, photograph, score, probe)
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


def new_alert(kind: Alert.Kind, admitted: Admitted, photograph: Photograph, score: float, probe: Probe) -> Alert:
    """Create an alert with its subject and first shot, both encrypted.

    photograph: from `photograph_of`. score: the similarity score of the shot.
    """
    alert = new_row(kind, admitted, photograph, probe.track, received_at=probe.received_at)
    _keep_shot(alert, probe, score, is_best=True)
    return alert


def new_row(
    kind: Alert.Kind, admitted: Admitted, photograph: Photograph, track: str, *, received_at: dt.datetime
) -> Alert:
    """Create an alert with its encrypted subject and no shot yet. As `new_alert`."""
    camera, terms, person = admitted.camera, admitted.terms, photograph.person
    period, deployment = camera.period, camera.period.deployment
    key_name = content.key_of(period)
    # No other process creates it: the deployment is locked.
    keys.create(key_name)
    alert = Alert(
        kind=kind,
        state=Alert.State.BLUE if kind == Alert.Kind.BLUE else Alert.State.RAISED,
        tier=person.tier,
        deployment=deployment,
        camera=camera,
        operating_point_id=terms.operating_point,
        authority_sha256=terms.authority,
        raised_at=admitted.at,
        received_at=received_at,
        last_seen_at=received_at,
        track=track,
        person=person,
        photograph=photograph,
        key_name=key_name,
        is_sampled=kind == Alert.Kind.ALERT and is_drawn(),
    )
    alert.sealed = content.seal_subject(alert, SubjectContent.of(person, photograph.taken_on))
    alert.save(force_insert=True)
    return alert


def _add_shot(alert: Alert, candidate: Candidate, probe: Probe) -> bool:
    """Add a shot to an alert; return whether it was added.

    In an open alert the shot with the highest score is shown first, with the photograph that it is most similar to.
    """
    shots = list(alert.shots.select_related("alert"))
    if any(_is_same(shot, probe) for shot in shots):
        return False
    if not alert.is_open:
        return _add_again(alert, shots, candidate, probe)
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


def _add_again(alert: Alert, shots: Sequence[Shot], candidate: Candidate, probe: Probe) -> bool:
    """Add a shot to an alert that was decided as not the same, so that an operator looks; return whether it was added.

    The first shot of every further track is kept, however many there are: nothing is withheld.
    """
    is_first = all(shot.track != probe.track for shot in shots)
    has_own = probe.track == alert.track or alert.state not in JOINED_AGAIN
    if has_own or (not is_first and len(shots) >= MOST_SHOTS):
        return False
    _keep_shot(alert, probe, candidate.score, is_best=False)
    alert.again_count = alert.again_count + 1 if is_first else alert.again_count
    alert.again_at, alert.last_seen_at = timezone.now(), max(alert.last_seen_at, probe.received_at)
    alert.save(update_fields=["again_count", "again_at", "last_seen_at"])
    announce(alert.deployment_id, Event.ALERT_CHANGED, alert.id)
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
    shown = ShotContent(score, [round(value, 1) for value in probe.box], probe.probe_jpeg, probe.place)
    shot.sealed = content.seal_shot(shot, alert.key_name, shown)
    shot.save(force_insert=True)


def _is_same(shot: Shot, probe: Probe) -> bool:
    return (shot.track, shot.frame_number) == (probe.track, probe.frame_number)
