"""The audit report: who did what in a part of the audit log, what was refused, read elsewhere, and given to others."""

from __future__ import annotations

import datetime as dt
import tempfile
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.contrib.auth.models import Group
from django.utils import timezone

from alerts.models import Alert
from audit.actions import Action, Verb
from audit.models import Entry, EntryQuerySet
from audit.verbs import verb_of
from deployments.document_parts import Section, moment, table
from deployments.documents import typeset
from deployments.models import Camera, Deployment, Period, Posting
from reports.csv_files import csv_text

REFUSALS = (Action.ACCESS_REFUSED, Action.SIGN_IN_FAILED, Action.SIGN_IN_REFUSED)
# Reading, and acts that open what was captured.
READING = (Verb.CONSULTATION, Verb.DISCLOSURE)
# Lines of a list in the report; the rest is counted. The entries themselves can be downloaded.
LINES = 200
NOBODY = "The system"


@dataclass(frozen=True)
class Done:
    """How often a user, with the roles held then, did something, and when first and last."""

    user: str
    roles: str
    action: str
    verb: str
    count: int
    first: dt.datetime
    last: dt.datetime


@dataclass
class AuditReport:
    """The content of the report. verbs: by the roles held then, the number of entries of each verb."""

    asked: str
    count: int = 0
    first: Entry | None = None
    last: Entry | None = None
    verbs: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    done: list[Done] = field(default_factory=list)
    refusals: list[Entry] = field(default_factory=list)
    elsewhere: list[tuple[Entry, Deployment]] = field(default_factory=list)
    given: list[Entry] = field(default_factory=list)

    @property
    def used(self) -> list[Verb]:
        """The verbs that occur."""
        return [verb for verb in Verb if any(counts[verb] for counts in self.verbs.values())]

    @property
    def verb_names(self) -> list[str]:
        return [str(verb.label) for verb in self.used]

    @property
    def elsewhere_lines(self) -> list[tuple[Entry, str]]:
        return [(entry, str(where)) for entry, where in self.elsewhere[:LINES]]

    @property
    def lists(self) -> list[tuple[str, list[tuple[Entry, str]], int]]:
        """The lists of entries: title, the first lines with details, and how many there are."""
        return [
            ("Refused", [(entry, detail_of(entry)) for entry in self.refusals[:LINES]], len(self.refusals)),
            ("Read without a posting to that deployment", self.elsewhere_lines, len(self.elsewhere)),
            ("Given to others, and downloaded", [(one, detail_of(one)) for one in self.given[:LINES]], len(self.given)),
        ]

    @property
    def grid(self) -> list[tuple[str, list[int], int]]:
        """Lines of roles: how many entries of each verb that occurs, and their sum; the last line sums them all."""
        used = self.used
        found = sorted(self.verbs.items())
        lines = [(roles, [counts[verb] for verb in used], counts.total()) for roles, counts in found]
        sums = [sum(counts[place] for _, counts, _ in lines) for place in range(len(used))]
        return [*lines, ("All", sums, sum(sums))]


def report_on(entries: EntryQuerySet, asked: str) -> AuditReport:
    """Compile the report on these entries. asked: which entries they are, in words."""
    report = AuditReport(asked)
    groups: dict[tuple[str, str, str], list[dt.datetime]] = defaultdict(list)
    counts: Counter[tuple[str, str, str]] = Counter()
    postings = _Postings()
    posted = set(Group.objects.filter(permissions__codename="be_posted").values_list("name", flat=True))
    for entry in entries.in_order().iterator(chunk_size=2000):
        report.count += 1
        report.first, report.last = report.first or entry, entry
        roles = ", ".join(entry.roles) or (NOBODY if not entry.actor_id else "No role")
        report.verbs[roles][entry.verb] += 1
        key = (entry.actor, roles, entry.action)
        counts[key] += 1
        groups[key] = [groups[key][0] if groups[key] else entry.at, entry.at]
        if entry.action in REFUSALS:
            report.refusals.append(entry)
        is_page = entry.action == Action.JOURNAL_REPORTED and entry.data.get("kind") == "page"
        if entry.verb == Verb.DISCLOSURE and not is_page:
            report.given.append(entry)
        if entry.verb in READING and posted.intersection(entry.roles):
            where = postings.elsewhere(entry)
            if where is not None:
                report.elsewhere.append((entry, where))
    for (actor, roles, action), count in sorted(counts.items()):
        first, last = groups[actor, roles, action]
        known = Action(action)
        report.done.append(Done(actor, roles, known.label, verb_of(known), count, first, last))
    return report


