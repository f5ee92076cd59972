from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.errors import Conflict, Refused
from audit.journal import CLOCK
from audit.machine import move
from deployments import operations
from deployments.models import STEPS, Camera, Deployment
from deployments.operations import FrameCounts, NewCamera
from deployments.querysets import FrameTerms
from tests.cast import Cast, make_deployment, make_live_deployment, make_sealed_watchlist, make_watchlist
from watchlists.engine import identity as running_identity
from watchlists.models import Watchlist

State = Deployment.State


def test_the_life_of_a_deployment(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    assert deployment.is_live()
    assert deployment.list_size == 1
    assert deployment.operating_point is not None
    deployment.watchlist.refresh_from_db()
    assert deployment.watchlist.state == Watchlist.State.LIVE
    operations.end(deployment, actor=cast.operator, reason="Rain")
    assert not deployment.is_live()
    assert deployment.end_reason == "Rain"


def test_the_applicant_may_not_authorise(cast: Cast) -> None:
    both = cast.intelligence
    both.groups.add(*cast.authority.groups.all())
    deployment = make_deployment(cast)
    operations.submit(deployment, actor=both)
    for act in (operations.authorise, operations.refuse):
        with pytest.raises(Refused, match="may not decide"):
            act(deployment, actor=both, reason="Mine")


@pytest.mark.parametrize("role", ["administrator", "intelligence", "operator", "officer", "compliance", "stranger"])
def test_nobody_else_authorises(cast: Cast, role: str) -> None:
    deployment = make_deployment(cast)
    operations.submit(deployment, actor=cast.intelligence)
    deployment.applicant = cast.stranger
    with pytest.raises((PermissionDenied, Refused)):
        operations.authorise(deployment, actor=cast.by_role[role], reason="x")
    deployment.refresh_from_db()
    assert deployment.state == State.SUBMITTED


def test_unauthorised_never_goes_live(cast: Cast) -> None:
    deployment = make_deployment(cast)
    with pytest.raises(Conflict, match="is draft"):
        operations.go_live(deployment, actor=cast.operator)
    operations.submit(deployment, actor=cast.intelligence)
    operations.refuse(deployment, actor=cast.authority, reason="No nexus")
    with pytest.raises(Conflict, match="refused"):
        operations.go_live(deployment, actor=cast.operator)


def test_the_database_itself_refuses_live_without_authority(cast: Cast) -> None:
    deployment = make_deployment(cast)
    with pytest.raises(IntegrityError), transaction.atomic():
        Deployment.objects.filter(pk=deployment.pk).update(state=State.LIVE)


def test_not_before_and_not_after_the_authority(cast: Cast) -> None:
    deployment = make_deployment(cast)
    operations.submit(deployment, actor=cast.intelligence)
    operations.authorise(deployment, actor=cast.authority, reason="x")
    now = timezone.now()
    deployment.starts_at = now + dt.timedelta(minutes=5)
    with pytest.raises(Refused, match="starts at"):
        operations.go_live(deployment, actor=cast.operator)
    deployment.starts_at, deployment.ends_at = now - dt.timedelta(hours=2), now - dt.timedelta(seconds=1)
    with pytest.raises(Refused, match="has ended"):
        operations.go_live(deployment, actor=cast.operator)


def test_the_clock_ends_what_ran_out_at_the_authoritys_end(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    late = deployment.ends_at + dt.timedelta(minutes=3)
    assert not deployment.is_live(deployment.ends_at)
    assert deployment.is_live(deployment.ends_at - dt.timedelta(microseconds=1))
    assert Deployment.objects.live(deployment.ends_at).count() == 0
    assert operations.end_run_out(at=deployment.ends_at - dt.timedelta(seconds=1)) == []
    assert operations.end_run_out(at=late) == [deployment]
    assert operations.end_run_out(at=late) == []


def test_a_list_serves_one_deployment(cast: Cast) -> None:
    watchlist = make_sealed_watchlist(cast)
    first, second = make_deployment(cast, watchlist), make_deployment(cast, watchlist)
    for deployment in (first, second):
        operations.submit(deployment, actor=cast.intelligence)
        operations.authorise(deployment, actor=cast.authority, reason="x")
    operations.go_live(first, actor=cast.operator)
    second.watchlist.refresh_from_db()
    with pytest.raises(Conflict), transaction.atomic():
        operations.go_live(second, actor=cast.operator)
    second.refresh_from_db()
    assert second.state == State.AUTHORISED


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [(60, 60, "after the start"), (90, 30, "after the start"), (-90, -30, "over already"), (0, 60 * 13, "12 hours")],
)
def test_impossible_windows_are_refused(cast: Cast, start: int, end: int, says: str) -> None:
    now = timezone.now()
    with pytest.raises(Refused, match=says):
        operations.create(
            actor=cast.intelligence,
            name="x",
            place="y",
            purpose="z",
            starts_at=now + dt.timedelta(minutes=start),
            ends_at=now + dt.timedelta(minutes=end),
            watchlist=make_sealed_watchlist(cast),
            cameras=[NewCamera("One")],
        )
    assert not Deployment.objects.exists()


def test_a_list_that_is_not_sealed_is_refused(cast: Cast) -> None:
    with pytest.raises(Refused, match="must be sealed"):
        make_deployment(cast, make_watchlist(cast))


def test_a_token_opens_its_own_camera_only_and_is_kept_as_a_hash(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    north, south = deployment.cameras.all()
    token = operations.issue_token(north, actor=cast.operator)
    assert Camera.objects.with_token(token).get() == north
    assert token not in north.token_digest
    assert not Camera.objects.with_token("").exists()
    assert not Camera.objects.with_token(south.token_digest).exists()
    operations.issue_token(north, actor=cast.operator)
    assert not Camera.objects.with_token(token).exists()


def test_counts_add_up(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    north, south = deployment.cameras.all()
    operations.count_frames(north, FrameCounts(received=10, processed=8, dropped=2, faces=3))
    operations.count_frames(north, FrameCounts(received=5, processed=5, dropped=0, faces=1))
    operations.count_frames(south, FrameCounts(received=1, processed=1, dropped=0, faces=0))
    counted = Deployment.objects.with_counts().get()
    assert (counted.received, counted.processed, counted.dropped, counted.faces) == (16, 14, 2, 4)  # type: ignore[attr-defined]


def test_the_system_ends_but_never_authorises(cast: Cast) -> None:
    deployment = make_deployment(cast)
    operations.submit(deployment, actor=cast.intelligence)
    with pytest.raises(PermissionDenied):
        move(deployment, STEPS["authorise"], actor=CLOCK)
    assert not STEPS["authorise"].system_may


def test_what_never_started_lapses(cast: Cast) -> None:
    draft, authorised, live = make_deployment(cast), make_deployment(cast), make_live_deployment(cast)
    operations.submit(authorised, actor=cast.intelligence)
    operations.authorise(authorised, actor=cast.authority, reason="x")
    assert operations.lapse_unstarted() == 0
    assert operations.lapse_unstarted(at=timezone.now() + dt.timedelta(hours=3)) == 2
    for deployment in (draft, authorised, live):
        deployment.refresh_from_db()
    assert [draft.state, authorised.state, live.state] == [State.LAPSED, State.LAPSED, State.LIVE]
    with pytest.raises(Conflict):
        operations.go_live(authorised, actor=cast.operator)


def test_the_terms_of_a_frame_hold_exactly_while_streaming_is_allowed(cast: Cast) -> None:
    """Two statements of one rule, the second for every frame: before, within and after the authority, and ended."""
    deployment = make_live_deployment(cast)
    camera, point = deployment.cameras.first(), deployment.operating_point
    assert camera is not None
    assert point is not None
    second = dt.timedelta(seconds=1)
    moments = [
        moment + step for moment in (deployment.starts_at, deployment.ends_at) for step in (-second, 0 * second, second)
    ]
    allowed = [Camera.objects.streaming_allowed(at).filter(pk=camera.pk).exists() for at in moments]
    assert allowed == [False, True, True, True, False, False]
    terms = [Camera.objects.frame_terms(str(camera.pk), at=at) for at in moments]
    assert [found is not None for found in terms] == allowed
    wanted = FrameTerms(
        deployment.watchlist_id, point.engine_id, point.threshold, camera.smallest_face, running_identity()
    )
    assert terms[1] == wanted
    operations.end(deployment, actor=cast.operator, reason="Rain")
    assert Camera.objects.frame_terms(str(camera.pk), at=moments[1]) is None
