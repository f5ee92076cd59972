"""Publication: by a publisher, validated, versioned, never changed; public pages from files, without the database."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alerts import operations
from alerts.models import Alert
from audit.actions import Action
from audit.journal import record
from audit.models import Entry
from core.errors import Conflict, Refused
from core.ranks import Rank
from demo import rehearsal
from deployments import applications, authority, cameras, notices
from deployments.cameras import FrameCounts
from deployments.models import Camera, Deployment, Period
from reports import grid, public_site, publishing
from reports.grid_rules import findings_in
from reports.models import Publication
from reports.record_files import record_csv
from reports.records import DeploymentRecord, record_of
from reports.tasks import write_public
from tests.cast import (
    Cast,
    act,
    cameras_of,
    client_of,
    end,
    list_of,
    make_alert,
    make_draft,
    make_live_deployment,
    make_sealed_watchlist,
    make_user,
    people_of,
    period_of,
)
from watchlists import destruction

ARREST = ("open", "same", "acknowledge", "engage", "check_identity", "confirm", "arrest")


def _closed(cast: Cast) -> Deployment:
    """Return a closed deployment with one arrest and one false alert among 5,000 faces."""
    deployment = make_live_deployment(cast, make_sealed_watchlist(cast, people=2))
    cameras.count_frames(cameras_of(deployment)[0], FrameCounts(received=1, processed=1, faces=5000))
    sought = list(list_of(deployment).people.all())
    act(make_alert(deployment, "1" * 32, sought[0]), *ARREST, cast=cast)
    act(make_alert(deployment, "2" * 32, sought[1]), "not_same", cast=cast)
    Period.objects.update(went_live_at=timezone.now() - dt.timedelta(hours=3))
    end(deployment, cast)
    destruction.destroy(list_of(deployment))
    Deployment.objects.filter(pk=deployment.pk).update(state="closed", closed_at=timezone.now())
    deployment.refresh_from_db()
    return deployment


def _corrected(deployment: Deployment, cast: Cast) -> None:
    alert = Alert.objects.get(deployment=deployment, state="arrested")
    operations.correct(alert, "other", "summons", reason="It was a summons", actor=cast.commander)


def test_a_publisher_publishes_a_closed_deployment_once(cast: Cast) -> None:
    deployment = _closed(cast)
    made = publishing.publish(deployment, actor=cast.publisher)
    deployment.refresh_from_db()
    assert deployment.state == Deployment.State.RESULTS_PUBLISHED
    assert (made.version, made.alerts, made.arrests, made.false_alerts, made.faces) == (1, 2, 1, 1, 5000)
    assert made.sha256 == publishing.content_hash(Publication.objects.get().content)
    entry = Entry.objects.get(action="deployment.results_published")
    assert (entry.data["sha256"], entry.actor) == (made.sha256, str(cast.publisher))
    with pytest.raises(Refused, match="Enter why"):
        publishing.publish(deployment, actor=cast.publisher)
    with pytest.raises(Refused, match="nothing to correct"):
        publishing.publish(deployment, reason="Just so", actor=cast.publisher)
    assert Publication.objects.count() == 1


def test_nobody_else_publishes_and_nothing_before_its_closure(cast: Cast) -> None:
    live = make_live_deployment(cast, make_sealed_watchlist(cast))
    with pytest.raises(Conflict, match="once it is closed"):
        publishing.publish(live, actor=cast.publisher)
    for user in (cast.commander, cast.compliance, cast.authority, cast.operator, cast.system_admin):
        with pytest.raises(PermissionDenied):
            publishing.publish(live, actor=user)
    assert not Publication.objects.exists()


def test_a_correction_is_the_next_version_with_its_reason(cast: Cast) -> None:
    deployment = _closed(cast)
    first = publishing.publish(deployment, actor=cast.publisher)
    assert publishing.to_correct() == []
    _corrected(deployment, cast)
    assert publishing.to_correct() == [first]
    client = client_of(cast.publisher)
    address = reverse("publish", args=[deployment.pk])
    assert client.post(address).status_code == 422
    assert client.post(address, {"reason": "It was a summons, not an arrest."}).status_code == 302
    newest = publishing.latest()[0]
    assert (newest.version, newest.arrests, newest.other) == (2, 0, 1)
    changed = {name: (before, after) for name, before, after in publishing.differences(first.content, newest.content)}
    assert (changed["outcome_arrest"], changed["outcome_other"]) == (("1", "0"), ("0", "1"))
    assert Publication.objects.get(version=1).arrests == 1
    assert Entry.objects.filter(action="deployment.results_corrected").count() == 1
    assert publishing.to_correct() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reports_publication SET arrests = 9",
        "DELETE FROM reports_publication",
        "TRUNCATE reports_publication CASCADE",
    ],
)
def test_the_database_refuses_to_change_what_was_published(cast: Cast, statement: str) -> None:
    publishing.publish(_closed(cast), actor=cast.publisher)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)


@pytest.mark.parametrize(
    "wrong", [{"alerts": 3}, {"arrests": 0}, {"no_action": 1}, {"true_unconfirmed": 1}, {"version": 2}, {"reason": "x"}]
)
def test_the_database_refuses_figures_that_do_not_add_up(cast: Cast, wrong: dict[str, Any]) -> None:
    known = publishing.publish(_closed(cast), actor=cast.publisher)
    other = make_live_deployment(cast, make_sealed_watchlist(cast))
    kept = {field.attname: getattr(known, field.attname) for field in Publication._meta.concrete_fields}
    given = {**kept, "id": None, "deployment_id": other.pk, **wrong}
    with pytest.raises(IntegrityError), transaction.atomic():
        Publication.objects.create(**given)


def test_results_that_contradict_themselves_are_not_published(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = _closed(cast)

    def wrong(found: DeploymentRecord, *, public: bool) -> str:
        rows = list(csv.DictReader(io.StringIO(record_csv(found, public=public))))
        written = io.StringIO()
        writer = csv.DictWriter(written, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "alerts": "3"} for row in rows)
        return written.getvalue()

    monkeypatch.setattr(publishing, "record_csv", wrong)
    with pytest.raises(Refused, match=r"cannot be published\. .* but 3 alerts"):
        publishing.publish(deployment, actor=cast.publisher)
    assert not Publication.objects.exists()


@pytest.mark.parametrize(
    ("live", "faces"),
    [
        (dt.timedelta(hours=30), 5000),
        (dt.timedelta(seconds=10), 5000),
        (dt.timedelta(hours=3), 1),
        (dt.timedelta(hours=3), 0),
    ],
)
def test_what_is_unusual_but_true_can_be_published(cast: Cast, folder: Path, live: dt.timedelta, faces: int) -> None:
    deployment = _closed(cast)
    now = timezone.now()
    Period.objects.update(went_live_at=now - live, ended_at=now)
    first = cameras_of(deployment)[0]
    Camera.objects.filter(pk=first.pk).update(faces_seen=faces)
    made = publishing.publish(deployment, actor=cast.publisher)
    assert (made.faces, made.alerts) == (faces, 2)
    write_public()
    page = (folder / "results" / f"{str(deployment.number).replace('/', '-').lower()}.html").read_text()
    assert ("not known" in page) == (faces < 1)


def test_roles_that_people_lost_since_correct_nothing(cast: Cast) -> None:
    deployment = _closed(cast)
    publishing.publish(deployment, actor=cast.publisher)
    cast.officer.groups.clear()
    with pytest.raises(Refused, match="nothing to correct"):
        publishing.publish(deployment, reason="Staff", actor=cast.publisher)


def test_a_change_other_than_of_an_outcome_is_offered_for_correction(cast: Cast) -> None:
    deployment = _closed(cast)
    first = publishing.publish(deployment, actor=cast.publisher)
    Deployment.objects.filter(pk=deployment.pk).update(name="Named anew", authorised_rank="inspector")
    assert publishing.to_correct() == []
    record(Action.DEPLOYMENT_CHANGED, actor=cast.commander, target=deployment, data={})
    assert publishing.to_correct() == [first]


def test_the_last_moment_is_when_cameras_stopped_not_when_the_deployment_was_ended(cast: Cast) -> None:
    deployment = _closed(cast)
    ended = period_of(deployment).ended_at
    Deployment.objects.update(ended_at=timezone.now() + dt.timedelta(days=2))
    deployment.refresh_from_db()
    assert record_of(deployment).live_until == ended
    rows = list(csv.DictReader(io.StringIO(record_csv(record_of(deployment), public=True))))
    assert len({row["live_until"] for row in rows}) == 1


def test_the_clock_of_five_days(cast: Cast) -> None:
    deployment = _closed(cast)
    (waiting,) = publishing.waiting()
    assert deployment.ended_at is not None
    assert waiting.due == deployment.ended_at + dt.timedelta(days=5)
    assert (waiting.is_overdue, waiting.may_publish) == (False, True)
    Deployment.objects.update(ended_at=timezone.now() - dt.timedelta(days=5, seconds=1))
    assert publishing.waiting()[0].is_overdue
    page = client_of(cast.publisher).get("/publication/").content.decode()
    assert "Publish results" in page
    assert "Overdue" in page
    # Others see what is due, without a button.
    assert "Publish results" not in client_of(cast.compliance).get("/publication/").content.decode()
    publishing.publish(deployment, actor=cast.publisher)
    assert publishing.waiting() == []


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.LFR_PUBLIC = tmp_path / "public"
    return tmp_path / "public"


def test_public_pages_are_files_that_name_no_officer(cast: Cast, folder: Path) -> None:
    for name, user in cast.by_role.items():
        user.first_name, user.last_name = "Zebedee", f"Quill{name}"
        user.save()
    deployment = _closed(cast)
    publishing.publish(deployment, actor=cast.publisher)
    _corrected(deployment, cast)
    publishing.publish(deployment, reason="It was a summons.", actor=cast.publisher)
    assert public_site.write_all(folder) == len([path for path in folder.rglob("*") if path.is_file()])
    texts = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    (result,) = [name for name in texts if name.startswith("results/")]
    assert "Of the true, confirmed: arrested: 1 is now 0" in texts[result]
    assert "It was a summons." in texts[result]
    assert deployment.authority_sha256 in texts[result]
    for name, text in texts.items():
        assert "Quill" not in text, name
        assert "Zebedee" not in text, name
        assert "Test Person" not in text, name
        assert not re.search(r"<script|<img|cookie\b(?!\b.*no )", text.replace("no cookie", "")), name
        assert len(text.encode()) < 100_000, name
    (row,) = csv.DictReader(io.StringIO(texts["results.csv"].removeprefix("\ufeff")))
    assert (row["version"], row["outcome_other"]) == ("2", "1")
    assert [each["version"] for each in json.loads(texts["results.json"])["results"]] == [1, 2]
    assert findings_in(grid.read(texts["results.csv"].encode()), dt.date(2200, 1, 1)) == []
    for heading in ("Version 2, published", "Correction 2"):
        assert heading in " ".join(texts[result].split())


def test_the_public_reads_without_sign_in_and_without_the_database(
    cast: Cast, folder: Path, django_assert_num_queries: Any
) -> None:
    publishing.publish(_closed(cast), actor=cast.publisher)
    write_public()
    with django_assert_num_queries(0):
        for name in ("", "results.html", "results.csv", "results.json", "non-use.html", "retention.html", "site.css"):
            answer = Client().get(f"/public/{name}")
            assert answer.status_code == 200, name
            assert answer["Cache-Control"] == "public, max-age=60"
    assert Client().get("/public/results.json")["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("name", ["nothing.html", "../keys/list.key", "%2e%2e/secret", "results", ".hidden", "a\x00b"])
def test_no_other_file_is_answered(folder: Path, name: str) -> None:
    folder.mkdir()
    (folder / ".hidden").write_text("x")
    (folder / "results").mkdir()
    (folder.parent / "secret").write_text("x")
    assert Client().get(f"/public/{name}").status_code == 404


def test_a_link_out_of_the_folder_is_not_followed(folder: Path) -> None:
    folder.mkdir()
    (folder.parent / "secret.html").write_text("x")
    (folder / "out.html").symlink_to(folder.parent / "secret.html")
    assert Client().get("/public/out.html").status_code == 404


def test_coming_deployments_are_announced_once_notice_is_given(cast: Cast) -> None:
    now = timezone.now()
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    assert public_site.coming(now) == []
    rehearsal.notified(deployment, cast.commander)
    (coming,) = public_site.coming(now)
    assert (coming.places, coming.withheld, coming.is_one_day) == (deployment.places, "", True)
    assert public_site.coming(now + dt.timedelta(days=30)) == []
    Period.objects.update(ends_at=now + dt.timedelta(days=2))
    (coming,) = public_site.coming(now)
    assert not coming.is_one_day


def test_why_notice_is_withheld_is_published_and_whoever_says_why_is_told(cast: Cast, folder: Path) -> None:
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    form = client_of(make_user("other", cast.authority, Rank.SUPERINTENDENT)).get(f"/deployments/{deployment.pk}/")
    assert "The reason is published at once" in form.content.decode()
    notices.exempt(deployment, reason="Serious violence is expected", actor=cast.authority)
    write_public()
    page = (folder / "index.html").read_text()
    assert "not announced in advance" in page
    assert "Serious violence is expected" in page
    assert deployment.places not in page


def test_the_register_of_what_was_not_used(cast: Cast) -> None:
    first, second = make_draft(cast), make_draft(cast)
    rehearsal.authorised(first, people_of(cast))
    authority.cancel(first, reason="Rain", actor=cast.watchlist_admin)
    applications.submit(second, revision=second.revision, actor=cast.watchlist_admin)
    authority.refuse(second, reason="Not necessary", revision=second.revision, actor=cast.authority)
    found = public_site.non_use()
    assert (found.decisions, found.cancelled, found.pauses) == ([("Refused", 1), ("Returned", 0)], 1, [])


def test_few_children_are_not_told_from_fewer(cast: Cast) -> None:
    deployment = _closed(cast)
    list_of(deployment)
    watchlist = period_of(deployment).watchlist
    assert watchlist is not None
    for number, said in ((0, "none"), (1, "fewer than 5"), (4, "fewer than 5"), (5, "5")):
        type(watchlist).objects.filter(pk=watchlist.pk).update(under_18=number)
        content = publishing._public(Deployment.objects.get(pk=deployment.pk))
        assert content["periods"][0]["watchlist_under_18_published"] == said
        assert "watchlist_under_18" not in content["periods"][0]


def test_a_commander_cannot_be_made_a_publisher(cast: Cast) -> None:
    user = make_user("both", cast.publisher)
    with pytest.raises(Refused):
        user.groups.add(*cast.commander.groups.all())
