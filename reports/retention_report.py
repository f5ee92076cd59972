"""The retention report: what was destroyed in a time, how long after it was due, the holds, and the certificates."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from django.db.models import Exists, OuterRef, Sum
from django.utils import timezone

from alerts import evidence
from alerts.models import Alert, EvidenceHold
from audit.actions import Action
from audit.models import Entry
from cases.models import Case
from core import retention
from deployments.document_parts import Section, broken, counted, day, moment, table
from deployments.documents import typeset
from deployments.models import Deployment
from reports.certificates import Proof, proofs_between
from reports.csv_files import csv_text, iso
from reports.dates import DateRange
from watchlists.models import Certificate, Hold, Watchlist

# Cases are kept for years: those that end later are not shown among what will be destroyed.
AHEAD = dt.timedelta(days=31)


@dataclass(frozen=True)
class Due:
    """Something that will be destroyed. count: of people or of possible matches. due: when the first of them is."""

    what: str
    where: str
    count: int
    due: dt.datetime
    is_overdue: bool


@dataclass(frozen=True)
class Held:
    """Something that is held as evidence. hold: of a watchlist entry or of a possible match."""

    what: str
    where: str
    hold: Hold | EvidenceHold


@dataclass(frozen=True)
class Destroyed:
    """One kind of data destroyed in the time. after_due: for each, the time from when it was due to when it was done.

    That is negative where it was done before it was due. detail: what went with it.
    """

    key: str
    what: str
    count: int
    detail: str
    after_due: tuple[dt.timedelta, ...] = ()

    @property
    def late(self) -> int:
        """How many were destroyed late: after they were due, and not at the next run of the clock."""
        return sum(each > retention.PROMPT for each in self.after_due)

    @property
    def median(self) -> dt.timedelta | None:
        seconds = [each.total_seconds() for each in self.after_due]
        return dt.timedelta(seconds=median(seconds)) if seconds else None

    @property
    def longest(self) -> dt.timedelta | None:
        return max(self.after_due, default=None)

    @property
    def median_words(self) -> str:
        return after_due_words(self.median)

    @property
    def longest_words(self) -> str:
        return after_due_words(self.longest)


@dataclass(frozen=True)
class RetentionReport:
    """The report. overdue: what was overdue when the report was made. holds: those that stood then.

    placed, released: how many holds were in the time.
    """

    days: DateRange
    made_at: dt.datetime
    destroyed: list[Destroyed]
    overdue: list[Due]
    holds: list[Held]
    placed: int
    released: int
    proofs: list[Proof]

    @property
    def problems(self) -> int:
        """How many certificates do not hold."""
        return sum(bool(proof.problem) for proof in self.proofs)


def report_for(days: DateRange) -> RetentionReport:
    """Compile the report on these days, from the rows as they are now."""
    now = timezone.now()
    entries = Entry.objects.filter(at__gte=days.start, at__lt=days.end)
    return RetentionReport(
        days=days,
        made_at=now,
        destroyed=[_lists(days), *_alerts(days), *_others(days)],
        overdue=[each for each in due_now(now) if each.is_overdue],
        holds=held_now(),
        placed=entries.filter(action__in=(Action.HOLD_PLACED, Action.ALERT_HELD)).count(),
        released=entries.filter(action__in=(Action.HOLD_RELEASED, Action.ALERT_HOLD_RELEASED)).count(),
        proofs=proofs_between(days.start, days.end),
    )


def _lists(days: DateRange) -> Destroyed:
    rows = Certificate.objects.filter(issued_at__gte=days.start, issued_at__lt=days.end)
    sums = rows.aggregate(people=Sum("people", default=0), photographs=Sum("photographs", default=0))
    times = [done - due for done, due in rows.values_list("issued_at", "due_at")]
    detail = f"{counted(sums['people'], 'person', 'people')}, {counted(sums['photographs'], 'photograph')}"
    return Destroyed("watchlists", "Watchlists", len(times), detail, tuple(times))


def _alerts(days: DateRange) -> Iterator[Destroyed]:
    purged = Alert.objects.filter(purged_at__gte=days.start, purged_at__lt=days.end)
    kinds = (
        ("possible_matches", "Possible matches", purged.public()),
        ("test_matches", "Matches of recognition tests, known-negative checks", purged.exclude(kind=Alert.Kind.ALERT)),
    )
    for key, what, alerts in kinds:
        rows = list(alerts.values_list("purged_at", "purge_due_at", "pictures_purged"))
        times = tuple(done - due for done, due, _ in rows if done and due)
        yield Destroyed(key, what, len(rows), counted(sum(pictures for *_, pictures in rows), "picture"), times)


def _others(days: DateRange) -> Iterator[Destroyed]:
    """Yield what is on no certificate."""
    entries = Entry.objects.filter(at__gte=days.start, at__lt=days.end)
    released = entries.filter(action=Action.PERSON_DESTROYED).exclude(data__watchlist=None)
    yield Destroyed("entries", "Watchlist entries removed, or released from a hold", released.count(), "")
    imports = entries.filter(action=Action.IMPORT_CANCELLED)
    yield Destroyed("imports", "Imports cancelled", imports.count(), "")
    closed = Case.objects.filter(purged_at__gte=days.start, purged_at__lt=days.end)
    times = tuple(case.purged_at - case.purge_by for case in closed.defer("sealed") if case.purged_at and case.purge_by)
    yield Destroyed("cases", "Names, words and letters of cases", len(times), "", times)
    groups = entries.filter(action=Action.JOURNAL_EXPIRED).values_list("data", flat=True)
    expired = sum(data["through"] - data["from"] + 1 for data in groups)
    yield Destroyed("audit_log", "Entries of the audit log", expired, "")


def due_now(now: dt.datetime) -> list[Due]:
    """Return the lists, the possible matches and the cases that will be destroyed, the earliest first."""
    found = [
        Due(str(each), str(each.get_state_display()), each.size or each.people.count(), due, due < now)
        for each in [*Watchlist.objects.to_be_destroyed(), *Watchlist.objects.unsealed()]
        if (due := each.destroy_due_at or each.lapses_at) is not None
    ]
    waiting = Alert.objects.filter(deployment=OuterRef("pk"), purged_at=None, hold=None)
    for deployment in Deployment.objects.filter(Exists(waiting)):
        alerts = evidence.waiting(deployment).defer("sealed")
        first = min((alert.purge_by for alert in alerts), default=None)
        if first is not None:
            what = f"Possible matches of {deployment.name}"
            found.append(Due(what, str(deployment.get_state_display()), len(alerts), first, first < now))
    closed = Case.objects.filter(closed_at__isnull=False, purged_at=None).defer("sealed")
    found += [
        Due(f"Names and words of {case}", "Closed", 1, due, due < now)
        for case in closed
        if (due := case.purge_by) is not None and due < now + AHEAD
    ]
    return sorted(found, key=lambda each: each.due)


def held_now() -> list[Held]:
    """Return everything that is held as evidence, the earliest date of review first. No name of a person on a list."""
    people = Hold.objects.select_related("owner", "person__watchlist")
    alerts = EvidenceHold.objects.select_related("owner", "alert__deployment")
    held = [
        *(Held(f"Watchlist entry {str(hold.person_id)[:8]}", str(hold.person.watchlist), hold) for hold in people),
        *(Held(str(hold.alert), str(hold.alert.deployment), hold) for hold in alerts),
    ]
    return sorted(held, key=lambda each: each.hold.review_on)


def after_due_words(time: dt.timedelta | None) -> str:
    """Return a time after something was due, in words; "before it was due" if it is not after."""
    if time is None:
        return "–"
    seconds = round(time.total_seconds())
    if seconds <= 0:
        return "before it was due"
    exact = dt.timedelta(seconds=seconds)
    if seconds >= 120:
        exact = dt.timedelta(minutes=round(seconds / 60))
    return f"{retention.words(exact)} after"


def report_csv(report: RetentionReport) -> str:
    """Return the report, one line for each count, hold and certificate. Times are in ISO 8601, durations in seconds."""
    head = ("part", "what", "deployment", "count", "detail", "due", "done", "after_due_s", "late", "sha256", "check")
    return csv_text(head, _csv_rows(report))


def _csv_rows(report: RetentionReport) -> Iterator[tuple[object, ...]]:
    for each in report.destroyed:
        longest = round(each.longest.total_seconds()) if each.longest is not None else ""
        yield ("destroyed", each.what, "", each.count, each.detail, "", "", longest, each.late, "", "")
    for due in report.overdue:
        yield ("overdue", due.what, "", due.count, due.where, iso(due.due), "", "", "", "", "")
    yield ("holds_placed", "", "", report.placed, *[""] * 7)
    yield ("holds_released", "", "", report.released, *[""] * 7)
    for held in report.holds:
        hold = held.hold
        detail = f"{hold.reason}; owner {hold.owner}"
        yield ("held", held.what, held.where, 1, detail, hold.review_on.isoformat(), "", "", "", "", "")
    for proof in report.proofs:
        after = round((proof.done - proof.due).total_seconds())
        times = (iso(proof.due), iso(proof.done), after, int(proof.was_late))
        about = ("certificate", proof.what, proof.deployments, "", f"{proof.counts}; {proof.method}")
        yield (*about, *times, proof.sha256, proof.check)


def report_pdf(report: RetentionReport, *, made_by: str) -> bytes:
    """Return the report as PDF."""
    with tempfile.TemporaryDirectory(prefix="lfr-report-") as folder:
        return typeset(
            "Retention Report",
            report.days.words,
            number="Retention",
            footer=f"Compiled on {moment(report.made_at)}. The audit log records this report.",
            facts=[
                ("Overdue when this was made", f"{len(report.overdue):,}"),
                ("Held as evidence then", f"{len(report.holds):,}"),
                ("Certificates that do not hold", f"{report.problems:,}"),
                ("Made by", made_by),
            ],
            sections=_sections(report),
            folder=Path(folder),
        )


def _sections(report: RetentionReport) -> Iterator[Section]:
    yield table(
        "Destroyed",
        ("What", "Number", "With it", "Late (over 1 min)", "Median", "Longest"),
        [
            (each.what, f"{each.count:,}", each.detail, f"{each.late:,}", each.median_words, each.longest_words)
            for each in report.destroyed
        ],
    )
    yield table(
        "Overdue when this was made",
        ("What", "State", "Number", "Due"),
        [(each.what, each.where, f"{each.count:,}", moment(each.due)) for each in report.overdue],
        none="Nothing.",
    )
    yield table(
        f"Held as evidence when this was made (placed in this time: {report.placed:,}, released: {report.released:,})",
        ("What", "Of", "Reason", "Owner", "Review"),
        [
            (each.what, each.where, each.hold.reason, str(each.hold.owner), day(each.hold.review_on))
            for each in report.holds
        ],
        none="Nothing.",
    )
    yield table(
        "Certificates",
        ("What", "Deployment", "Destroyed", "Method", "SHA-256 and check"),
        [
            (
                f"{proof.what}\n{proof.counts}" + (f"\n{proof.held:,} held as evidence" if proof.held else ""),
                proof.deployments,
                f"{moment(proof.done)}\ndue {moment(proof.due)}" + ("\nLate" if proof.was_late else ""),
                proof.method,
                f"{broken(proof.sha256)}\n{proof.check}.",
            )
            for proof in report.proofs
        ],
        none="None was issued in this time.",
    )
    yield table(
        "How long what is kept",
        ("What", "How long", "At most", "Source"),
        [
            (
                line.what,
                f"{line.kept[:1].upper()}{line.kept[1:]}. {line.besides}".strip(),
                line.limit or "–",
                line.source,
            )
            for line in retention.LINES
        ],
    )
