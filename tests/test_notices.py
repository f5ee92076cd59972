"""Public notice: long enough before the cameras are on, unless an authorising officer exempts the deployment."""

from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from audit.models import Entry
from core.errors import Conflict, Refused
from core.ranks import Rank
from demo import rehearsal
from deployments import amendments, bluetest, notices, period_lists, readiness, running
from deployments.choices import Halt
from deployments.models import Deployment, PublicNotice
from lfr_site.models import User
from tests.cast import (
    Cast,
    cameras_of,
    client_of,
    list_of,
    make_draft,
    make_live_deployment,
    make_operating_point,
    make_user,
    people_of,
    period_of,
)

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def deployment(cast: Cast) -> Deployment:
    """A deployment that is authorised, and of which nobody has been told."""
    made = rehearsal.authorised(make_draft(cast), people_of(cast))
    assert made.state == Deployment.State.AUTHORISED
    return made


def _give(deployment: Deployment, actor: User, before: dt.timedelta, **changes: str) -> PublicNotice:
    given = {"channel": "site", "address": "https://example.police.uk/news/1", **changes}
    return notices.give_notice(deployment, **given, published_at=timezone.now() - before, actor=actor)


def _check(deployment: Deployment, after: dt.timedelta = dt.timedelta()) -> readiness.Check:
    period = period_of(Deployment.objects.get(pk=deployment.pk))
    (found,) = [each for each in readiness.checks(period, at=timezone.now() + after) if each.name == "notice"]
    return found


def test_the_first_notice_moves_the_deployment_on_and_others_are_added(cast: Cast, deployment: Deployment) -> None:
    _give(deployment, cast.commander, 30 * HOUR)
    deployment.refresh_from_db()
    assert deployment.state == Deployment.State.NOTIFIED
    _give(deployment, cast.commander, 2 * HOUR, channel="social", address="@example")
    assert [str(each) for each in deployment.notices.all()] == [
        "Force website: https://example.police.uk/news/1",
        "Social media: @example",
    ]
    entries = Entry.objects.filter(action__in=("deployment.notified", "deployment.notice_recorded")).order_by("pk")
    assert [(entry.action, entry.data["channel"]) for entry in entries] == [
        ("deployment.notified", "site"),
        ("deployment.notice_recorded", "social"),
    ]


def test_a_notice_counts_from_when_it_was_published(cast: Cast, deployment: Deployment) -> None:
    assert _check(deployment).why == "Public notice has not been given."
    _give(deployment, cast.commander, settings.LFR_NOTICE - HOUR)
    period = period_of(deployment)
    assert period.starts_at is not None
    assert period.starts_at < timezone.now() + HOUR
    assert not _check(deployment).holds
    assert "Published less than 24 hours before" in _check(deployment).why
    assert not _check(deployment, 0.9 * HOUR).holds
    assert _check(deployment, HOUR).holds
    # An earlier notice, recorded later, counts too.
    _give(deployment, cast.commander, settings.LFR_NOTICE)
    assert _check(deployment).holds


def test_the_lead_time_is_the_forces(cast: Cast, deployment: Deployment, settings: object) -> None:
    _give(deployment, cast.commander, 5 * HOUR)
    assert not _check(deployment).holds
    settings.LFR_NOTICE = 4 * HOUR  # type: ignore[attr-defined]
    assert _check(deployment).holds


def test_a_notice_to_come_or_of_another_year_is_refused(cast: Cast, deployment: Deployment) -> None:
    for before, changes, says in (
        (-HOUR, {}, "in the future"),
        (365 * 24 * HOUR, {}, "Check the year"),
        (HOUR, {"address": " "}, "how, where and when"),
        (HOUR, {"channel": "pigeon"}, "how, where and when"),
    ):
        with pytest.raises(Refused, match=says):
            _give(deployment, cast.commander, before, **changes)
    first = dt.datetime.fromisoformat("0001-01-01T00:00+14:00")
    with pytest.raises(Refused, match="Check the year"):
        notices.give_notice(deployment, channel="site", address="News", published_at=first, actor=cast.commander)
    assert not PublicNotice.objects.exists()


def test_only_a_commander_records_and_only_under_authority(cast: Cast, deployment: Deployment) -> None:
    for name in ("authority", "watchlist_admin", "operator", "officer", "compliance", "owner"):
        with pytest.raises(PermissionDenied):
            _give(deployment, getattr(cast, name), HOUR)
    Deployment.objects.update(authority_ends_at=timezone.now())
    deployment.refresh_from_db()
    with pytest.raises(Conflict):
        _give(deployment, cast.commander, HOUR)


