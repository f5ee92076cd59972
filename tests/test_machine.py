"""Random actions by any user in any order, and rows that drift.

Cameras are never on unless every guard holds, and never off with open sockets; and no frame is ever matched outside the
terms that authorising officers decided on.
"""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import Entry
from core.errors import Refused
from core.sockets import Event
from demo import rehearsal
from deployments import (
    amendments,
    authority,
    bluetest,
    cameras,
    ceiling,
    notices,
    period_lists,
    readiness,
    running,
    signs,
    staffing,
)
from deployments.applications import CameraDraft, PeriodDraft
from deployments.choices import Halt
from deployments.frame_terms import frame_terms
from deployments.models import STEPS, Camera, Deployment, Pass, Period
from deployments.offsets import Offset, excess
from lfr_site.models import User
from tests.cast import Cast, make_draft, make_operating_point, make_sealed_watchlist, people_of
from tests.test_readiness import make_blue_list
from training import register
from training.models import TrainingRecord
from watchlists import evidence as equality
from watchlists import operations as watchlist_operations
from watchlists.models import BiasEvidence, OperatingPoint, Watchlist

State = Deployment.State
ROLES = ("commander", "operator", "authority", "watchlist_admin", "compliance", "stranger")
POSTED = ("operator", "officer")
SHUTTING = {Event.DEPLOYMENT_ENDED, Event.DEPLOYMENT_NOT_LIVE}


class Undo(Exception):
    """Ends an example and rolls it back."""


@dataclass
class Granted:
    """What authorising officers have decided, as this test saw them do it: by period and camera."""

    until: dt.datetime
    periods: dict[Any, tuple[dt.datetime, dt.datetime]]
    threshold: float
    lists: dict[Any, Any] = field(default_factory=dict)
    blue: set[Any] = field(default_factory=set)
    smallest: dict[Any, int] = field(default_factory=dict)
    zones: dict[Any, list[list[float]]] = field(default_factory=dict)


@dataclass
class World:
    """A deployment of two periods, the open sockets of its cameras, and a clock that the test moves."""

    cast: Cast
    deployment: Deployment
    lists: list[Watchlist]
    terms: Granted
    offset: dt.timedelta = dt.timedelta()
    sockets: dict[Any, dt.datetime] = field(default_factory=dict)
    has_drifted: bool = False

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self.offset

    def announced(self, deployment_id: Any, kind: str, subject: object) -> None:
        """Do what a capture socket does when it is notified (capture.consumer)."""
        if kind in SHUTTING:
            self.sockets.clear()

    @property
    def period(self) -> Period | None:
        return readiness.next_period(self.deployment, self.now())

    def connect(self) -> None:
        """Let every camera try to connect; those admitted stay until they are notified or their time ends."""
        for camera in Camera.objects.select_related("period__deployment"):
            closes_at = camera.period.closes_at(self.now())
            if closes_at is not None:
                self.sockets.setdefault(camera.pk, closes_at)

    def expire_sockets(self) -> None:
        """Close sockets by their own clock (capture.consumer, `_tick`)."""
        self.sockets = {camera: end for camera, end in self.sockets.items() if end > self.now()}


Act = Callable[[World, User], object]


def _of_period(act: Callable[[Period, User, World], object]) -> Act:
    def on_the_next(world: World, actor: User) -> object:
        period = world.period
        return act(period, actor, world) if period is not None else None

    return on_the_next


def _attach(period: Period, actor: User, world: World) -> None:
    spare = next((each for each in world.lists if not Period.objects.of_list(each.pk).exists()), None)
    if spare is not None:
        period_lists.attach_list(period, Watchlist.objects.get(pk=spare.pk), actor=actor)


def _confirm(period: Period, actor: User, world: World) -> None:
    watchlist = period.watchlist
    if watchlist is not None:
        period_lists.confirm_list(period, seen=watchlist.sealed_hash, actor=actor)
        world.terms.lists[period.pk] = watchlist.pk


def _return(period: Period, actor: User, world: World) -> None:
    period_lists.return_list(period, reason="Another list is meant", actor=actor)
    world.terms.lists.pop(period.pk, None)


def _change_threshold(world: World, actor: User) -> None:
    """Proposed by the commander, decided by whoever it is."""
    point = make_operating_point(0.8)
    change = amendments.propose_change(world.deployment, point, evidence="Many", actor=world.cast.commander)
    amendments.decide_change(change, accept=True, reason="Fewer", actor=actor)
    world.terms.threshold = 0.8


