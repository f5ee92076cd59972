"""Running a deployment: going live, pausing, ending, false alerts, cameras, review and closing."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typst
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from alerts import evidence
from alerts import operations as alert_operations
from alerts.choices import Result
from alerts.models import Alert
from audit.models import Entry
from core.actors import CLOCK
from core.errors import Conflict, Refused
from core.machine import move
from demo import rehearsal
from deployments import (
    amendments,
    authority,
    bluetest,
    cameras,
    closure,
    document_content,
    documents,
    governor,
    period_lists,
    readiness,
    running,
    signs,
)
from deployments.applications import CameraDraft, PeriodDraft
from deployments.cameras import FrameCounts
from deployments.choices import Halt
from deployments.frame_terms import FrameTerms, frame_terms
from deployments.locks import lock_deployment
from deployments.models import STEPS, Camera, Deployment, Period, Sign, ThresholdChange
from lfr_site.roles import ROLES
from recognition.frame import Candidate
from recognition.zone import EVERYWHERE, Area
from reports.post_deployment import post_deployment_sections
from reports.record_files import record_csv
from reports.records import record_of
from tests.cast import (
    Cast,
    act,
    cameras_of,
    list_of,
    make_alert,
    make_deployment,
    make_draft,
    make_live_deployment,
    make_operating_point,
    make_probe,
    make_sealed_watchlist,
    people_of,
    period_of,
    permit,
    raise_alert,
    sign_again,
)
from tests.test_readiness import make_blue_list
from watchlists import destruction
from watchlists import evidence as equality
from watchlists.engine import identity as running_identity
from watchlists.models import BiasEvidence, Person, Watchlist

State = Deployment.State


def _live(period: Period, at: dt.datetime) -> bool:
    return Period.objects.get(pk=period.pk).is_open(at)


def test_the_day_of_a_deployment(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    period = period_of(deployment)
    assert list_of(deployment).state == Watchlist.State.LIVE
    assert period.list_size == 1
    running.pause(deployment, code=Halt.COMMUNITY, detail="A crowd is angry", actor=cast.operator)
    assert not _live(period, timezone.now())
    running.resume(deployment, actor=cast.commander)
    assert _live(period, timezone.now())
    running.end_period(deployment, code=Halt.DONE, detail="Everybody was seen", actor=cast.commander)
    assert (deployment.state, deployment.end_code) == (State.ENDED, Halt.DONE)
    assert list_of(deployment).state == Watchlist.State.CLOSED
    assert [each.kind for each in deployment.documents.all()] == ["authority", "cancellation"]
    done = list(Entry.objects.in_order().filter(target_id=str(deployment.pk)).values_list("action", flat=True))
    acts = [action for action in done if "document" not in action]
    assert acts[-5:] == [
        "deployment.ready",
        "deployment.live",
        "deployment.paused",
        "deployment.resumed",
        "deployment.ended",
    ]


def test_not_before_and_not_after_the_period(cast: Cast) -> None:
    deployment = make_deployment(cast)
    readiness.make_ready(deployment, actor=cast.commander)
    now = timezone.now()
    Period.objects.update(starts_at=now + dt.timedelta(minutes=5), ends_at=now + dt.timedelta(hours=1))
    with pytest.raises(Refused, match="starts at"):
        running.go_live(deployment, actor=cast.commander)
    Period.objects.update(starts_at=now - dt.timedelta(hours=2), ends_at=now - dt.timedelta(seconds=1))
    with pytest.raises(Refused, match="have ended"):
        running.go_live(deployment, actor=cast.commander)
    Period.objects.update(ends_at=now + dt.timedelta(hours=1))
    Deployment.objects.update(authority_ends_at=now)
    with pytest.raises(Refused, match="has ended"):
        running.go_live(deployment, actor=cast.commander)


def test_the_three_statements_of_the_streaming_rule_agree(cast: Cast) -> None:
    """For frames, sockets and readiness: before, within and after the period, in pauses and at the end."""
    deployment = make_live_deployment(cast)
    period, point = period_of(deployment), deployment.operating_point
    camera = cameras_of(deployment)[0]
    start, end = period.starts_at, period.ends_at
    assert start is not None
    assert end is not None
    assert point is not None
    second = dt.timedelta(seconds=1)
    moments = [moment + step for moment in (start, end) for step in (-second, 0 * second, second)]

    def seen() -> list[bool]:
        asked = [
            (
                Camera.objects.streaming_allowed(at).filter(pk=camera.pk).exists(),
                frame_terms(str(camera.pk), at=at) is not None,
                _live(period, at),
                Deployment.objects.live(at).exists(),
            )
            for at in moments
        ]
        assert all(len(set(each)) == 1 for each in asked)
        return [each[0] for each in asked]

    assert seen() == [False, True, True, True, False, False]
    Deployment.objects.update(authority_ends_at=end - second)
    assert seen() == [False, True, True, False, False, False]
    Deployment.objects.update(authority_ends_at=end)
    running.pause(deployment, code=Halt.FAULT, actor=cast.commander)
    assert seen() == [False] * 6
    running.resume(deployment, actor=cast.commander)
    terms = frame_terms(str(camera.pk), at=start)
    assert terms == FrameTerms(
        watchlist_id=list_of(deployment).pk,
        blue_list_id=None,
        engine_id=point.engine_id,
        operating_point=point.pk,
        threshold=point.threshold,
        smallest_face=camera.smallest_face,
        area=EVERYWHERE,
        engine=running_identity(),
        authority=deployment.authority_sha256,
    )
    running.end_period(deployment, actor=cast.commander)
    assert seen() == [False] * 6


def test_a_period_that_ran_out_ends_at_its_time(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    end = period_of(deployment).ends_at
    assert end is not None
    assert running.end_run_out(at=end - dt.timedelta(seconds=1)) == []
    Period.objects.update(ends_at=timezone.now() - dt.timedelta(minutes=3))
    late = period_of(deployment).ends_at
    assert running.end_run_out() == [deployment]
    assert running.end_run_out() == []
    deployment.refresh_from_db()
    assert (deployment.state, deployment.ended_at, deployment.end_code) == (State.ENDED, late, Halt.END_OF_PERIOD)
    assert list_of(deployment).state == Watchlist.State.CLOSED


def test_the_reason_says_whether_the_authority_or_only_the_period_ended(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    Deployment.objects.update(authority_ends_at=timezone.now() - dt.timedelta(minutes=3))
    assert running.end_run_out() == [deployment]
    deployment.refresh_from_db()
    assert deployment.end_code == Halt.AUTHORITY


def test_deployments_that_never_started_expire_and_drafts_do_not(cast: Cast) -> None:
    draft, authorised, live = make_draft(cast), make_deployment(cast), make_live_deployment(cast)
    assert running.lapse_unstarted() == 0
    assert running.lapse_unstarted(at=timezone.now() + dt.timedelta(hours=3)) == 1
    for deployment in (draft, authorised, live):
        deployment.refresh_from_db()
    assert [draft.state, authorised.state, live.state] == [State.DRAFT, State.AUTH_EXPIRED, State.LIVE]
    assert authorised.documents.filter(kind="cancellation").count() == 1


def test_who_may_halt_and_who_may_not(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    for name in ("system_admin", "watchlist_admin", "officer", "compliance", "stranger"):
        with pytest.raises(PermissionDenied):
            running.pause(deployment, code=Halt.FAULT, actor=cast.by_role[name])
        with pytest.raises(PermissionDenied):
            running.stop(deployment, code=Halt.FAULT, actor=cast.by_role[name])
    running.pause(deployment, code=Halt.FAULT, actor=cast.operator)
    for name in ("operator", "authority"):
        with pytest.raises(PermissionDenied):
            running.resume(deployment, actor=cast.by_role[name])
    running.stop(deployment, code=Halt.BREACH, actor=cast.authority)
    assert deployment.state == State.STOPPED
    assert list_of(deployment).state == Watchlist.State.CLOSED


@pytest.mark.parametrize("code", ["", "because", Halt.AUTHORITY, Halt.END_OF_PERIOD])
def test_people_choose_only_reasons_offered_to_them(cast: Cast, code: str) -> None:
    deployment = make_live_deployment(cast)
    for halt in (running.pause, running.stop, running.end_period):
        with pytest.raises(Refused, match="Select one"):
            halt(deployment, code=code, actor=cast.commander)
    deployment.refresh_from_db()
    assert deployment.state == State.LIVE


def test_too_few_officers_pause_the_deployment(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    period = period_of(deployment)
    running.count_officers(period, count=4, actor=cast.commander)
    deployment.refresh_from_db()
    assert deployment.state == State.LIVE
    running.count_officers(period, count=3, actor=cast.commander)
    deployment.refresh_from_db()
    assert deployment.state == State.PAUSED
    with pytest.raises(Refused, match="3 present; at least 4 are needed"):
        running.resume(deployment, actor=cast.commander)


def test_the_system_halts_but_never_starts(cast: Cast) -> None:
    deployment = make_deployment(cast)
    for name in ("submit", "authorise", "make_ready", "go_live", "resume", "close"):
        assert not STEPS[name].system_may
        with pytest.raises(PermissionDenied):
            move(deployment, STEPS[name], actor=CLOCK)


# Two days.


def two_days(cast: Cast, **changes: Any) -> Deployment:
    """Return a deployment in Southend now, which is live, and in Chelmsford tomorrow."""
    now = timezone.now()
    southend = PeriodDraft(
        "Southend", now - dt.timedelta(minutes=5), now + dt.timedelta(hours=2), [CameraDraft("Pier")]
    )
    tomorrow = now + dt.timedelta(days=1)
    chelmsford = PeriodDraft("Chelmsford", tomorrow, tomorrow + dt.timedelta(hours=2), [CameraDraft("Bond Street")])
    deployment = rehearsal.authorised(make_draft(cast, southend, chelmsford, **changes), people_of(cast))
    rehearsal.prepared(period_of(deployment), make_sealed_watchlist(cast), people_of(cast))
    return rehearsal.live(deployment, people_of(cast))


def _next_day() -> None:
    """Move the second period to now."""
    now = timezone.now()
    Period.objects.filter(place="Chelmsford").update(
        starts_at=now - dt.timedelta(minutes=1), ends_at=now + dt.timedelta(hours=2)
    )
    sign_again()


def test_a_deployment_must_be_made_ready_again_for_its_second_day(cast: Cast) -> None:
    deployment = two_days(cast)
    first, second = deployment.periods.all()
    running.end_period(deployment, actor=cast.commander)
    assert deployment.state == State.NOTIFIED
    assert deployment.ended_at is None
    first.refresh_from_db()
    assert first.ended_at is not None
    assert list_of(deployment).state == Watchlist.State.CLOSED
    assert not Camera.objects.streaming_allowed(timezone.now()).exists()
    _next_day()
    with pytest.raises(Refused, match="No watchlist is attached"):
        readiness.make_ready(deployment, actor=cast.commander)
    second.refresh_from_db()
    rehearsal.prepared(second, make_sealed_watchlist(cast), people_of(cast))
    rehearsal.live(deployment, people_of(cast))
    # The first day's camera stays off.
    allowed = Camera.objects.streaming_allowed(timezone.now())
    assert [camera.name for camera in allowed] == ["Bond Street"]
    running.end_period(deployment, actor=cast.commander)
    assert deployment.state == State.ENDED
    assert deployment.documents.filter(kind="cancellation").count() == 1


def test_stopping_also_ends_the_following_days(cast: Cast) -> None:
    deployment = two_days(cast)
    running.stop(deployment, code=Halt.BREACH, actor=cast.commander)
    _next_day()
    assert not Camera.objects.streaming_allowed(timezone.now()).exists()
    with pytest.raises(Conflict):
        readiness.make_ready(deployment, actor=cast.commander)


def test_two_simultaneous_deployments_are_separate(cast: Cast) -> None:
    one, two = make_live_deployment(cast), make_live_deployment(cast, operating_point=make_operating_point(0.9))
    point = one.operating_point
    assert point is not None
    (first, *_), (second, *_) = cameras_of(one), cameras_of(two)
    now = timezone.now()
    terms = [frame_terms(str(camera.pk), at=now) for camera in (first, second)]
    assert [each.watchlist_ids for each in terms if each] == [(list_of(one).pk,), (list_of(two).pk,)]
    assert [each.threshold for each in terms if each] == [point.threshold, 0.9]
    alert = make_alert(one)
    # No alert can be raised here for a person on the other list.
    person = Person.objects.get(watchlist=list_of(two))
    with pytest.raises(Refused):
        raise_alert(first, Candidate(person.pk, person.photographs.get().pk, 0.9), make_probe("f" * 32))
    client = Client()
    client.force_login(cast.operator)
    assert str(alert.pk) in client.get(f"/deployments/{one.pk}/console/queue/").content.decode()
    assert str(alert.pk) not in client.get(f"/deployments/{two.pk}/console/queue/").content.decode()
    running.stop(one, code=Halt.DONE, actor=cast.commander)
    two.refresh_from_db()
    assert two.state == State.LIVE


# False alerts.


def test_the_governor_is_a_sequential_test(cast: Cast) -> None:
    del cast
    # A single early alert is weak evidence; a rate at the limit does not pause; sixteen times the limit soon does.
    assert governor.judge(1, 1, 1000).level != "pause"
    assert governor.judge(10, 10_000, 1000).level == "ok"
    assert governor.judge(0, 0, 1000).level == "ok"
    assert governor.judge(3, 100, 1000).level == "pause"
    assert governor.judge(5, 1000, 1000).level == "pause"
    assert "at most 1 in 20 deployments" in governor.judge(5, 1000, 1000).why
    # The evidence is exactly the mean of the four likelihood ratios.
    expected = sum(math.exp(2 * math.log(r) - 0.5 * (r - 1)) for r in (2, 4, 8, 16)) / 4
    assert governor.judge(2, 500, 1000).evidence == pytest.approx(expected)


def test_the_governor_seldom_pauses_a_deployment_within_the_limit() -> None:
    """Checked after every face: at the limit at most 1 in 20 pauses, at eight times the limit nearly all."""
    chance = np.random.default_rng(5)
    faces = 6000
    for ratio, low, high in ((1, 0.0, 0.05), (8, 0.95, 1.0)):
        paused = 0
        for _ in range(300):
            at = np.flatnonzero(chance.random(faces) < ratio / 1000) + 1
            # The evidence can reach its bound only after a false alert.
            paused += any(governor.judge(n, int(seen), 1000).level == "pause" for n, seen in enumerate(at, start=1))
        assert low <= paused / 300 <= high


def test_false_alerts_above_the_limit_pause_until_another_threshold_is_approved(
    cast: Cast, settings: Any, tmp_path: Path
) -> None:
    settings.LFR_JOIN_WINDOW = dt.timedelta(0)
    deployment = make_live_deployment(cast)
    cameras.count_frames(cameras_of(deployment)[0], FrameCounts(received=900, processed=900, faces=400))
    for number in range(4):
        deployment.refresh_from_db()
        if deployment.state == State.LIVE:
            act(make_alert(deployment, f"{number:032}"), "not_same", cast=cast)
    deployment.refresh_from_db()
    assert deployment.state == State.PAUSED
    paused = Entry.objects.get(action="deployment.paused")
    assert paused.actor == "the automatic safeguard"
    assert paused.data["code"] == "false_alerts"
    with pytest.raises(Refused, match="change of threshold"):
        running.resume(deployment, actor=cast.commander)
    point = deployment.operating_point
    assert point is not None
    higher = make_operating_point(0.85)
    change = amendments.propose_change(deployment, higher, evidence="Four false alerts", actor=cast.commander)
    with pytest.raises(PermissionDenied):
        amendments.decide_change(change, accept=True, reason="Go on", actor=cast.commander)
    amendments.decide_change(change, accept=True, reason="Fewer strangers", actor=cast.authority)
    deployment.refresh_from_db()
    assert deployment.operating_point == higher
    # The change is an amended authority document, with who decided it and why.
    # The clock prints what was amended: the list that was confirmed, and now the threshold.
    assert documents.make_missing() == 1
    assert [each.kind for each in deployment.documents.all()] == ["authority", "amendment"]
    amended = {each.heading: each for each in document_content.authority_sections(deployment, tmp_path)}
    assert "Fewer strangers" in amended["Amendments"].table[1]
    assert any("0.850" in value for _, value in amended["Engine and threshold"].rows)
    running.resume(deployment, actor=cast.commander)
    with pytest.raises(Conflict):
        amendments.decide_change(change, accept=False, reason="No", actor=cast.authority)
    record = record_of(deployment)
    assert [str(each) for each in record.changes] == [str(change)]
    assert record.figures.false_alerts == record.figures.alerts > 0


def test_nobody_approves_a_change_they_proposed(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    point = deployment.operating_point
    assert point is not None
    higher = make_operating_point(0.85)
    both = permit(cast.authority, *ROLES["Commander"])
    change = amendments.propose_change(deployment, higher, evidence="Many", actor=both)
    with pytest.raises(Refused, match="Another authorising officer"):
        amendments.decide_change(change, accept=True, reason="Mine", actor=both)
    ThresholdChange.objects.update(state=ThresholdChange.State.REJECTED)
    equality.withdraw(BiasEvidence.objects.get(), actor=cast.compliance)
    with pytest.raises(Refused, match="no countersigned evidence in force"):
        amendments.propose_change(deployment, higher, evidence="Many", actor=cast.commander)


# The recognition test's alerts.


def test_alerts_on_staff_are_counted_separately(cast: Cast) -> None:
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    blue = make_blue_list(cast)
    rehearsal.prepared(period_of(deployment), make_sealed_watchlist(cast), people_of(cast), blue_list=blue)
    rehearsal.live(deployment, people_of(cast))
    camera, staff = cameras_of(deployment)[0], blue.people.get()
    bluetest.tap(camera, staff, actor=cast.operator)
    candidate = Candidate(staff.pk, staff.photographs.get().pk, 0.8)
    alert = raise_alert(camera, candidate, make_probe("b" * 32))
    assert alert is not None
    assert alert.state == Alert.State.BLUE
    with pytest.raises(Conflict):
        act(alert, "not_same", cast=cast)
    record = record_of(deployment)
    assert (record.figures.alerts, deployment.counters().raised) == (0, 0)
    assert [(rate.passes, rate.recognised) for rate in record.periods[0].rates] == [(1, 1), (0, 0)]
    assert "test_passes" in record_csv(record)


# Cameras.


def test_a_token_opens_its_own_camera_only_and_can_be_revoked(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    north, south = cameras_of(deployment)
    with pytest.raises(PermissionDenied):
        cameras.issue_token(north, actor=cast.operator)
    token = cameras.issue_token(north, actor=cast.commander)
    assert Camera.objects.with_token(token).get() == north
    assert token not in north.token_digest
    assert not Camera.objects.with_token("").exists()
    assert not Camera.objects.with_token(south.token_digest).exists()
    again = cameras.issue_token(north, actor=cast.system_admin)
    assert not Camera.objects.with_token(token).exists()
    cameras.revoke_token(north, actor=cast.system_admin)
    assert not Camera.objects.with_token(again).exists()
    with pytest.raises(Refused, match="no token"):
        cameras.revoke_token(north, actor=cast.system_admin)
    running.end_period(deployment, actor=cast.commander)
    with pytest.raises(Conflict, match="period is over"):
        cameras.issue_token(Camera.objects.get(pk=south.pk), actor=cast.commander)


def test_a_zone_is_part_of_the_terms_of_a_frame(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    running.pause(deployment, code=Halt.FAULT, actor=cast.commander)
    camera = cameras_of(deployment)[0]
    zone = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
    cameras.set_zone(camera, zone, actor=cast.system_admin)
    running.resume(deployment, actor=cast.commander)
    terms = frame_terms(str(camera.pk), at=timezone.now())
    assert terms is not None
    assert terms.area == Area(within=(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)),))
    running.pause(deployment, code=Halt.FAULT, actor=cast.commander)
    cameras.set_zone(cameras_of(deployment)[0], [], actor=cast.system_admin)
    assert Camera.objects.get(pk=camera.pk).zone == []


def test_counts_add_up_and_health_is_current(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    north, south = cameras_of(deployment)
    health = cameras.Health(rate=4.9, dropped=0.3, latency_ms=1500, brightness=20.0, sharpness=5.0)
    cameras.count_frames(north, FrameCounts(received=10, processed=8, dropped=2, faces=3), health)
    cameras.count_frames(north, FrameCounts(received=5, processed=5, dropped=0, faces=1))
    cameras.count_frames(south, FrameCounts(received=1, processed=1, dropped=0, faces=0))
    counted = Deployment.objects.with_counts().get()
    assert (counted.received, counted.processed, counted.dropped, counted.faces) == (16, 14, 2, 4)  # type: ignore[attr-defined]
    assert deployment.counters().faces == 4
    north.refresh_from_db()
    assert north.warnings == ["Too dark", "Out of focus", "30% of frames lost", "1.5 s behind"]
    Camera.objects.update(last_seen_at=timezone.now() - dt.timedelta(minutes=1))
    assert Camera.objects.get(pk=south.pk).warnings[0].startswith("No picture since")


# Afterwards.


def test_a_deployment_is_closed_only_once_everything_is_settled(cast: Cast, settings: Any, tmp_path: Path) -> None:
    settings.LFR_JOIN_WINDOW = dt.timedelta(0)
    deployment = two_days(cast, lender="South Wales Police")
    alert, other = make_alert(deployment, "a" * 32), make_alert(deployment, "b" * 32)
    act(alert, "same", cast=cast)
    kit = closure.receive_kit(
        deployment,
        kind="loaned",
        description="Van",
        serial="SWP/7",
        lender="South Wales Police",
        actor=cast.commander,
    )
    van = {"kind": "loaned", "description": "Van", "serial": "SWP/7"}
    with pytest.raises(Refused, match="already"):
        closure.receive_kit(deployment, **van, lender="x", actor=cast.commander)
    with pytest.raises(Conflict, match="not over"):
        closure.wipe_kit(kit, witness="A. N. Other", wiping="Disks", actor=cast.commander)
    with pytest.raises(Refused, match="Cameras are still on"):
        alert_operations.code(other, "unresolved", actor=cast.commander)
    running.stop(deployment, code=Halt.DONE, actor=cast.commander)
    closure.begin_review(deployment, review="The objective was met.", media_used=True, actor=cast.commander)
    with pytest.raises(Refused) as refused:
        closure.close(deployment, actor=cast.authority)
    for words in (
        "without an outcome: 2",
        "certificate of destruction: 1",
        "Equipment and media not wiped: 1",
        "Removable media were used, but none is on the register",
        "Signs not taken down: 2",
        "without the number of cards handed out: 1",
    ):
        assert words in str(refused.value)
    act(alert, "engage", "check_identity", "confirm", "arrest", cast=cast)
    other = Alert.objects.get(pk=other.pk)
    with pytest.raises(Refused, match="not referred to officers"):
        alert_operations.code(other, "arrested", "rape", actor=cast.commander)
    alert_operations.code(other, "unresolved", actor=cast.commander)
    destruction.destroy_due(at=timezone.now() + dt.timedelta(hours=25))
    with pytest.raises(Refused, match="someone else"):
        closure.wipe_kit(kit, witness="Commander", wiping="Disks", actor=cast.commander)
    closure.wipe_kit(kit, witness="A. N. Other", wiping="Disks overwritten, checked", actor=cast.commander)
    medium = closure.receive_kit(
        deployment, kind="medium", description="Memory stick", serial="M/1", actor=cast.commander
    )
    closure.wipe_kit(medium, witness="A. N. Other", wiping="Overwritten, read back", actor=cast.commander)
    for sign in Sign.objects.filter(period__deployment=deployment):
        signs.take_down(sign, actor=cast.commander)
    signs.record_cards(period_of(deployment), count=120, actor=cast.commander)
    with pytest.raises(PermissionDenied):
        closure.close(deployment, actor=cast.commander)
    closure.close(deployment, actor=cast.authority)
    assert deployment.state == State.CLOSED
    record = record_of(deployment)
    assert (record.figures.alerts, record.figures.confirmed, record.figures.of(Result.UNRESOLVED)) == (2, 1, 1)
    assert record.arrests == [("Robbery", 1)]
    # The ending was recorded before the outcomes were known; they are in the report made at closing.
    assert [each.kind for each in deployment.documents.all()] == ["authority", "cancellation", "post"]
    sections = {each.heading: each for each in post_deployment_sections(deployment, tmp_path)}
    outcomes = {row[0]: row[-1] for row in sections["Outcomes"].table[1:]}
    assert (outcomes["Possible matches"], outcomes["True, confirmed"], outcomes["Unresolved"]) == ("2", "1", "1")
    assert outcomes["Without an outcome"] == "0"
    assert sections["Arrests"].table[1:] == [("Robbery", "1")]
    assert sections["Review"].text == "The objective was met."
    assert len(sections["Destruction of the watchlists"].table) == 2
    assert [row[0] for row in sections["Equipment and removable media"].table[1:]] == [
        "Van (SWP/7)",
        "Memory stick (M/1)",
    ]
    assert "A. N. Other" in sections["Equipment and removable media"].table[1][-1]
    assert "120" in sections["Signs"].text
    assert len(sections["Signs"].table) == 3
    with pytest.raises(Conflict):
        closure.change_review(deployment, review="Better", media_used=False, actor=cast.commander)


def test_a_purged_alert_without_an_outcome_blocks_closing_until_it_is_coded(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    running.end_period(deployment, actor=cast.commander)
    evidence.purge_due(at=timezone.now() + dt.timedelta(hours=25))
    assert "without an outcome: 1" in " ".join(closure.open_ends_of(deployment))
    alert.refresh_from_db()
    client = Client()
    client.force_login(cast.commander)
    assert "Possible match" in client.get(f"/deployments/{deployment.pk}/alerts/?show=open").content.decode()
    # Nobody can compare the faces of a purged alert.
    assert client.post(f"/alerts/{alert.pk}/code/", {"ending": "late_same"}).status_code == 422
    client.post(f"/alerts/{alert.pk}/code/", {"ending": "unresolved"})
    assert "without an outcome" not in " ".join(closure.open_ends_of(deployment))


# Cases found in a later review of the code.


def test_a_day_that_took_place_is_reviewed_even_if_the_next_did_not(cast: Cast) -> None:
    deployment = two_days(cast)
    running.end_period(deployment, actor=cast.commander)
    with pytest.raises(Refused, match="Part of this deployment has already taken place"):
        authority.cancel(deployment, reason="Rain", actor=cast.watchlist_admin)
    assert running.lapse_unstarted(at=timezone.now() + dt.timedelta(days=3)) == 1
    deployment.refresh_from_db()
    assert deployment.state == State.ENDED
    closure.begin_review(deployment, review="One day of two.", media_used=False, actor=cast.commander)


def test_a_finished_period_keeps_its_list(cast: Cast) -> None:
    deployment = two_days(cast)
    running.end_period(deployment, actor=cast.commander)
    with pytest.raises(Conflict, match="before the period goes live"):
        period_lists.attach_list(period_of(deployment), make_sealed_watchlist(cast), actor=cast.watchlist_admin)


def test_the_authorising_officer_does_not_run_the_deployment(cast: Cast) -> None:
    deployment = make_deployment(cast)
    both = permit(cast.authority, *ROLES["Commander"])
    for start in (readiness.make_ready, running.go_live):
        with pytest.raises((Refused, Conflict)):
            start(deployment, actor=both)
    readiness.make_ready(deployment, actor=cast.commander)
    with pytest.raises(Refused, match="cannot run it"):
        running.go_live(deployment, actor=both)


def test_a_document_that_cannot_be_made_does_not_prevent_stopping(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = make_live_deployment(cast)
    documents.make_missing()
    with monkeypatch.context() as broken:
        broken.setattr(typst, "compile", _broken)
        running.stop(deployment, code=Halt.BREACH, actor=cast.commander)
    assert deployment.state == State.STOPPED
    assert not deployment.documents.filter(kind="cancellation").exists()
    assert documents.make_missing() == 1
    assert documents.make_missing() == 0
    assert deployment.documents.filter(kind="cancellation").count() == 1


def _broken(*args: object, **kwargs: object) -> None:
    raise RuntimeError("broken")


def test_a_failing_deployment_does_not_keep_others_from_ending(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make_deployment(cast), make_deployment(cast)
    holding = lock_deployment

    def fails_once(deployment: Deployment) -> None:
        if deployment.pk == first.pk:
            _broken()
        holding(deployment)

    monkeypatch.setattr("deployments.running.lock_deployment", fails_once)
    assert running.lapse_unstarted(at=timezone.now() + dt.timedelta(hours=3)) == 1
    second.refresh_from_db()
    assert second.state == State.AUTH_EXPIRED


def test_faces_of_the_recognition_test_do_not_count_for_the_governor(cast: Cast) -> None:
    deployment = make_deployment(cast)
    camera = cameras_of(deployment)[0]
    cameras.count_frames(camera, FrameCounts(received=9, processed=9, faces=7))
    assert deployment.counters().faces == 0
    rehearsal.live(deployment, people_of(cast))
    cameras.count_frames(camera, FrameCounts(received=9, processed=9, faces=5))
    camera.refresh_from_db()
    assert (deployment.counters().faces, camera.faces_tested) == (5, 7)


def test_the_audit_log_names_deployments_and_cameras_by_number(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    make_alert(deployment)
    names = (deployment.name, "North", "South")
    for entry in Entry.objects.all():
        assert not any(name in f"{entry.target} {entry.actor} {entry.data}" for name in names)


def test_hundreds_of_false_alerts_cause_no_error() -> None:
    assert governor.judge(5000, 5000, 1000).level == "pause"