class _Postings:
    """Which deployment an entry concerns, and whether the user was posted there at that time."""

    def __init__(self) -> None:
        self._deployments: dict[tuple[str, str], Deployment | None] = {}
        self._postings: dict[tuple[str, str], list[tuple[dt.datetime, dt.datetime | None]]] = {}

    def elsewhere(self, entry: Entry) -> Deployment | None:
        """Return the deployment that an entry concerns if its user was not posted there when it was written."""
        deployment = self._deployment(entry)
        if deployment is None:
            return None
        key = (entry.actor_id, str(deployment.pk))
        if key not in self._postings:
            rows = Posting.objects.filter(user_id=entry.actor_id, deployment=deployment)
            self._postings[key] = list(rows.values_list("posted_at", "ended_at"))
        is_posted = any(
            since <= entry.at and (until is None or entry.at <= until) for since, until in self._postings[key]
        )
        return None if is_posted else deployment

    def _deployment(self, entry: Entry) -> Deployment | None:
        named = str(entry.data.get("deployment") or "")
        key = ("", named) if named else (entry.target_type, entry.target_id)
        if key not in self._deployments:
            self._deployments[key] = self._found(*key)
        return self._deployments[key]

    def _found(self, kind: str, pk: str) -> Deployment | None:
        ways = {
            "": "pk",
            Deployment._meta.label_lower: "pk",
            Alert._meta.label_lower: "alerts",
            Period._meta.label_lower: "periods",
            Camera._meta.label_lower: "periods__cameras",
        }
        if kind not in ways:
            return None
        try:
            return Deployment.objects.filter(**{ways[kind]: uuid.UUID(pk)}).first()
        except ValueError:
            return None


def report_csv(report: AuditReport) -> str:
    """Return the report's counts, one line for each user, roles and action, then the lists; times in ISO 8601."""
    head = ("part", "number", "user", "roles", "verb", "action", "record", "detail", "count", "first", "last")
    return csv_text(head, _csv_rows(report))


def _csv_rows(report: AuditReport) -> Iterator[tuple[object, ...]]:
    for done in report.done:
        times = (done.first.isoformat(timespec="seconds"), done.last.isoformat(timespec="seconds"))
        yield ("done", "", done.user, done.roles, done.verb, done.action, "", "", done.count, *times)
    lists: tuple[tuple[str, list[tuple[Entry, str]]], ...] = (
        ("refused", [(entry, detail_of(entry)) for entry in report.refusals]),
        ("read_elsewhere", [(entry, str(where)) for entry, where in report.elsewhere]),
        ("given", [(entry, detail_of(entry)) for entry in report.given]),
    )
    for part, entries in lists:
        for entry, detail in entries:
            at = entry.at.isoformat(timespec="seconds")
            about = (entry.number or "", entry.actor, ", ".join(entry.roles), entry.verb, entry.get_action_display())
            yield (part, *about, entry.target, detail, 1, at, at)


def detail_of(entry: Entry) -> str:
    """Return what an entry says besides: to whom something was given and for what, or which page was refused."""
    said = {name: value for name, value in entry.data.items() if value not in ("", None) and name != "manifest"}
    return "; ".join(f"{name}: {value}" for name, value in said.items())


def report_pdf(report: AuditReport, *, made_by: str) -> bytes:
    """Return the report as PDF."""
    with tempfile.TemporaryDirectory(prefix="lfr-report-") as folder:
        return typeset(
            "Audit Report",
            report.asked,
            number="Audit log",
            footer=f"Compiled from the audit log on {moment(timezone.now())}. The audit log records this report.",
            facts=[
                ("Entries", f"{report.count:,}"),
                ("First", _entry(report.first)),
                ("Last", _entry(report.last)),
                ("Made by", made_by),
            ],
            sections=_sections(report),
            folder=Path(folder),
        )


def _when(done: Done) -> str:
    first, last = moment(done.first), moment(done.last)
    return first if first == last else f"{first}\nto {last}"


def _entry(entry: Entry | None) -> str:
    return f"No. {entry.number or '–'}, {moment(entry.at)}" if entry is not None else "None"


def _sections(report: AuditReport) -> Iterator[Section]:
    yield table(
        "Entries by role and verb",
        ("Roles held then", *report.verb_names, "All"),
        [(roles, *(f"{count:,}" for count in counts), f"{total:,}") for roles, counts, total in report.grid],
    )
    yield table(
        "Who did what",
        ("User", "Action", "Times", "When"),
        [(each.user, each.action, f"{each.count:,}", _when(each)) for each in report.done],
        none="Nothing.",
    )
    yield _listed("Refused", report.refusals, "Nothing was refused.")
    yield table(
        f"Read without a posting to that deployment ({len(report.elsewhere):,})",
        ("No.", "When", "User", "Action", "Deployment"),
        [
            (str(entry.number or "–"), moment(entry.at), entry.actor, entry.get_action_display(), where)
            for entry, where in report.elsewhere_lines
        ],
        none="Nothing. Counted are the roles that see only the deployments they are posted to.",
    )
    yield _listed("Given to others, and downloaded", report.given, "Nothing.")


def _listed(heading: str, entries: list[Entry], none: str) -> Section:
    return table(
        f"{heading} ({len(entries):,}{f', the first {LINES}' if len(entries) > LINES else ''})",
        ("No.", "When", "User", "Action", "Details"),
        [
            (str(entry.number or "–"), moment(entry.at), entry.actor, entry.get_action_display(), detail_of(entry))
            for entry in entries[:LINES]
        ],
        none=none,
    )
