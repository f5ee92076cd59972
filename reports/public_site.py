"""The public pages, written as files: they stand while everything else is busy, and are made only from what is public.

Pages use no script. Every figure on them is from the published versions, the settings or the tables of this system.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max, Min
from django.template.loader import render_to_string
from django.utils import timezone

from audit.actions import Action
from audit.models import Entry
from cases import figures
from core import retention
from deployments.models import Decision, Deployment, NoticeExemption, Pause
from reports import atrs
from reports.csv_files import csv_text, iso
from reports.models import Publication
from reports.publishing import differences, latest
from reports.rates import RULE, PerEvent, Rate
from reports.record_columns import COLUMNS, SCHEMA
from reports.records import COUNTING

# The pages that need no figures, with their titles.
PAGES = {
    "definitions": "What the words and figures mean",
    "retention": "How long what is kept",
    "atrs": "Algorithmic transparency record",
    "ask": "How to ask whether you were on a watchlist",
    "complain": "How to complain",
    "requests": "Requests, complaints and breaches",
    "accessibility": "Accessibility statement",
}
# States in which public notice was given and the cameras are still to come or are on.
_AHEAD = (
    *(Deployment.State.NOTIFIED, Deployment.State.READY, Deployment.State.LIVE, Deployment.State.PAUSED),
    Deployment.State.AUTHORISED,
)


@dataclass(frozen=True)
class Coming:
    """A deployment that is coming or under way, as its public notice says.

    withheld: why an officer decided that notice is not given ahead; they were told that this is published.
    """

    places: str
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None
    use_case: str
    withheld: str

    @property
    def is_one_day(self) -> bool:
        """Whether it begins and ends on one day of the local calendar."""
        ends = (self.starts_at, self.ends_at)
        return len({timezone.localdate(at) for at in ends if at}) == 1


@dataclass(frozen=True)
class Result:
    """A published version with those before it, as the pages show them."""

    publication: Publication
    earlier: list[tuple[Publication, list[tuple[str, str, str]]]]

    @property
    def slug(self) -> str:
        return slug_of(self.publication.deployment)

    @property
    def line(self) -> dict[str, Any]:
        return self.publication.everything

    @property
    def false_of_faces(self) -> Rate:
        return Rate(self.publication.false_alerts, self.publication.faces)

    @property
    def false_of_alerts(self) -> Rate:
        return Rate(self.publication.false_alerts, self.publication.alerts)

    @property
    def began(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.line["live_from"])

    @property
    def destroyed(self) -> list[dt.datetime]:
        """When the watchlist of each period was destroyed."""
        found = [line["watchlist_destroyed"] for line in self.publication.content["periods"]]
        return [dt.datetime.fromisoformat(at) for at in found if at]


@dataclass(frozen=True)
class Total:
    """The sums of one calendar year of published results."""

    year: int
    deployments: int
    faces: int
    alerts: int
    false_alerts: int
    arrests: int

    @property
    def false_of_faces(self) -> Rate:
        return Rate(self.false_alerts, self.faces)

    @property
    def false_of_alerts(self) -> Rate:
        return Rate(self.false_alerts, self.alerts)

    @property
    def faces_an_arrest(self) -> PerEvent:
        return PerEvent(self.faces, self.arrests)


def write_all(folder: Path) -> int:
    """Write every public file into a folder, each in one step. Returns how many were written.

    Files of results that are no longer published do not occur: what was published stays.
    """
    results, common = _results(), context_of_pages()
    now = common["made_at"]
    log_kept = retention.words(retention.period("audit_log"))
    files = {
        "index.html": _page("index", common, coming=coming(now), results=results[:10], totals=totals(results)),
        "results.html": _page("results", common, results=results, totals=totals(results)),
        "results.csv": "\ufeff" + results_csv(results),
        "results.json": results_json(results),
        "atrs.json": json.dumps(atrs.as_json(), ensure_ascii=False, indent=1) + "\n",
        "non-use.html": _page("non_use", common, register=non_use(), log_kept=log_kept),
        "site.css": (settings.BASE_DIR / "static" / "css" / "public.css").read_text(),
        **{f"results/{each.slug}.html": _page("result", {**common, "root": "../"}, result=each) for each in results},
        **{f"{name}.html": _page(name, common, title=title, **_of_page(name)) for name, title in PAGES.items()},
    }
    for name, text in files.items():
        _write(folder / name, text)
    return len(files)


def context_of_pages() -> dict[str, Any]:
    """Return what every public page shows, as of now."""
    return {"force": settings.LFR_FORCE, "is_demo": settings.IS_DEMO, "made_at": timezone.now(), "pages": PAGES}


def slug_of(deployment: Deployment) -> str:
    """Return the name of a deployment's file of results."""
    return str(deployment.number).replace("/", "-").lower()


