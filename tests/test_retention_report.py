"""The retention report and its certificates: counts, times from due to done, holds, and rows altered by hand."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from alerts import certificates, content, evidence
from alerts.models import Alert, PurgeCertificate
from audit.models import Entry
from core import keys, retention
from deployments.models import Deployment
from reports import retention_report
from reports.certificates import proofs_between, proofs_of
from reports.dates import DateRange, last_month, last_quarter
from tests.cast import (
    Cast,
    client_of,
    end,
    list_of,
    make_alert,
    make_live_deployment,
    make_sealed_watchlist,
    make_watchlist,
)
from watchlists import destruction, import_endings, operations
from watchlists.engines import current_engine
from watchlists.models import Certificate, Import, ImportPhotograph, Watchlist
from watchlists.tasks import destroy_due

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def _today() -> DateRange:
    return DateRange(timezone.localdate() - DAY, timezone.localdate() + DAY)


def _proofs() -> list[Any]:
    days = _today()
    return proofs_between(days.start, days.end)


def _purged(cast: Cast, captured: Any, alerts: int = 2, held: int = 0) -> Deployment:
    """Return a deployment that is over, its alerts purged and certified. held: how many are held as evidence."""
    deployment = make_live_deployment(cast, make_sealed_watchlist(cast, people=alerts))
    sought = list(list_of(deployment).people.all())
    made = [make_alert(deployment, str(number) * 32, person) for number, person in enumerate(sought, start=1)]
    for alert in made[:held]:
        soon = timezone.localdate() + DAY
        evidence.hold(alert, reason="Complaint 7", review_on=soon, actor=cast.authority)
    end(deployment, cast)
    with captured(execute=True):
        evidence.purge_due(at=timezone.now() + 25 * HOUR)
    with captured(execute=True):
        certificates.certify_due()
    return deployment


def test_a_purge_is_certified_once_the_keys_are_gone(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    deployment = make_live_deployment(cast)
    make_alert(deployment)
    key = content.key_of(deployment.periods.get())
    assert keys.fingerprint(key)
    assert certificates.certify_due() == 0
    end(deployment, cast)
    assert certificates.certify_due() == 0
    with django_capture_on_commit_callbacks(execute=False) as waiting:
        evidence.purge_due(at=timezone.now() + 25 * HOUR)
    # The rows are gone, the key is not.
    assert certificates.certify_due() == 0
    for callback in waiting:
        callback()
    assert certificates.certify_due() == 1
    assert certificates.certify_due() == 0
    certificate = PurgeCertificate.objects.get()
    assert (certificate.matches, certificate.tests, certificate.held, certificate.keys) == (1, 0, 0, 1)
    assert certificate.pictures == Alert.objects.get().pictures_purged > 0
    entry = Entry.objects.get(action="alert.purge_certified")
    assert entry.data["certificate_sha256"] == certificate.sha256
    assert certificates.stands(certificate)


def test_what_was_held_comes_on_a_later_certificate(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    deployment = _purged(cast, django_capture_on_commit_callbacks, alerts=3, held=1)
    first = PurgeCertificate.objects.get()
    assert (first.matches, first.held) == (2, 1)
    held = Alert.objects.get(purged_at=None)
    before = timezone.now()
    evidence.release(held, reason="Not upheld", actor=cast.authority)
    with django_capture_on_commit_callbacks(execute=True):
        assert evidence.purge_due(at=timezone.now() + 25 * HOUR) == 1
    assert certificates.certify_due() == 1
    second = PurgeCertificate.objects.filter(deployment=deployment).latest("issued_at")
    assert (second.matches, second.held) == (1, 0)
    # It was due when the hold was released, not when the others were.
    held.refresh_from_db()
    assert held.purge_due_at is not None
    assert held.purge_due_at >= before
    assert certificates.stands(first)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alerts_alert SET purged_at = purged_at - interval '1 day'",
        "UPDATE alerts_alert SET certificate_id = NULL",
        "UPDATE alerts_purgecertificate SET matches = matches + 1",
        "UPDATE alerts_purgecertificate SET issued_at = issued_at - interval '1 hour'",
        "UPDATE watchlists_certificate SET people = people + 1",
        "UPDATE watchlists_certificate SET due_at = due_at + interval '1 hour'",
    ],
)
def test_a_row_altered_by_hand_is_found(cast: Cast, django_capture_on_commit_callbacks: Any, statement: str) -> None:
    deployment = _purged(cast, django_capture_on_commit_callbacks)
    destruction.destroy(list_of(deployment))
    assert [proof.problem for proof in _proofs()] == ["", ""]
    with connection.cursor() as cursor:
        cursor.execute(statement)
    assert sorted(bool(proof.problem) for proof in _proofs()) == [False, True]
    assert retention_report.report_for(_today()).problems == 1


def test_a_certificate_made_anew_is_not_in_the_audit_log(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    end(deployment, cast)
    certificate = destruction.destroy(list_of(deployment))
    certificate.people = 99
    certificate.sha256 = destruction.certificate_hash(certificate)
    certificate.save()
    (proof,) = _proofs()
    assert proof.problem == "The audit log has no certificate with this hash"


def test_the_report_counts_what_was_destroyed_and_how_late(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    deployment = _purged(cast, django_capture_on_commit_callbacks, alerts=3, held=1)
    watchlist = list_of(deployment)
    due = timezone.now() - dt.timedelta(minutes=90)
    Watchlist.objects.filter(pk=watchlist.pk).update(destroy_due_at=due)
    watchlist.refresh_from_db()
    destruction.destroy(watchlist)
    report = retention_report.report_for(_today())
    found = {each.key: each for each in report.destroyed}
    assert (found["watchlists"].count, found["watchlists"].late) == (1, 1)
    assert found["watchlists"].longest_words == "90 minutes after"
    assert (found["possible_matches"].count, found["possible_matches"].late) == (2, 0)
    assert found["possible_matches"].longest_words == "before it was due"
    assert (report.placed, report.released, len(report.holds)) == (1, 0, 1)
    assert {proof.deployments for proof in report.proofs} == {deployment.name}
    rows = list(csv.DictReader(io.StringIO(retention_report.report_csv(report))))
    (line,) = [row for row in rows if row["what"] == "Watchlists"]
    assert int(line["after_due_s"]) == pytest.approx(5400, abs=5)
    assert [row["sha256"] for row in rows if row["part"] == "certificate"] == [each.sha256 for each in report.proofs]
    assert "Test Person" not in str(rows)


def test_the_last_moment_of_the_last_day_counts_and_the_next_does_not(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    end(deployment, cast)
    destruction.destroy(list_of(deployment))
    day = timezone.localdate()
    for moment, counted in ((DateRange(day, day).end - dt.timedelta(microseconds=1), 1), (DateRange(day, day).end, 0)):
        Certificate.objects.update(issued_at=moment)
        assert retention_report.report_for(DateRange(day, day)).destroyed[0].count == counted


def test_an_empty_month_has_a_report(cast: Cast) -> None:
    report = retention_report.report_for(DateRange(dt.date(2020, 2, 1), dt.date(2020, 2, 29)))
    assert not any(each.count for each in report.destroyed)
    assert retention_report.report_pdf(report, made_by="c").startswith(b"%PDF")


def test_page_pdf_and_csv_are_logged(cast: Cast) -> None:
    client = client_of(cast.compliance)
    page = client.get("/retention/report/")
    assert page.status_code == 200
    assert last_month(timezone.localdate()).words in page.content.decode()
    for kind, content_type in (("csv", "text/csv; charset=utf-8"), ("pdf", "application/pdf")):
        answer = client.get(f"/retention/report/?since=2026-01-01&until=2026-01-31&as={kind}")
        assert answer["Content-Type"] == content_type
        assert "retention-report-2026-01-01-to-2026-01-31" in answer["Content-Disposition"]
    kinds = [entry.data["kind"] for entry in Entry.objects.filter(action="retention.reported").order_by("pk")]
    assert kinds == ["page", "csv", "pdf"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=2026-02-01&until=2026-01-01", "not before the first day"),
        ("since=yesterday&until=2026-01-01", "Enter a date"),
        ("since=2026-01-01", "Enter the last day"),
        ("since=2026-01-01&until=9999-12-31", "before the year 9999"),
    ],
)
def test_days_that_make_no_sense_are_said_and_nothing_is_logged(cast: Cast, query: str, said: str) -> None:
    page = client_of(cast.compliance).get(f"/retention/report/?{query}")
    assert page.status_code == 422
    assert said in page.content.decode()
    assert not Entry.objects.filter(action="retention.reported").exists()
    assert client_of(cast.compliance).get("/retention/report/?as=xls").status_code == 404


@pytest.mark.parametrize(
    ("today", "month", "quarter"),
    [
        (dt.date(2026, 1, 31), ("2025-12-01", "2025-12-31"), ("2025-10-01", "2025-12-31")),
        (dt.date(2026, 3, 1), ("2026-02-01", "2026-02-28"), ("2025-10-01", "2025-12-31")),
        (dt.date(2024, 4, 1), ("2024-03-01", "2024-03-31"), ("2024-01-01", "2024-03-31")),
    ],
)
def test_the_last_month_and_quarter(today: dt.date, month: tuple[str, str], quarter: tuple[str, str]) -> None:
    for found, expected in ((last_month(today), month), (last_quarter(today), quarter)):
        assert (found.since.isoformat(), found.until.isoformat()) == expected


def test_what_is_destroyed_at_the_next_run_of_the_clock_is_not_late(cast: Cast) -> None:
    draft = make_watchlist(cast)
    operations.discard_watchlist(draft, actor=cast.watchlist_admin)
    destroy_due()
    certificate = Certificate.objects.get()
    assert certificate.issued_at > certificate.due_at
    (proof,) = _proofs()
    assert not proof.was_late
    assert retention_report.report_for(_today()).destroyed[0].late == 0
    proof = dataclasses.replace(proof, done=proof.due + dt.timedelta(seconds=61))
    assert proof.was_late


def test_a_certificate_outlives_its_entry_in_the_audit_log(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    end(deployment, cast)
    destruction.destroy(list_of(deployment))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE watchlists_certificate SET issued_at = issued_at - interval '40 years'")
    certificate = Certificate.objects.get()
    Certificate.objects.update(sha256=destruction.certificate_hash(certificate))
    (proof,) = proofs_of(Certificate.objects.all(), [])
    assert (proof.problem, proof.is_logged) == ("", False)
    assert proof.check.endswith("its entry in the audit log has expired")


def test_a_list_that_cannot_be_ended_delays_no_destruction(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = make_watchlist(cast)
    operations.discard_watchlist(draft, actor=cast.watchlist_admin)

    def fails(**moment: Any) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(operations, "expire_stale", fails)
    destroy_due()
    assert not draft.people.exists()
    assert Certificate.objects.count() == 1


def test_a_draft_expires_and_is_destroyed_at_the_end_of_its_time(cast: Cast) -> None:
    draft = make_watchlist(cast)
    ends = draft.created_at + retention.period("draft")
    assert draft.lapses_at == ends
    assert operations.expire_unsealed(at=ends - dt.timedelta(minutes=1)) == 0
    assert operations.expire_unsealed(at=ends + dt.timedelta(minutes=1)) == 1
    draft.refresh_from_db()
    assert (draft.state, draft.destroy_due_at) == (Watchlist.State.EXPIRED, ends)
    assert destruction.destroy_due(at=ends + dt.timedelta(minutes=1)) == 1
    assert not draft.people.exists()


def test_a_sealed_list_does_not_expire_as_a_draft(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    assert operations.expire_unsealed(at=timezone.now() + 40 * DAY) == 0
    assert list_of(deployment).lapses_at is None


def test_an_import_that_nobody_finishes_is_cancelled(cast: Cast) -> None:
    draft = make_watchlist(cast)
    made = Import.objects.create(
        watchlist=draft, engine=current_engine(), state="ready", created_by=cast.watchlist_admin
    )
    row = made.rows.create(line=2, reference="T/9", values={"name": "Somebody Else"}, verdict="good")
    ImportPhotograph.objects.create(row=row, name="a.jpg", encrypted=b"x", sha256="0" * 64)
    ends = made.created_at + retention.period("import")
    assert import_endings.cancel_stale(at=ends - dt.timedelta(minutes=1)) == 0
    assert import_endings.cancel_stale(at=ends + dt.timedelta(minutes=1)) == 1
    made.refresh_from_db()
    row.refresh_from_db()
    assert (made.state, row.values, row.verdict) == (Import.State.CANCELLED, {}, "wrong")
    assert "3 days" in row.message
    assert not ImportPhotograph.objects.exists()
    assert import_endings.cancel_stale(at=ends + DAY) == 0
    assert Entry.objects.get(action="import.cancelled").data["reason"] == "retention"


def test_compliance_reads_what_it_may_not_change(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    soon = timezone.localdate() + DAY
    evidence.hold(alert, reason="Complaint 7", review_on=soon, actor=cast.authority)
    client = client_of(cast.compliance)
    for path in (f"/deployments/{deployment.pk}/alerts/", "/holds/", "/figures/", "/notifications/"):
        page = client.get(path)
        assert page.status_code == 200, path
        body = page.content.decode()
        forms = body.count('method="post"') - body.count(reverse("account_logout"))
        assert forms == 0, path
        assert "Test Person" not in body
    assert "Complaint 7" in client.get("/holds/").content.decode()
    assert Entry.objects.get(action="alert.log_viewed").actor == str(cast.compliance)
    for path in (f"/alerts/{alert.pk}/release/", f"/alerts/{alert.pk}/hold/", "/notifications/"):
        assert client.post(path).status_code == 403, path
