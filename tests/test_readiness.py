"""Readiness checks: each one alone keeps cameras off."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from audit.models import Entry
from benchmarks.hostile_files import empty_scans
from core.errors import Conflict, Refused
from demo import rehearsal
from demo.seeding import check_and_seal
from deployments import authority, bluetest, cameras, period_lists, readiness, running
from deployments.choices import Halt
from deployments.frame_terms import frame_terms
from deployments.models import Camera, Deployment, Pass, Period, PublicNotice, Recognition
from deployments.offsets import Offset, RoundTrip, estimate, excess
from lfr_site.models import User
from recognition.engine import Engine
from recognition.imaging import decode_stored
from tests.cast import (
    Cast,
    add_person,
    cameras_of,
    list_of,
    make_deployment,
    make_draft,
    make_live_deployment,
    make_sealed_watchlist,
    make_watchlist,
    people_of,
    period_of,
    portrait_jpeg,
    random_embedding,
)
from watchlists import engines, evidence
from watchlists import operations as watchlist_operations
from watchlists.choices import Category, LegalBasis, Source
from watchlists.models import BiasEvidence, Watchlist
from watchlists.models import Engine as EngineRow

State = Deployment.State
RIGHT = Offset(0.0, 0.0)


def make_blue_list(cast: Cast) -> Watchlist:
    """Return a blue watchlist of one consenting member of staff."""
    blue = watchlist_operations.create_watchlist(
        actor=cast.watchlist_admin, name="Blue", purpose="To test cameras", is_blue=True
    )
    add_person(
        cast,
        blue,
        "STAFF/1",
        "Staff One",
        random_embedding(77),
        category=Category.STAFF,
        legal_basis=LegalBasis.CONSENT,
    )
    check_and_seal(blue, compiler=cast.watchlist_admin, approver=cast.authority)
    return blue


def _hours(count: float) -> dt.timedelta:
    return dt.timedelta(hours=count)


Breaking = Callable[[Period], object]
BREAKING: dict[str, tuple[Breaking, str]] = {
    "authority": (
        lambda _: Deployment.objects.update(authority_ends_at=timezone.now()),
        "authority is not in force",
    ),
    "notice": (lambda _: PublicNotice.objects.all().delete(), "notice has not been given"),
    "no list": (lambda _: Period.objects.update(watchlist=None), "No watchlist is attached"),
    "old list": (
        lambda _: Watchlist.objects.update(expires_at=timezone.now()),
        "watchlist has expired",
    ),
    "expired list": (
        lambda _: (
            Watchlist.objects.update(expires_at=timezone.now()),
            watchlist_operations.expire_stale(),
        ),
        "watchlist is “Expired”",
    ),
    "large list": (lambda _: Deployment.objects.update(list_size_asked=0), "the authority allows 0"),
    "no evidence": (
        lambda _: evidence.withdraw(BiasEvidence.objects.get(), actor=User.objects.get(username="compliance")),
        "no countersigned evidence in force",
    ),
    "expired evidence": (
        lambda _: BiasEvidence.objects.update(expires_on=timezone.localdate() - dt.timedelta(days=1)),
        "no countersigned evidence in force",
    ),
    "evidence for higher thresholds": (
        lambda _: BiasEvidence.objects.update(lowest_threshold=0.8, highest_threshold=0.9),
        "covers thresholds of 0.800 to 0.900",
    ),
    "evidence for lower thresholds": (
        lambda _: BiasEvidence.objects.update(lowest_threshold=0.4, highest_threshold=0.5),
        "covers thresholds of 0.400 to 0.500",
    ),
    "signs": (lambda period: period.signs.all().delete(), "No sign is recorded as up on: From the north"),
    "nobody posted": (lambda period: period.deployment.postings.all().delete(), "Post at least one LFR operator"),
    "no officer posted": (
        lambda period: period.deployment.postings.filter(user__username="officer").delete(),
        "one engagement officer",
    ),
    "briefing": (lambda _: Period.objects.update(briefed_at=None), "No briefing was recorded"),
    "old briefing": (
        lambda _: Period.objects.update(briefed_at=timezone.now() - _hours(13)),
        "No briefing was recorded",
    ),
    "officers": (lambda _: Period.objects.update(officers_present=3), "3 present; at least 4"),
    "device's clock": (
        lambda _: Period.objects.update(device_offset_ms=2500, device_uncertainty_ms=100),
        "The clock of the commander's device is at least 2.4 s ahead of this server's. Correct it and compare again.",
    ),
    "database's clock": (
        lambda _: Period.objects.update(database_offset_ms=-9000, database_uncertainty_ms=0),
        "The clock of the database is at least 9.0 s behind this server's.",
    ),
    "camera's clock": (
        lambda period: cameras.note_clock(period.cameras.all()[0], Offset(-3500, 400)),
        "The clock of camera North is at least 3.1 s behind this server's. Correct it. It is compared again",
    ),
    "old clock": (
        lambda _: Period.objects.update(clock_checked_at=timezone.now() - _hours(1.1)),
        "not been compared in the last hour",
    ),
    "false alerts": (lambda _: Deployment.objects.update(false_governed=5), "change of threshold"),
}


@pytest.mark.parametrize("broken", BREAKING)
def test_each_check_alone_keeps_cameras_off(cast: Cast, broken: str) -> None:
    """Both when marking as ready and when going live."""
    deployment = make_deployment(cast)
    breaking, says = BREAKING[broken]
    assert readiness.obstacles(period_of(deployment)) == []
    readiness.make_ready(deployment, actor=cast.commander)
    breaking(period_of(deployment))
    assert says in " ".join(readiness.obstacles(period_of(deployment)))
    with pytest.raises((Refused, Conflict)):
        running.go_live(deployment, actor=cast.commander)
    Deployment.objects.update(state=State.NOTIFIED)
    with pytest.raises((Refused, Conflict)):
        readiness.make_ready(deployment, actor=cast.commander)
    deployment.refresh_from_db()
    assert deployment.state == State.NOTIFIED


def test_another_engine_than_the_authorised_one_keeps_cameras_off(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = make_deployment(cast)
    monkeypatch.setattr(engines, "current_engine", lambda: EngineRow(pk=0))
    assert "not the one that was authorised" in " ".join(readiness.obstacles(period_of(deployment)))


def test_only_the_commander_can_meet_the_readiness_checks(cast: Cast) -> None:
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    period = period_of(deployment)
    for user in (cast.operator, cast.authority, cast.system_admin, cast.officer, cast.stranger):
        for act in (
            lambda user=user: rehearsal.notified(deployment, user),
            lambda user=user: rehearsal.put_up_signs(period, user),
            lambda user=user: readiness.record_briefing(period, briefing="x", actor=user),
            lambda user=user: readiness.check_clock(period, device=RIGHT, actor=user),
            lambda user=user: running.count_officers(period, count=9, actor=user),
            lambda user=user: bluetest.start(period, actor=user),
            lambda user=user: readiness.make_ready(deployment, actor=user),
            lambda user=user: running.go_live(deployment, actor=user),
        ):
            with pytest.raises(PermissionDenied):
                act()
    deployment.refresh_from_db()
    assert deployment.state == State.AUTHORISED


def test_a_list_is_used_for_one_period_and_matches_the_application(cast: Cast) -> None:
    first, second = make_deployment(cast), rehearsal.authorised(make_draft(cast), people_of(cast))
    period = period_of(second)
    with pytest.raises(Refused, match="already uses this watchlist"):
        period_lists.attach_list(period, list_of(first), actor=cast.watchlist_admin)
    with pytest.raises(Refused, match="is “Draft”"):
        period_lists.attach_list(period, make_watchlist(cast), actor=cast.watchlist_admin)
    Deployment.objects.filter(pk=second.pk).update(list_size_asked=1)
    with pytest.raises(Refused, match="the authority allows 1"):
        period_lists.attach_list(period, make_sealed_watchlist(cast, people=2), actor=cast.watchlist_admin)
    Deployment.objects.filter(pk=second.pk).update(name="Operation Test Person 0", list_size_asked=9)
    with pytest.raises(Refused, match="name or reference of a person"):
        period_lists.attach_list(period, make_sealed_watchlist(cast), actor=cast.watchlist_admin)
    period.refresh_from_db()
    assert period.watchlist is None


def test_clocks_are_compared_and_a_wrong_one_is_named(cast: Cast) -> None:
    period = period_of(make_deployment(cast))
    wrong = readiness.check_clock(period, device=Offset(30_000, 250), actor=cast.commander)
    assert not wrong.holds
    assert "commander's device is at least 29.8 s ahead" in " ".join(readiness.obstacles(period))
    entry = Entry.objects.filter(action="deployment.clock_checked").latest("id")
    assert (entry.data["device_offset_ms"], entry.data["device_uncertainty_ms"]) == (30_000, 250)
    assert entry.data["database_uncertainty_ms"] >= 0
    right = readiness.check_clock(period, device=Offset(-80, 35.5), actor=cast.commander)
    assert right.holds
    assert "The commander's device is within 0.08 s, the database within 0.00 s of this server" in right.why
    period.refresh_from_db()
    assert period.device_offset == Offset(-80, 35.5)
    assert period.database_offset is not None
    # The database runs on this machine, with the same clock.
    assert excess(period.database_offset) == 0
    # Even an offset of many years is handled.
    assert not readiness.check_clock(period, device=Offset(2**52, 0), actor=cast.commander).holds


def test_a_slow_line_is_not_mistaken_for_a_wrong_clock(cast: Cast) -> None:
    """Round trips of 2.4 s with a right clock, then with one that is wrong by more than the uncertainty."""
    period = period_of(make_deployment(cast))
    for share in (0.0, 0.5, 1.0):
        slow = estimate([RoundTrip(0, 2400 * share, 2400)] * 8)
        assert readiness.check_clock(period, device=slow, actor=cast.commander).holds
    wrong = estimate([RoundTrip(0, 2400 + 3500, 2400)] * 8)
    assert not readiness.check_clock(period, device=wrong, actor=cast.commander).holds
    with pytest.raises(Refused, match="too slow to compare"):
        readiness.check_clock(period, device=Offset(0, 31_000), actor=cast.commander)


def test_invalid_clock_measurements_of_a_browser_are_refused(cast: Cast) -> None:
    period = period_of(make_deployment(cast))
    client = Client()
    client.force_login(cast.commander)
    numbers = ("", "x", "1e3", "nan", "inf", "1" * 16, "１２", "1.5", " 1")
    for offset, uncertainty in (*((text, "1") for text in numbers), *(("1", text) for text in numbers), ("1", "-1")):
        given = {"offset_ms": offset, "uncertainty_ms": uncertainty}
        answer = client.post(f"/periods/{period.pk}/clock/", given)
        assert answer.status_code == 422, given
        assert "did not measure its clock" in answer.content.decode()
    answer = client.post(f"/periods/{period.pk}/clock/", {"offset_ms": "-4000", "uncertainty_ms": "20"}, follow=True)
    assert "at least 4.0 s behind this server&#x27;s" in answer.content.decode()


def test_old_clock_measurements_of_cameras_are_ignored(cast: Cast) -> None:
    period = period_of(make_deployment(cast))
    north, south = period.cameras.all()
    cameras.note_clock(north, Offset(-60_000, 10))
    cameras.note_clock(south, Offset(150, 90))
    assert "camera North is at least 60.0 s behind" in " ".join(readiness.obstacles(period))
    Camera.objects.filter(pk=north.pk).update(clock_checked_at=timezone.now() - _hours(1.1))
    (clocks,) = (check for check in readiness.checks(period) if check.name == "clock")
    assert clocks.holds
    assert "camera South within 0.15 s of this server, with an uncertainty of up to 0.09 s" in clocks.why
    assert "North" not in clocks.why


def test_a_silent_camera_is_not_streaming_after_the_clock_was_set_back(cast: Cast) -> None:
    camera = cameras_of(make_deployment(cast))[0]
    camera.last_seen_at = timezone.now() + _hours(1)
    assert not camera.is_streaming


def test_a_server_whose_clock_went_back_pauses_and_discards_clock_checks(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    last = readiness.latest_moment()
    assert last is not None
    cameras.note_clock(cameras_of(deployment)[0], RIGHT)
    assert running.distrust_clock(last, last - dt.timedelta(seconds=2)) == 0
    assert running.distrust_clock(last, last - dt.timedelta(minutes=10)) == 1
    deployment.refresh_from_db()
    assert deployment.state == State.PAUSED
    # Clocks must be compared again, because cameras were measured by the server's earlier clock.
    assert not Camera.objects.filter(clock_checked_at__isnull=False).exists()
    with pytest.raises(Refused, match="clocks have not been compared"):
        running.resume(deployment, actor=cast.commander)
    earlier = last - dt.timedelta(minutes=10)
    assert "clock went back" in " ".join(readiness.obstacles(period_of(deployment), at=earlier))


def test_the_photograph_of_a_sign_is_stored_without_faces(cast: Cast, engine: Engine) -> None:
    deployment = make_deployment(cast)
    period = period_of(deployment)
    client = Client()
    client.force_login(cast.commander)
    picture = SimpleUploadedFile("sign.jpg", portrait_jpeg())
    answer = client.post(
        f"/periods/{period.pk}/signs/",
        {"approach": "From the north", "place": "Pier", "distance_m": 80, "photograph": picture},
    )
    assert answer.status_code == 302
    kept = decode_stored(bytes(period.signs.get(place="Pier").photograph))
    assert engine.detect_in_photograph(decode_stored(portrait_jpeg()))
    assert engine.detect_in_photograph(kept) == []


@pytest.mark.parametrize(
    ("path", "field", "role"), [("plan/", "plan", "watchlist_admin"), ("signs/", "photograph", "commander")]
)
def test_a_hostile_plan_or_sign_is_refused(cast: Cast, path: str, field: str, role: str) -> None:
    period = period_of(make_deployment(cast))
    client = Client()
    client.force_login(getattr(cast, role))
    picture = SimpleUploadedFile("sign.jpg", empty_scans(3840, 100))
    given = {"approach": "From the north", "place": "Pier", "distance_m": 80, field: picture}
    answer = client.post(f"/periods/{period.pk}/{path}", given, follow=True)
    assert "110 scans, which take too long" in answer.content.decode()
    period.refresh_from_db()
    assert period.plan_jpeg is None
    assert not period.signs.filter(place="Pier").exists()


# The recognition test.


@pytest.fixture
def tested(cast: Cast, settings: Any) -> Period:
    """Return a period with a blue watchlist whose cameras each need three passes."""
    settings.LFR_BLUE_PASSES = 3
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    period = period_of(deployment)
    rehearsal.prepared(period, make_sealed_watchlist(cast), people_of(cast), blue_list=make_blue_list(cast))
    return period_of(deployment)


def test_blue_watchlists_hold_staff_and_nobody_else(cast: Cast) -> None:
    blue = watchlist_operations.create_watchlist(actor=cast.watchlist_admin, name="B", purpose="T", is_blue=True)
    with pytest.raises(Refused, match="can only have consenting"):
        add_person(cast, blue, "N/1")
    with pytest.raises(Refused, match="to a blue watchlist"):
        add_person(cast, make_watchlist(cast), "STAFF/1", category=Category.STAFF)
    assert Source.CONSENT in Source.values


def test_cameras_stay_off_without_enough_recognised_passes(cast: Cast, tested: Period) -> None:
    assert "North: 0 of 3 passes; South: 0 of 3 passes" in " ".join(readiness.obstacles(tested))
    rehearsal.taps(tested, people_of(cast))
    assert readiness.obstacles(tested) == []
    north, _ = cameras_of(tested.deployment)
    person = tested.blue_list.people.get() if tested.blue_list else None
    assert person is not None
    # Two more passes without recognition: three of five.
    for _ in range(2):
        Pass.objects.create(camera=north, person=person, at=timezone.now(), before_live=True, tapped_by=cast.operator)
    later = timezone.now() + dt.timedelta(minutes=2)
    assert "North: 60% recognised, below 80%" in " ".join(readiness.obstacles(tested, at=later))
    (rate, _) = bluetest.rates(tested, at=later)
    assert (rate.passes, rate.recognised) == (5, 3)
    assert rate.bounds == pytest.approx((0.2307, 0.8824), abs=0.001)


def test_a_pass_and_its_alert_are_linked_whichever_comes_first(cast: Cast, tested: Period) -> None:
    bluetest.start(tested, actor=cast.commander)
    tested.refresh_from_db()
    north, south = tested.cameras.all()
    assert tested.blue_list is not None
    person, now = tested.blue_list.people.get(), timezone.now()
    first = bluetest.tap(north, person, actor=cast.operator)
    bluetest.note_recognition(north, person.pk, now)
    bluetest.note_recognition(south, person.pk, now)
    second = bluetest.tap(south, person, actor=cast.operator)
    first.refresh_from_db()
    assert first.recognition is not None
    assert second.recognition is not None
    # A further track of the same pass adds no recognition, and one walk is not counted as two passes.
    bluetest.note_recognition(south, person.pk, now + dt.timedelta(seconds=2))
    with pytest.raises(Refused, match="has just passed"):
        bluetest.tap(south, person, actor=cast.operator)
    assert Recognition.objects.filter(camera=south).count() == 1
    # The next pass waits for its own alert; one that comes a minute later belongs to another pass.
    back = now + dt.timedelta(seconds=30)
    third = bluetest.tap(south, person, actor=cast.operator, at=back)
    (_, rate) = bluetest.rates(tested, at=back)
    assert (rate.passes, rate.recognised, rate.waiting) == (1, 1, 1)
    bluetest.note_recognition(south, person.pk, back + dt.timedelta(minutes=1))
    third.refresh_from_db()
    assert third.recognition is None
    (_, later) = bluetest.rates(tested, at=back + dt.timedelta(minutes=1))
    assert (later.passes, later.recognised, later.waiting) == (2, 1, 0)


def test_a_changed_camera_must_be_tested_again(cast: Cast, tested: Period, settings: Any) -> None:
    """A later change of a zone or a limit invalidates the test."""
    settings.LFR_PASS_WINDOW = dt.timedelta(milliseconds=1)
    rehearsal.taps(tested, people_of(cast))
    deployment, (north, south) = tested.deployment, cameras_of(tested.deployment)
    readiness.make_ready(deployment, actor=cast.commander)
    cameras.set_limits(north, smallest_face=400, frame_rate=5, actor=cast.system_admin)
    deployment.refresh_from_db()
    assert deployment.state == State.NOTIFIED
    later = timezone.now() + dt.timedelta(minutes=2)
    assert "North: 0 of 3 passes" in " ".join(readiness.obstacles(tested, at=later))
    # Cameras that are on cannot be changed.
    Deployment.objects.update(state=State.LIVE)
    with pytest.raises(Conflict, match="Pause the deployment first"):
        cameras.set_zone(Camera.objects.get(pk=south.pk), [], actor=cast.system_admin)


def test_a_pause_for_poor_recognition_ends_after_another_test(cast: Cast, tested: Period, settings: Any) -> None:
    settings.LFR_PASS_WINDOW = dt.timedelta(milliseconds=1)
    rehearsal.taps(tested, people_of(cast))
    deployment = rehearsal.live(tested.deployment, people_of(cast))
    running.pause(deployment, code=Halt.RECOGNITION, actor=cast.commander)
    tested.refresh_from_db()
    camera = str(tested.cameras.all()[0].pk)
    assert frame_terms(camera, at=timezone.now()) is None
    rehearsal.taps(tested, people_of(cast))
    terms = frame_terms(camera, at=timezone.now())
    assert terms is not None
    assert terms.watchlist_ids == (tested.blue_list_id,)
    running.resume(deployment, actor=cast.commander)
    assert len(bluetest.rates(tested, all_of_them=True)[0].camera.passes.all()) == 6


def test_cameras_under_test_search_only_the_blue_watchlist(cast: Cast, tested: Period) -> None:
    camera, now = str(tested.cameras.all()[0].pk), timezone.now()
    assert frame_terms(camera, at=now) is None
    bluetest.start(tested, actor=cast.commander)
    now = timezone.now()
    terms = frame_terms(camera, at=now)
    assert terms is not None
    assert terms.watchlist_ids == (tested.blue_list_id,)
    tested.refresh_from_db()
    assert tested.is_open(now)
    end = tested.test_until
    assert end is not None
    assert frame_terms(camera, at=end) is None
    assert tested.is_open(end - dt.timedelta(microseconds=1))
    assert not tested.is_open(end)
    rehearsal.taps(tested, people_of(cast))
    rehearsal.live(tested.deployment, people_of(cast))
    terms = frame_terms(camera, at=timezone.now())
    assert terms is not None
    assert terms.watchlist_ids == (tested.watchlist_id, tested.blue_list_id)


def test_no_test_without_signs_a_blue_list_or_an_authority(cast: Cast, tested: Period) -> None:
    tested.signs.all().delete()
    with pytest.raises(Refused, match="Put up a sign on every approach"):
        bluetest.start(tested, actor=cast.commander)
    Period.objects.update(blue_list=None)
    with pytest.raises(Refused, match="Attach a sealed blue watchlist"):
        bluetest.start(tested, actor=cast.commander)
    Deployment.objects.update(authority_ends_at=timezone.now())
    with pytest.raises(Refused, match="within the period and while the authority"):
        bluetest.start(tested, actor=cast.commander)
    authority.revoke(tested.deployment, reason="Over", actor=cast.authority)
    with pytest.raises(Refused, match="before going live"):
        bluetest.start(tested, actor=cast.commander)


def test_a_recognition_rate_below_the_limit_pauses(cast: Cast, tested: Period) -> None:
    rehearsal.taps(tested, people_of(cast))
    deployment = rehearsal.live(tested.deployment, people_of(cast))
    assert running.watch_running() == 0
    north = tested.cameras.all()[0]
    assert tested.blue_list is not None
    for _ in range(6):
        Pass.objects.create(
            camera=north,
            person=tested.blue_list.people.get(),
            at=timezone.now(),
            before_live=False,
            tapped_by=cast.operator,
        )
    assert running.watch_running(at=timezone.now() + dt.timedelta(minutes=2)) == 1
    deployment.refresh_from_db()
    assert deployment.state == State.PAUSED
    paused = Entry.objects.get(action="deployment.paused")
    assert paused.data["code"] == "recognition"
    assert "3 of 9 recognised" in paused.data["reason"]