def address_of_result(deployment: Deployment) -> str:
    """Return where a deployment's results are among the public files; empty if none are published."""
    return f"results/{slug_of(deployment)}.html" if deployment.publications.exists() else ""


def _page(template: str, common: dict[str, Any], **context: Any) -> str:
    return render_to_string(f"public/{template}.html", {"root": "", **common, **context})


def _of_page(name: str) -> dict[str, Any]:
    if name == "retention":
        return {"lines": retention.LINES}
    if name == "requests":
        return {"figures": figures.by_year()}
    if name == "atrs":
        return {"entries": atrs.entries(), "version": atrs.VERSION}
    if name == "definitions":
        return {"columns": [each for each in COLUMNS if each.is_public], "rule": RULE, "counting": COUNTING}
    return {}


def _write(path: Path, text: str) -> None:
    """Replace a file in one step, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)
    os.chmod(made, 0o644)
    os.replace(made, path)


def _results() -> list[Result]:
    found = []
    for newest in latest():
        versions = sorted(newest.deployment.publications.all(), key=lambda each: each.version)
        pairs = [
            (after, _in_words(differences(before.content, after.content)))
            for before, after in itertools.pairwise(versions)
        ]
        found.append(Result(newest, pairs[::-1]))
    return sorted(found, key=lambda each: each.began, reverse=True)


def _in_words(changes: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Return what differs in all periods together, each column as its meaning."""
    meanings = {column.name: column.meaning.rstrip(".") for column in COLUMNS}
    return [(meanings[name], before, after) for name, before, after in changes if name in meanings]


def totals(results: Sequence[Result]) -> list[Total]:
    """Return the sums of each year, the last first."""
    by_year: dict[int, list[Publication]] = {}
    for each in results:
        by_year.setdefault(each.began.year, []).append(each.publication)
    return [
        Total(
            year,
            len(of),
            sum(each.faces for each in of),
            sum(each.alerts for each in of),
            sum(each.false_alerts for each in of),
            sum(each.arrests for each in of),
        )
        for year, of in sorted(by_year.items(), reverse=True)
    ]


def coming(now: dt.datetime) -> list[Coming]:
    """Return deployments that are coming or under way: those of which public notice was given, the others withheld.

    One that is authorised but not yet announced is not shown, unless an officer decided to withhold its notice.
    """
    ahead = Deployment.objects.filter(state__in=_AHEAD).annotate(
        first=Min("periods__starts_at"), last=Max("periods__ends_at")
    )
    reasons = dict(NoticeExemption.objects.values_list("deployment_id", "reason"))
    found = []
    for each in ahead.filter(last__gt=now).order_by("first").prefetch_related("periods"):
        if each.state != Deployment.State.AUTHORISED:
            found.append(Coming(each.places, each.starts_at, each.ends_at, each.get_use_case_display(), ""))
        elif each.pk in reasons:
            found.append(Coming("", None, None, each.get_use_case_display(), reasons[each.pk]))
    return found


@dataclass(frozen=True)
class NonUse:
    """How often and why the system was not used. pauses: by reason."""

    decisions: list[tuple[str, int]]
    lists_rejected: int
    cancelled: int
    pauses: list[tuple[str, int]]


def non_use() -> NonUse:
    """Count what was refused, returned, cancelled, rejected and paused; no names and no texts."""
    kinds = (Decision.Kind.REFUSED, Decision.Kind.RETURNED)
    return NonUse(
        decisions=[(str(kind.label), Decision.objects.filter(kind=kind).count()) for kind in kinds],
        lists_rejected=Entry.objects.filter(action=Action.WATCHLIST_REJECTED).count(),
        cancelled=Deployment.objects.filter(state=Deployment.State.CANCELLED).count(),
        pauses=[
            (str(label), count)
            for code, label in Pause._meta.get_field("code").flatchoices
            if (count := Pause.objects.filter(code=code).count())
        ],
    )


def results_csv(results: Sequence[Result]) -> str:
    """Return a line for each published deployment: all its periods together, then what the publication adds."""
    names = [column.name for column in COLUMNS if column.is_public]
    head = [*names, "version", "published_at", "content_sha256"]
    return csv_text(head, ([*(_cell(each.line.get(name)) for name in names), *_published(each)] for each in results))


def results_json(results: Sequence[Result]) -> str:
    """Return every published version as it was published."""
    versions = [
        {
            "version": each.version,
            "published_at": iso(each.published_at),
            "reason": each.reason or None,
            "content_sha256": each.sha256,
            "content": each.content,
        }
        for result in results
        for each in sorted(result.publication.deployment.publications.all(), key=lambda row: row.version)
    ]
    return json.dumps({"schema": SCHEMA, "results": versions}, ensure_ascii=False, indent=1) + "\n"


def _published(result: Result) -> tuple[object, ...]:
    return result.publication.version, iso(result.publication.published_at), result.publication.sha256


def _cell(value: Any) -> object:
    return "" if value is None else value