def _widen(period: Period, actor: User, world: World) -> None:
    camera = period.cameras.order_by("name")[0]
    amendments.widen_camera(camera, smallest_face=20, reason="Far away", actor=actor)
    world.terms.smallest[camera.pk], world.terms.zones[camera.pk] = 20, []


def _with_camera(act: Callable[[Camera, User], object]) -> Act:
    return _of_period(lambda period, actor, _: act(period.cameras.order_by("name")[0], actor))


APPROACHES = set(rehearsal.APPROACHES.splitlines())
LEFT = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]


def _drift(change: Callable[[Period], object]) -> Callable[[World], object]:
    """Change a row behind the back of every act, as a fault or somebody at the database would."""

    def on_the_next(world: World) -> None:
        period = world.period
        if period is not None:
            change(period)

    return on_the_next


def _swap_lists(period: Period) -> None:
    spare = Watchlist.objects.filter(state="sealed", is_blue=False, periods__isnull=True).first()
    if spare is not None:
        Period.objects.filter(pk=period.pk).update(watchlist=spare, list_confirmed_at=timezone.now())


def _people_as_blue_list(period: Period) -> None:
    spare = Watchlist.objects.filter(is_blue=False, periods__isnull=True, blue_periods__isnull=True).first()
    if spare is not None:
        Period.objects.filter(pk=period.pk).update(blue_list=spare)


DRIFT: dict[str, Callable[[World], object]] = {
    "another list is put in": _drift(_swap_lists),
    "people are put in as a blue list": _drift(_people_as_blue_list),
    "the threshold is lowered": _drift(
        lambda p: OperatingPoint.objects.filter(pk=p.deployment.operating_point_id or 0).update(threshold=0.31)
    ),
    "the period is prolonged": _drift(
        lambda p: Period.objects.filter(pk=p.pk).update(ends_at=timezone.now() + dt.timedelta(days=3))
    ),
    "the authority is prolonged": _drift(
        lambda _: Deployment.objects.update(authority_ends_at=timezone.now() + dt.timedelta(days=9))
    ),
    "smaller faces are let in": _drift(lambda _: Camera.objects.update(smallest_face=16, zone=[])),
}


def _taps(period: Period, actor: User, world: World) -> None:
    person = period.blue_list.people.first() if period.blue_list is not None else None
    if person is not None:
        for camera in period.cameras.all():
            bluetest.tap(camera, person, actor=actor, at=world.now())
            bluetest.note_recognition(camera, person.pk, world.now())


ACTS: dict[str, Act] = {
    "notice": lambda w, actor: notices.give_notice(
        w.deployment, channel="site", address="News", published_at=w.now() - configured.LFR_NOTICE, actor=actor
    ),
    "post": lambda w, actor: [staffing.post(w.deployment, w.cast.by_role[name], actor=actor) for name in POSTED],
    "attach": _of_period(_attach),
    "sign": _of_period(lambda p, actor, _: rehearsal.put_up_signs(p, actor)),
    "take down": _of_period(lambda p, actor, _: [signs.take_down(each, actor=actor) for each in signs.up(p)]),
    "briefing": _of_period(lambda p, actor, _: readiness.record_briefing(p, briefing="All", actor=actor)),
    "officers": _of_period(lambda p, actor, _: running.count_officers(p, count=5, actor=actor)),
    "few officers": _of_period(lambda p, actor, _: running.count_officers(p, count=1, actor=actor)),
    "clock": _of_period(lambda p, actor, _: readiness.check_clock(p, device=Offset(0.0, 0.0), actor=actor)),
    "test": _of_period(lambda p, actor, _: bluetest.start(p, actor=actor)),
    "taps": _of_period(_taps),
    "end test": _of_period(lambda p, actor, _: bluetest.end(p, actor=actor)),
    "ready": lambda w, actor: readiness.make_ready(w.deployment, actor=actor),
    "unready": lambda w, actor: running.unready(w.deployment, actor=actor),
    "live": lambda w, actor: running.go_live(w.deployment, actor=actor),
    "pause": lambda w, actor: running.pause(w.deployment, code=Halt.FAULT, actor=actor),
    "resume": lambda w, actor: running.resume(w.deployment, actor=actor),
    "end": lambda w, actor: running.end_period(w.deployment, actor=actor),
    "stop": lambda w, actor: running.stop(w.deployment, code=Halt.FAULT, actor=actor),
    "continue": lambda w, actor: ceiling.decide_to_continue(
        w.deployment, false_alerts=w.deployment.false_governed, reason="The same poster", actor=actor
    ),
    "confirm": _of_period(_confirm),
    "return": _of_period(_return),
    "threshold": _change_threshold,
    "widen": _of_period(_widen),
    "zone": _with_camera(lambda camera, actor: cameras.set_zone(camera, LEFT, actor=actor)),
    "whole picture": _with_camera(lambda camera, actor: cameras.set_zone(camera, [], actor=actor)),
    "exclude": _with_camera(lambda camera, actor: cameras.exclude(camera, LEFT, reason="A screen", actor=actor)),
    "revoke": lambda w, actor: authority.revoke(w.deployment, reason="No", actor=actor),
    "cancel": lambda w, actor: authority.cancel(w.deployment, reason="No", actor=actor),
}


