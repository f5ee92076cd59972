"""The recognition test: staff walk past each camera, and the passes that were recognised are counted."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.actors import Actor
from core.errors import Refused
from core.permissions import require
from core.sockets import Event
from deployments import lead_time, signs
from deployments.events import announce
from deployments.locks import lock_period
from deployments.models import TESTABLE, Camera, Deployment, Pass, Period, Recognition
from deployments.permissions import OPERATE_CAMERA, RUN_DEPLOYMENT
from recognition.statistics import percent, wilson
from training.models import Task
from training.register import require_trained
from watchlists import volunteers
from watchlists.models import Person, VolunteerAttributes, Watchlist


@dataclass(frozen=True)
class CameraRate:
    """The true recognition rate of one camera (ISO/IEC 30137-1: opportunities, not people).

    waiting: passes so recent that an alert may still come; they are not counted yet.
    """

    camera: Camera
    passes: int
    recognised: int
    waiting: int

    @property
    def rate(self) -> float | None:
        return self.recognised / self.passes if self.passes else None

    @property
    def bounds(self) -> tuple[float, float]:
        return wilson(self.recognised, self.passes)

    @property
    def share(self) -> str:
        return "–" if self.rate is None else percent(self.rate)

    @property
    def interval(self) -> str:
        if not self.passes:
            return "–"
        low, high = self.bounds
        return f"{percent(low)} to {percent(high)}"

    @property
    def is_enough(self) -> bool:
        """Whether the camera has enough passes to go live, and enough of them were recognised."""
        return self.passes >= settings.LFR_BLUE_PASSES and (
            self.rate is None or self.rate >= settings.LFR_RECOGNITION_FLOOR
        )

    @property
    def is_below_floor(self) -> bool:
        """Whether the 95% interval of the rate lies wholly below the required minimum."""
        return self.passes > 0 and self.bounds[1] < settings.LFR_RECOGNITION_FLOOR


def rates(period: Period, *, at: dt.datetime | None = None, all_of_them: bool = False) -> list[CameraRate]:
    """Return the rate of each camera, from passes since the last test began and the camera was last set up.

    all_of_them: count every pass, whatever was changed in between; for the record.
    """
    now = at or timezone.now()
    found = []
    for camera in period.cameras.prefetch_related("passes"):
        since = max(filter(None, (camera.set_up_at, period.tested_from)), default=now)
        passes = [each for each in camera.passes.all() if all_of_them or each.at >= since]
        settled = [each for each in passes if each.recognition_id or each.at + settings.LFR_PASS_WINDOW < now]
        recognised = sum(each.recognition_id is not None for each in settled)
        found.append(CameraRate(camera, len(settled), recognised, len(passes) - len(settled)))
    return found


@transaction.atomic
def start(period: Period, *, actor: AbstractBaseUser) -> None:
    """Start the recognition test: cameras may stream, and compare faces with the blue watchlist only.

    Raises:
        Refused: wrong state, outside the period or the authority, public notice too recent, no usable blue watchlist,
            no sign recorded, or the actor is not trained to command.
    """
    require(actor, RUN_DEPLOYMENT)
    require_trained(actor, Task.COMMANDER)
    lock_period(period)
    now = timezone.now()
    deployment, blue = period.deployment, period.blue_list
    if deployment.state not in TESTABLE:
        raise Refused("Start a recognition test after public notice, and before going live or while paused.")
    if not period.covers(now) or not deployment.authority_holds(now):
        raise Refused("Start a recognition test within the period and while the authority is in force.")
    long_enough, why = lead_time.of_notice(period, now)
    if not long_enough:
        raise Refused(f"The cameras see everyone who passes. {why}")
    in_use = Watchlist.State.LIVE if period.is_running else Watchlist.State.SEALED
    is_old = blue is not None and not period.is_running and blue.expires_at is not None and blue.expires_at <= now
    if blue is None or blue.state != in_use or is_old:
        raise Refused("Attach a sealed blue watchlist that has not expired first.")
    if signs.missing(period) or not signs.up(period).exists():
        raise Refused(
            "Put up a sign on every approach and record it before the test. The cameras see everyone who passes."
        )
    period.tested_from, period.test_until = now, now + settings.LFR_TEST_LENGTH
    period.save(update_fields=["tested_from", "test_until"])
    data = {"until": period.test_until.isoformat(), "period": str(period.pk)}
    record(Action.TEST_STARTED, actor=actor, target=deployment, data=data)
    announce(deployment.id, Event.DEPLOYMENT_TEST, deployment.id)


@transaction.atomic
def end(period: Period, *, actor: Actor) -> None:
    """End the recognition test; the cameras turn off."""
    require(actor, RUN_DEPLOYMENT, system_may=True)
    lock_period(period)
    if end_now(period, actor=actor):
        announce(period.deployment_id, Event.DEPLOYMENT_NOT_LIVE, period.deployment_id)


def end_now(period: Period, *, actor: Actor) -> bool:
    """End the test and return whether one was running. The caller has locked the period."""
    if period.test_until is None:
        return False
    period.test_until = None
    period.save(update_fields=["test_until"])
    record(Action.TEST_ENDED, actor=actor, target=period.deployment, data={"period": str(period.pk)})
    return True


def end_tests(deployment: Deployment, *, actor: Actor) -> None:
    """End the tests of all periods. The caller has locked the deployment."""
    for period in deployment.periods.filter(test_until__isnull=False):
        end_now(period, actor=actor)


@transaction.atomic
def tap(camera: Camera, person: Person, *, actor: AbstractBaseUser, at: dt.datetime | None = None) -> Pass:
    """Record that a member of staff walks through a camera's zone now.

    Raises:
        Refused: cameras are off, the person is not on the period's blue watchlist, or has just passed this camera.
    """
    require(actor, OPERATE_CAMERA)
    period, now = camera.period, at or timezone.now()
    lock_period(period)
    if not period.is_open(now):
        raise Refused("The cameras are off, so nobody can be recognised now.")
    if person.watchlist_id != period.blue_list_id:
        raise Refused("This person is not on the blue watchlist of this period.")
    if Pass.objects.filter(camera=camera, person=person, at__gt=now - settings.LFR_PASS_WINDOW).exists():
        seconds = settings.LFR_PASS_WINDOW.total_seconds()
        raise Refused(f"This person has just passed this camera. Leave {seconds:.0f} seconds between passes.")
    # The alert may come shortly before the tap, or after it.
    early = Recognition.objects.filter(camera=camera, person=person, at__gte=now - settings.LFR_PASS_WINDOW)
    recognition = early.filter(of_pass__isnull=True).order_by("at").first()
    made = Pass.objects.create(
        camera=camera,
        person=person,
        at=now,
        before_live=period.deployment.state != Deployment.State.LIVE,
        tapped_by_id=actor.pk,
        recognition=recognition,
        **_said_by(person),
    )
    data = {"camera": str(camera.pk), "person": str(person.pk)}
    record(Action.PASS_TAPPED, actor=actor, target=period.deployment, data=data)
    announce(period.deployment_id, Event.DEPLOYMENT_CHANGED, period.deployment_id)
    return made


def _said_by(person: Person) -> dict[str, str]:
    """Return what a volunteer said about themselves; nothing if nobody recorded it."""
    said = VolunteerAttributes.objects.filter(person=person).values(*volunteers.FIELDS).first()
    return dict(said) if said is not None else {}


def note_recognition(camera: Camera, person_id: uuid.UUID, at: dt.datetime) -> None:
    """Record an alert on a member of staff. `alerts` calls this as it raises the alert, with the deployment locked.

    Two alerts within LFR_PASS_WINDOW, from a track that broke, count as one.
    """
    if Recognition.objects.filter(camera=camera, person_id=person_id, at__gt=at - settings.LFR_PASS_WINDOW).exists():
        return
    recognition = Recognition.objects.create(camera=camera, person_id=person_id, at=at)
    waiting = Pass.objects.filter(
        camera=camera, person_id=person_id, recognition__isnull=True, at__gte=at - settings.LFR_PASS_WINDOW
    )
    tapped = waiting.order_by("at").first()
    if tapped is not None:
        tapped.recognition = recognition
        tapped.save(update_fields=["recognition"])
