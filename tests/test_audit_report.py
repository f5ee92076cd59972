"""The audit report, what is recorded of looking and of refusals, and verification from the page."""

from __future__ import annotations

import csv
import io
import uuid
from collections import Counter

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from alerts import operations as alert_operations
from audit import checkpoints, journal, tasks
from audit.actions import Action, Verb
from audit.models import Checkpoint, Entry
from deployments import staffing
from reports.audit_report import report_on
from tests.cast import Cast, act, client_of, make_alert, make_live_deployment, make_watchlist


@pytest.fixture
def client(cast: Cast) -> Client:
    return client_of(cast.compliance)


def _csv(client: Client, query: str = "") -> list[dict[str, str]]:
    text = client.get(f"/journal/report/?as=csv&{query}").content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_every_number_of_the_report_is_that_of_the_entries(cast: Cast) -> None:
    act(make_alert(make_live_deployment(cast)), "open", "same", cast=cast)
    journal.number_waiting()
    entries = list(Entry.objects.all())
    report = report_on(Entry.objects.all(), "All entries")
    assert report.count == len(entries)
    *lines, (last, sums, total) = report.grid
    assert (last, total) == ("All", len(entries))
    assert dict(zip(report.used, sums, strict=True)) == Counter(Verb(entry.verb) for entry in entries)
    assert [sum(column) for column in zip(*(counts for _, counts, _ in lines), strict=True)] == sums
    assert [sum(counts) for _, counts, _ in lines] == [each for _, _, each in lines]
    done = {(each.user, each.action): each.count for each in report.done}
    assert done == Counter((entry.actor, str(entry.get_action_display())) for entry in entries)
    assert {roles for roles, _, _ in lines} >= {"Commander", "LFR operator", "The system"}