def _pass_time(world: World, by: dt.timedelta) -> None:
    world.offset += by
    world.expire_sockets()


def _unrecognised(world: World) -> None:
    # However fast this machine is, the passes are then older than the window, and younger than the test.
    _pass_time(world, dt.timedelta(minutes=1))
    period = world.period
    if period is not None and period.blue_list is not None:
        for camera in period.cameras.all():
            Pass.objects.bulk_create(
                Pass(
                    camera=camera,
                    person=period.blue_list.people.first(),
                    at=max(world.now() - dt.timedelta(seconds=30), period.tested_from or world.now()),
                    before_live=False,
                    tapped_by=world.cast.operator,
                )
                for _ in range(9)
            )


def _withdraw_training(world: World, user: User) -> None:
    for each in TrainingRecord.objects.filter(user=user, withdrawn_at__isnull=True):
        register.withdraw_training(each, reason="Left", actor=world.cast.compliance)


# Events that are not actions on the deployment.
EVENTS: dict[str, Callable[[World], object]] = {
    "the clock ticks": lambda w: (running.lapse_unstarted(at=w.now()), running.end_run_out(at=w.now())),
    "false alerts": lambda _: Deployment.objects.filter(periods__went_live_at__isnull=False).update(false_governed=6),
    "the governor looks": lambda w: running.watch_running(at=w.now()),
    "evidence is withdrawn": lambda w: [
        equality.withdraw(each, actor=w.cast.compliance)
        for each in BiasEvidence.objects.filter(withdrawn_at__isnull=True)
    ],
    "the commander's training is withdrawn": lambda w: _withdraw_training(w, w.cast.commander),
    "the operator's training is withdrawn": lambda w: _withdraw_training(w, w.cast.operator),
    "lists expire": lambda w: watchlist_operations.expire_stale(at=w.now()),
    "nobody is recognised": _unrecognised,
    "ten minutes pass": lambda w: _pass_time(w, dt.timedelta(minutes=10)),
    "two hours pass": lambda w: _pass_time(w, dt.timedelta(hours=2)),
    "a day passes": lambda w: _pass_time(w, dt.timedelta(hours=23)),
    **DRIFT,
}

# Mostly the actions that put cameras on, by the right user: purely random actions would seldom get there. All but the
# officer's are the commander's.
OFFICERS = {"confirm": "authority"}
ON_THE_WAY = (
    "notice",
    "post",
    "attach",
    "attach",
    "confirm",
    "sign",
    "briefing",
    "officers",
    "clock",
    "test",
    "taps",
    "ready",
    "live",
)
way = st.sampled_from(ON_THE_WAY).map(lambda name: (name, OFFICERS.get(name, "commander")))
anything = st.tuples(st.sampled_from([*ACTS]), st.sampled_from(ROLES))
event = st.sampled_from([*EVENTS]).map(lambda name: (name, ""))
straight = [(name, OFFICERS.get(name, "commander")) for name in ON_THE_WAY]
# Any one action is left out; or something happens during a pause, and somebody tries to resume.
almost = st.sampled_from(range(len(straight))).map(lambda out: straight[:out] + straight[out + 1 :])
broken_pause = st.one_of(event, anything).map(lambda what: [("pause", "operator"), what, ("resume", "commander")])
beginnings = st.one_of(st.just(straight), almost, st.lists(st.one_of(way, way, anything), max_size=12))
turns = st.one_of(st.one_of(way, anything, event).map(lambda turn: [turn]), broken_pause)
sequences = st.tuples(beginnings, st.lists(turns, max_size=8)).map(
    lambda parts: [*parts[0], *(turn for each in parts[1] for turn in each)]
)


