"""From a face that agrees with somebody of the list to the alert it belongs to."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from alerts import content, outwards
from alerts.content import Sight, Sought
from alerts.models import Alert, Event, Shot
from audit.actions import Action
from audit.errors import Refused
from audit.journal import System, record
from deployments import bluetest, tally
from deployments.events import announce
from deployments.models import Camera, Deployment, Period
from recognition.watch import Candidate
from watchlists import keys
from watchlists.models import Person, Photograph

# Sights that one alert keeps: a person who stands before a camera for an hour fills no disk.
MOST_SHOTS = 24


@dataclass(frozen=True)
class Sighting:
    """Where and when the face was seen.

    box: left, top, width, height in pixels of the frame. probe_jpeg: the face, everybody else made unrecognisable.
    heading: `recognition.track.Track.heading`.
    """

    track: str
    frame_number: int
    received_at: dt.datetime
    box: tuple[float, float, float, float]
    probe_jpeg: bytes
    heading: str = ""


def raise_alert(camera: Camera, candidate: Candidate, sighting: Sighting) -> Alert | None:
    """A possible match for people to decide, or one more sight of one that is open.

    A sight joins the alert of its own track, or the open one on the same person at the same camera; of nobody else.

    Returns:
        The alert that was raised; None when the sight belongs to one that was raised before.

    Raises:
        Refused: the deployment is not, or no longer, live.
    """
    with transaction.atomic():
        # Shared with the end of the deployment: it waits for this alert, or this alert finds it ended.
        tally.hold_for(camera.period)
        # Asked once it is held: whoever waited may have waited past the end.
        now = timezone.now()
        camera = Camera.objects.select_related("period__deployment__operating_point").get(pk=camera.pk)
        is_blue = _is_blue(candidate, camera.period)
        if is_blue is None or not camera.period.is_open(now):
            raise Refused("The deployment is not live.")
        known = _alert_of(camera, candidate, sighting, is_blue=is_blue)
        if known is not None:
            _add_sight(known, candidate, sighting)
            return None
        return _raise(camera, candidate, sighting, now, is_blue=is_blue)


def _alert_of(camera: Camera, candidate: Candidate, sighting: Sighting, *, is_blue: bool) -> Alert | None:
    own = Alert.objects.of_track(camera.pk, candidate.person, sighting.track).first()
    if own is not None or is_blue:
        return own
    since = sighting.received_at - settings.LFR_JOIN_WINDOW
    return Alert.objects.to_join(camera.pk, candidate.person, since).first()


def _raise(camera: Camera, candidate: Candidate, sighting: Sighting, now: dt.datetime, *, is_blue: bool) -> Alert:
    period, deployment = camera.period, camera.period.deployment
    alert = new_alert(Alert.Kind.BLUE if is_blue else Alert.Kind.ALERT, camera, candidate, sighting, at=now)
    if is_blue:
        bluetest.note_sighting(camera, candidate.person, sighting.received_at)
    else:
        tally.note_raised(period)
    data = {"deployment": str(deployment.id), "person": str(candidate.person)}
    record(Action.ALERT_RAISED, actor=System(camera.journal_name), target=alert, data=data)
    outwards.tell(alert, Event.RAISED)
    if is_blue:
        # Of the recognition test no console hears: nobody decides on it.
        announce(deployment.id, "deployment.changed", deployment.id)
    else:
        announce(deployment.id, "alert.raised", alert.id)
    return alert


def new_alert(kind: Alert.Kind, camera: Camera, candidate: Candidate, sighting: Sighting, *, at: dt.datetime) -> Alert:
    """The row of an alert, who is sought and its first picture encrypted. Part of an act that holds the deployment.

    Raises:
        Refused: the deployment has no threshold.
    """
    period, deployment = camera.period, camera.period.deployment
    point = deployment.operating_point
    if point is None:
        raise Refused("The deployment has no threshold.")
    person = Person.objects.get(pk=candidate.person)
    photograph = Photograph.objects.defer("encrypted").get(pk=candidate.photograph)
    key_name = content.key_of(period)
    # Nobody else makes it: the deployment is held.
    keys.create(key_name)
    alert = Alert(
        kind=kind,
        state=Alert.State.BLUE if kind == Alert.Kind.BLUE else Alert.State.RAISED,
        tier=person.tier,
        deployment=deployment,
        camera=camera,
        operating_point=point,
        raised_at=at,
        received_at=sighting.received_at,
        last_seen_at=sighting.received_at,
        track=sighting.track,
        person=person,
        photograph=photograph,
        key_name=key_name,
    )
    alert.sealed = content.seal_sought(alert, Sought.of(person, photograph.taken_on))
    alert.save(force_insert=True)
    _keep_shot(alert, sighting, candidate.score, is_best=True)
    return alert


def _add_sight(alert: Alert, candidate: Candidate, sighting: Sighting) -> None:
    """One more picture of an open alert; the best is shown first, with the photograph that it came nearest to."""
    shots = list(alert.shots.select_related("alert"))
    if not alert.is_open or any(_is_same(shot, sighting) for shot in shots):
        return
    Alert.objects.filter(pk=alert.pk).update(last_seen_at=max(alert.last_seen_at, sighting.received_at))
    if len(shots) >= MOST_SHOTS:
        return
    best = next((shot for shot in shots if shot.is_best), None)
    is_best = best is None or candidate.score > content.sight_in(best).score
    if is_best and best is not None:
        Shot.objects.filter(pk=best.pk).update(is_best=False)
    _keep_shot(alert, sighting, candidate.score, is_best=is_best)
    if is_best:
        Alert.objects.filter(pk=alert.pk).update(photograph_id=candidate.photograph)
    data = {"deployment": str(alert.deployment_id), "track": "the same" if sighting.track == alert.track else "another"}
    record(Action.ALERT_SIGHTED, actor=System(alert.camera.journal_name), target=alert, data=data)
    announce(alert.deployment_id, "alert.sighted", alert.id)


def note_still_there(camera: Camera, people: Iterable[uuid.UUID], at: dt.datetime) -> None:
    """These people of the list, as it seems, are still in view: a track that breaks goes on in their open alerts."""
    Alert.objects.open_at(camera.pk).filter(person__in=people, last_seen_at__lt=at).update(last_seen_at=at)


def _keep_shot(alert: Alert, sighting: Sighting, score: float, *, is_best: bool) -> None:
    shot = Shot(
        alert=alert,
        track=sighting.track,
        frame_number=sighting.frame_number,
        received_at=sighting.received_at,
        heading=sighting.heading,
        is_best=is_best,
    )
    sight = Sight(score, [round(value, 1) for value in sighting.box], sighting.probe_jpeg)
    shot.sealed = content.seal_sight(shot, alert.key_name, sight)
    shot.save(force_insert=True)


def _is_same(shot: Shot, sighting: Sighting) -> bool:
    return (shot.track, shot.frame_number) == (sighting.track, sighting.frame_number)


def _is_blue(candidate: Candidate, period: Period) -> bool | None:
    """Whether somebody is on the period's blue list; None when they are on neither of its lists."""
    watchlist = Person.objects.filter(pk=candidate.person).values_list("watchlist_id", flat=True).first()
    if watchlist is not None and watchlist == period.blue_list_id:
        return True
    # Under test nobody of the other list may be found.
    is_live = period.deployment.state == Deployment.State.LIVE
    return False if is_live and watchlist == period.watchlist_id else None