def test_the_report_on_an_officer_has_only_what_that_officer_did(cast: Cast, client: Client) -> None:
    act(make_alert(make_live_deployment(cast)), "open", cast=cast)
    query = f"actor={cast.operator.pk}"
    rows = [row for row in _csv(client, query) if row["part"] == "done"]
    own = Entry.objects.filter(actor_id=str(cast.operator.pk))
    assert {row["user"] for row in rows} == {str(cast.operator)}
    assert sum(int(row["count"]) for row in rows) == own.count()
    page = client.get(f"/journal/report/?{query}").content.decode()
    assert "User: operator" in page
    assert "Possible match opened by an operator" in page
    assert "Deployment went live" not in page
    pdf = client.get(f"/journal/report/?{query}&as=pdf")
    assert (pdf.headers["Content-Type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    made = Entry.objects.filter(action=Action.JOURNAL_REPORTED).in_order()
    assert [(entry.data["kind"], entry.data["filters"]) for entry in made] == [
        ("csv", query),
        ("page", query),
        ("pdf", query),
    ]


def test_exports_are_listed_with_their_recipients(cast: Cast, client: Client) -> None:
    make_watchlist(cast)
    answer = client.post("/journal/export/", {"recipient": "The regulator", "purpose": "Inquiry 12"})
    assert b"".join(answer.streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]
    # A report that is only looked at is given to nobody.
    client.get("/journal/report/")
    (row,) = [row for row in _csv(client) if row["part"] == "given"]
    assert {"purpose: Inquiry 12", "recipient: The regulator"} <= set(row["detail"].split("; "))
    assert row["user"] == str(cast.compliance)


def test_what_was_read_without_a_posting_is_listed(cast: Cast, client: Client) -> None:
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    alert_operations.note_viewed(alert, actor=cast.operator)
    assert not [row for row in _csv(client) if row["part"] == "read_elsewhere"]
    staffing.withdraw(deployment.postings.get(user=cast.operator), actor=cast.commander)
    alert_operations.note_viewed(alert, actor=cast.operator)
    (row,) = [row for row in _csv(client) if row["part"] == "read_elsewhere"]
    assert (row["user"], row["detail"]) == (str(cast.operator), str(deployment))


@pytest.mark.parametrize(
    ("query", "status"),
    [("as=exe", 404), ("since=yesterday", 422), ("since=2026-11-02&until=2026-11-01", 422), ("actor=0", 422)],
)
def test_a_report_that_cannot_be_made_is_not_made(cast: Cast, client: Client, query: str, status: int) -> None:
    assert client.get(f"/journal/report/?{query}").status_code == status
    assert not Entry.objects.filter(action=Action.JOURNAL_REPORTED).exists()


def test_words_that_were_searched_for_are_not_kept_in_the_log(cast: Cast, client: Client) -> None:
    """Somebody may search for the name of a subject."""
    client.get("/journal/report/?q=Alex+Fenwick&verb=decision")
    client.get("/journal.csv?q=Alex+Fenwick")
    answer = client.post("/journal/export/?record=Alex+Fenwick", {"recipient": "The court", "purpose": "Case"})
    assert b"".join(answer.streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]
    entries = Entry.objects.filter(action__in=(Action.JOURNAL_REPORTED, Action.JOURNAL_EXPORTED))
    assert entries.count() == 3
    assert not any("Fenwick" in str(entry.data) for entry in entries)


def test_a_report_on_nothing_says_so(cast: Cast, client: Client) -> None:
    page = client.get("/journal/report/?until=2001-01-01").content.decode()
    assert "0 entries" in page
    assert client.get("/journal/report/?until=2001-01-01&as=pdf").content[:5] == b"%PDF-"


def test_refusals_are_entries_and_repeated_ones_do_not_fill_the_log(cast: Cast, client: Client) -> None:
    nosy = client_of(cast.officer)
    for _ in range(9):
        assert nosy.get("/journal/").status_code == 403
    assert nosy.post(reverse("subscriber-switch", args=[uuid.uuid4()])).status_code == 403
    assert nosy.get(reverse("api-watchlist-list")).status_code == 403
    refused = Entry.objects.filter(action=Action.ACCESS_REFUSED, actor_id=str(cast.officer.pk)).in_order()
    assert [(entry.data["page"], entry.data["method"]) for entry in refused] == [
        ("journal", "GET"),
        ("subscriber-switch", "POST"),
        ("api-watchlist-list", "GET"),
    ]
    rows = [row for row in _csv(client) if row["part"] == "refused"]
    assert [row["detail"].split("; address")[0] for row in rows][:1] == ["page: journal; method: GET"]
    Client().get("/journal/")
    assert Entry.objects.filter(action=Action.ACCESS_REFUSED).count() == 3


def test_a_picture_opened_outside_its_page_is_an_entry(cast: Cast) -> None:
    """A picture has an address of its own. On its page, the entry of the page covers it."""
    alert = make_alert(make_live_deployment(cast))
    viewed = Entry.objects.filter(action=Action.ALERT_VIEWED, target_id=str(alert.pk))
    console = client_of(cast.operator)
    shot = f"/shots/{alert.shots.get().pk}.jpg"
    for _ in range(3):
        assert console.get(shot).status_code == 200
    assert viewed.count() == 1
    client_of(cast.commander).get(f"/alerts/{alert.pk}/")
    client_of(cast.commander).get(shot)
    assert viewed.count() == 2

    person = make_watchlist(cast).people.get()
    photograph = person.photographs.get()
    of_photographs = Entry.objects.filter(action=Action.PHOTOGRAPH_VIEWED)
    admin = client_of(cast.watchlist_admin)
    for _ in range(2):
        assert admin.get(f"/photographs/{photograph.pk}.jpg").status_code == 200
    assert [entry.target_id for entry in of_photographs] == [str(person.pk)]
    other = client_of(cast.authority)
    other.get(f"/people/{person.pk}/")
    other.get(f"/photographs/{photograph.pk}.jpg")
    assert of_photographs.count() == 1


def test_looking_at_a_record_is_an_entry(cast: Cast, client: Client) -> None:
    deployment = make_live_deployment(cast)
    for _ in range(2):
        client.get(f"/records/{deployment.pk}/")
    entry = Entry.objects.get(action=Action.RECORD_VIEWED)
    assert (entry.target_id, entry.verb) == (str(deployment.pk), Verb.CONSULTATION)


def test_the_page_verifies_the_log_and_says_what_it_found(cast: Cast, client: Client) -> None:
    make_watchlist(cast)
    page = client.get("/journal/").content.decode()
    assert "No witness is set up" in page
    assert "Entries 1 to" in page
    page = client.post("/journal/verify/").content.decode()
    assert "The log is intact" in page
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_entry SET actor = 'somebody else' WHERE number = 2")
    page = client.post("/journal/verify/").content.decode()
    assert "Entry 2: it is not what was recorded" in page
    verified = Entry.objects.filter(action=Action.JOURNAL_VERIFIED).in_order()
    assert [(entry.data["findings"], entry.data.get("first")) for entry in verified] == [(0, None), (1, 2)]
    assert "1 finding" in client.get("/journal/").content.decode()


def test_the_log_is_verified_every_day_and_a_finding_is_an_entry(cast: Cast) -> None:
    make_watchlist(cast)
    checkpoints.make(Checkpoint.Why.DAILY)
    tasks.verify()
    entry = Entry.objects.get(action=Action.JOURNAL_VERIFIED)
    assert (entry.actor, entry.data["findings"], entry.data["entries"]) == (
        "the audit log",
        0,
        Entry.objects.count() - 1,
    )