def test_an_authorising_officer_alone_exempts_and_the_notice_stays_needed(cast: Cast, deployment: Deployment) -> None:
    for name in ("commander", "watchlist_admin", "operator", "owner", "compliance"):
        with pytest.raises(PermissionDenied):
            notices.exempt(deployment, reason="Threat to life", actor=getattr(cast, name))
    Deployment.objects.update(applicant=cast.authority)
    deployment.refresh_from_db()
    with pytest.raises(Refused, match="worked on"):
        notices.exempt(deployment, reason="Threat to life", actor=cast.authority)
    Deployment.objects.update(applicant=cast.watchlist_admin)
    deployment.refresh_from_db()
    inspector = make_user("inspector", cast.authority, Rank.INSPECTOR)
    with pytest.raises(Refused, match="rank"):
        notices.exempt(deployment, reason="Threat to life", actor=inspector)
    with pytest.raises(Refused, match="critical threat"):
        notices.exempt(deployment, reason=" ", actor=cast.authority)
    notices.exempt(deployment, reason="A credible threat to life today", actor=cast.authority)
    assert not _check(deployment).holds
    _give(deployment, cast.commander, dt.timedelta(minutes=1))
    assert _check(deployment).holds
    assert "Exempt from the lead time" in _check(deployment).why
    with pytest.raises(Conflict):
        notices.exempt(deployment, reason="Again", actor=cast.authority)
    entry = Entry.objects.get(action="deployment.notice_exempted")
    assert entry.data == {"reason": "A credible threat to life today", "rank": Rank.SUPERINTENDENT}


def test_the_page_records_a_notice_and_exempts(cast: Cast, deployment: Deployment) -> None:
    page = f"/deployments/{deployment.pk}/"
    commander, officer = client_of(cast.commander), client_of(cast.authority)
    assert "Next: give public notice" in commander.get(page).content.decode()
    published = timezone.localtime() - 2 * HOUR
    given = {"channel": "press", "address": "Echo, page 4", "published_at": f"{published:%Y-%m-%dT%H:%M}"}
    assert commander.post(f"{page}notify/", given).status_code == 302
    text = commander.get(page).content.decode()
    assert "Press or radio: Echo, page 4" in text
    assert f"{published.day} {published:%B %Y %H:%M}" in text
    assert "Record another notice" in text
    assert "Exempt deployment" not in text
    assert "Exempt deployment" in officer.get(page).content.decode()
    assert officer.post(f"{page}notice-exempt/", {"reason": "Threat to life"}).status_code == 302
    assert "Exempt from the lead time" in commander.get(page).content.decode()


def test_no_camera_is_on_before_the_lead_time_has_passed(cast: Cast) -> None:
    period = period_of(make_live_deployment(cast))
    assert not [each for each in readiness.checks(period) if each.name == "notice" and not each.holds]
    PublicNotice.objects.update(published_at=timezone.now())
    assert any("Published less than" in why for why in readiness.obstacles(period))
    # Nor for the recognition test: those who pass are seen all the same.
    with pytest.raises(Refused, match="Published less than"):
        Deployment.objects.update(state="notified")
        bluetest.start(period_of(Deployment.objects.get()), actor=cast.commander)
    rehearsal.notified(period.deployment, cast.commander)
    assert not any("Published less than" in why for why in readiness.obstacles(period))


def test_no_decision_under_an_authority_by_an_officer_who_worked_on_the_application(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    running.pause(deployment, code=Halt.COMMUNITY, detail="", actor=cast.commander)
    point = make_operating_point(0.72)
    change = amendments.propose_change(deployment, point, evidence="Fewer false alerts", actor=cast.commander)
    period = period_of(deployment)
    Deployment.objects.update(applicant=cast.authority)
    deployment.refresh_from_db()
    camera, seen = cameras_of(deployment)[0], list_of(deployment).sealed_hash
    for decide in (
        lambda: amendments.decide_change(change, accept=True, reason="Fewer", actor=cast.authority),
        lambda: amendments.widen_camera(camera, smallest_face=24, reason="Further away", actor=cast.authority),
        lambda: period_lists.confirm_list(period, seen=seen, actor=cast.authority),
        lambda: notices.exempt(deployment, reason="Threat to life", actor=cast.authority),
    ):
        with pytest.raises(Refused, match="You worked on this application"):
            decide()