@pytest.fixture
def world(cast: Cast, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return an authorised deployment with a period now and one tomorrow, a watchlist for each, and blue watchlists."""
    settings.LFR_BLUE_PASSES = 1
    now = timezone.now()
    tomorrow = now + dt.timedelta(hours=23, minutes=30)
    periods = [
        PeriodDraft(
            place, start - dt.timedelta(minutes=5), start + dt.timedelta(hours=3), [CameraDraft("A"), CameraDraft("B")]
        )
        for place, start in (("Southend", now), ("Chelmsford", tomorrow))
    ]
    deployment = rehearsal.authorised(make_draft(cast, *periods), people_of(cast))
    lists = [make_blue_list(cast), make_sealed_watchlist(cast), make_blue_list(cast), make_sealed_watchlist(cast)]
    make_sealed_watchlist(cast)
    point = deployment.operating_point
    assert point is not None
    assert deployment.authority_ends_at is not None
    times: dict[Any, Any] = {each.pk: (each.starts_at, each.ends_at) for each in deployment.periods.all()}
    granted = Granted(deployment.authority_ends_at, times, point.threshold, blue={lists[0].pk, lists[2].pk})
    made = World(cast, deployment, lists, granted)
    # The recognition test counts passes of the last test only: none may still be waiting for its alert.
    settings.LFR_PASS_WINDOW = dt.timedelta(seconds=1)
    monkeypatch.setattr(timezone, "now", made.now)
    for module in (readiness, running, bluetest, authority, amendments, cameras):
        monkeypatch.setattr(module, "announce", made.announced)
    return made


@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sequence=sequences)
def test_no_sequence_of_actions_breaks_the_rules_of_cameras(world: World, sequence: list[tuple[str, str]]) -> None:
    granted = world.terms
    with contextlib.suppress(Undo), transaction.atomic():
        world.offset, world.sockets = dt.timedelta(), {}
        world.terms, world.has_drifted = copy.deepcopy(granted), False
        for name, role in sequence:
            _step(world, name, role)
        raise Undo
    world.terms = granted


def test_the_direct_sequence_reaches_live(world: World) -> None:
    """Otherwise the test above would prove nothing."""
    for name, role in straight:
        _step(world, name, role)
    assert world.deployment.state == State.LIVE
    assert len(world.sockets) == 2


@pytest.mark.parametrize("left_out", sorted(set(ON_THE_WAY)))
def test_live_is_not_reached_if_a_step_is_left_out(world: World, left_out: str) -> None:
    for name, role in straight:
        if name != left_out:
            _step(world, name, role)
    assert world.deployment.state in (State.AUTHORISED, State.NOTIFIED, State.READY)


def _step(world: World, name: str, role: str) -> None:
    before, rows = _state(world), Entry.objects.count()
    with _allowed(), transaction.atomic():
        if name in EVENTS:
            world.has_drifted |= name in DRIFT
            EVENTS[name](world)
        else:
            ACTS[name](world, world.cast.by_role[role])
    after = _state(world)
    world.deployment.refresh_from_db()
    if after != before:
        assert _is_a_step(before, after, world.cast.by_role.get(role)), f"{before} to {after} by {role or name}"
        assert Entry.objects.count() > rows
    if after == State.LIVE and before != State.LIVE:
        _every_guard_held(world, world.cast.by_role[role])
    _sockets_are_as_they_must(world)
    _frames_stay_within_what_was_granted(world)


@contextlib.contextmanager
def _allowed() -> Iterator[None]:
    """Ignore refusals; any other exception is an error."""
    with contextlib.suppress(Refused, PermissionDenied):
        yield


def _state(world: World) -> str:
    return Deployment.objects.values_list("state", flat=True).get(pk=world.deployment.pk)


def _is_a_step(before: str, after: str, actor: User | None) -> bool:
    """Return whether the table has a step between these states for this user or the system."""
    return any(
        before in step.sources
        and step.target == after
        and (step.system_may or (actor is not None and actor.has_perm(step.permission)))
        for step in STEPS.values()
    )


def _every_guard_held(world: World, actor: User) -> None:
    """Check every guard directly, not through the checks in the code. actor: who turned the cameras on."""
    trained = set(TrainingRecord.objects.filter(withdrawn_at__isnull=True).values_list("user", "task"))
    assert (actor.pk, "commander") in trained
    now, deployment = world.now(), world.deployment
    period = deployment.periods.get(went_live_at__isnull=False, ended_at__isnull=True)
    assert period.starts_at is not None
    assert period.ends_at is not None
    assert period.starts_at <= now < period.ends_at
    assert deployment.authority_ends_at is not None
    assert now < deployment.authority_ends_at
    assert deployment.notices.filter(published_at__lte=now - configured.LFR_NOTICE).exists()
    watchlist = period.watchlist
    assert watchlist is not None
    assert watchlist.state == Watchlist.State.LIVE
    assert watchlist.sealed_at is not None
    assert watchlist.engine == deployment.operating_point.engine  # type: ignore[union-attr]
    if world.has_drifted:
        return
    assert world.terms.lists[period.pk] == watchlist.pk
    assert watchlist.size <= (deployment.list_size_asked or 0)
    assert set(period.signs.filter(taken_down_at=None).values_list("approach", flat=True)) == APPROACHES
    posted = [posting.user for posting in deployment.postings.current()]
    assert {(world.cast.operator.pk, "operator"), (world.cast.officer.pk, "engagement")} <= trained
    assert {world.cast.operator, world.cast.officer} <= set(posted)
    assert period.briefed_at is not None
    assert (period.officers_present or 0) >= (deployment.officers_planned or 0)
    assert period.clock_checked_at is not None
    for offset in (period.device_offset, period.database_offset):
        assert offset is not None
        assert excess(offset) <= 2000
    assert BiasEvidence.objects.filter(withdrawn_at__isnull=True, expires_on__gte=timezone.localdate(now)).exists()
    for camera in period.cameras.all():
        passes = camera.passes.count()
        assert passes >= 1
        since = period.tested_from
        assert since is not None
        recent = camera.passes.filter(at__gte=since)
        assert recent.filter(recognition__isnull=False).count() / recent.count() >= 0.8
    assert period.deployment.false_governed < 6


def _frames_stay_within_what_was_granted(world: World) -> None:
    """Compare the terms of every camera's frames with what officers decided, not with the document or the rows."""
    now, granted = world.now(), world.terms
    for camera in Camera.objects.select_related("period"):
        # As another worker, which has verified nothing yet.
        terms = frame_terms(camera.pk, at=now)
        if terms is None:
            continue
        start, end = granted.periods[camera.period_id]
        assert start <= now < min(end, granted.until)
        assert terms.threshold == granted.threshold
        if terms.watchlist_id is not None:
            assert terms.watchlist_id == granted.lists[camera.period_id]
        assert terms.blue_list_id in {None, *granted.blue}
        assert terms.smallest_face >= granted.smallest.get(camera.pk, 32)
        if world.deployment.state == State.LIVE:
            assert terms.watchlist_id is not None


def _sockets_are_as_they_must(world: World) -> None:
    """Check that only cameras that may stream do so, by all three statements of the rule."""
    now = world.now()
    allowed = set(Camera.objects.streaming_allowed(now).values_list("pk", flat=True))
    assert set(world.sockets) <= allowed
    for camera in Camera.objects.select_related("period__deployment"):
        terms = frame_terms(str(camera.pk), at=now)
        assert (camera.pk in allowed) == camera.period.is_open(now)
        # Rows that drifted may say that a camera may stream; then its frames are refused.
        assert terms is None or camera.pk in allowed
        if not world.has_drifted:
            assert (terms is not None) == (camera.pk in allowed)
        if terms is not None and world.deployment.state != State.LIVE:
            assert terms.watchlist_id is None
        # Everybody in view of a camera that is on has passed a sign.
        assert terms is None or not signs.missing(camera.period)
    if world.deployment.state == State.LIVE:
        running_periods = world.deployment.periods.filter(went_live_at__isnull=False, ended_at__isnull=True)
        assert running_periods.count() == 1
    elif world.deployment.state not in (State.NOTIFIED, State.READY, State.PAUSED):
        assert not world.sockets
    world.connect()
