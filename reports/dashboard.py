"""The dashboard: how often, how well and with what effort the system was used, by month: charts with their tables."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from django.conf import settings
from django.utils import timezone

from alerts.models import Alert
from alerts.states import FALSE, RESULTS
from core import retention
from core.errors import Refused
from deployments import pauses
from deployments.document_parts import Section, moment
from deployments.documents import typeset
from deployments.models import Pass, Period
from recognition.statistics import wilson
from reports import equality
from reports.charts import PAPER, Chart, Series, svg
from reports.dates import DateRange
from reports.rates import Rate, two_figures
from reports.statistics import poisson
from watchlists.models import Certificate

LONGEST_DAYS = 3660


@dataclass
class Month:
    """What was counted in one calendar month: by when a period went live; of what was destroyed, by when it was."""

    first: dt.date
    deployments: set[object] = field(default_factory=set)
    live: dt.timedelta = dt.timedelta()
    faces: int = 0
    alerts: int = 0
    false: int = 0
    objects: set[object] = field(default_factory=set)
    open: int = 0
    passes: int = 0
    recognised: int = 0
    decided: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    engaged: list[float] = field(default_factory=list)
    prompt: int = 0
    late: int = 0

    @property
    def label(self) -> str:
        return f"{self.first:%b}\n{self.first:%Y}"

    @property
    def name(self) -> str:
        return f"{self.first:%B %Y}"

    @property
    def hours(self) -> float:
        return self.live.total_seconds() / 3600


def months_of(days: DateRange) -> list[Month]:
    """Count these days by month."""
    months: dict[dt.date, Month] = {}
    first = days.since.replace(day=1)
    while first <= days.until:
        months[first] = Month(first)
        first = (first + dt.timedelta(days=32)).replace(day=1)

    def of(at: dt.datetime) -> Month:
        return months[timezone.localdate(at).replace(day=1)]

    now = timezone.now()
    periods = Period.objects.with_faces().filter(went_live_at__gte=days.start, went_live_at__lt=days.end)
    for period in periods.prefetch_related("pauses"):
        if period.went_live_at is not None:
            month = of(period.went_live_at)
            month.deployments.add(period.deployment_id)
            month.live += pauses.live_time(period, now)
            month.faces += period.faces  # type: ignore[attr-defined]
    _count_alerts(days, of)
    for at, recognition in Pass.objects.filter(at__gte=days.start, at__lt=days.end).values_list("at", "recognition"):
        of(at).passes += 1
        of(at).recognised += recognition is not None
    _count_destroyed(days, of)
    return list(months.values())


def _count_alerts(days: DateRange, of: Callable[[dt.datetime], Month]) -> None:
    # With the period that they belong to, also if it went on after midnight.
    began = "camera__period__went_live_at"
    alerts = Alert.objects.public().filter(**{f"{began}__gte": days.start, f"{began}__lt": days.end})
    timed = set(alerts.timed().values_list("pk", flat=True))
    fields = ("pk", "state", "raised_at", "decided_at", "referred_at", "engaged_at", "ended_at", "repeat_of", began)
    for pk, state, raised, decided, referred, engaged, ended, repeat_of, live in alerts.values_list(*fields):
        month = of(live)
        month.alerts += 1
        month.false += state in FALSE
        if state in FALSE:
            month.objects.add(repeat_of or pk)
        month.open += state not in RESULTS
        if decided is not None and decided >= raised:
            month.decided.append((decided - raised).total_seconds())
        # As in alerts.latency: what ended before it began was measured by two clocks, and is left out.
        if pk in timed and referred is not None and engaged is not None and ended is not None:
            if engaged >= referred:
                month.answered.append((engaged - referred).total_seconds())
            if ended >= engaged:
                month.engaged.append((ended - engaged).total_seconds() / 60)


def _count_destroyed(days: DateRange, of: Callable[[dt.datetime], Month]) -> None:
    lists = Certificate.objects.filter(issued_at__gte=days.start, issued_at__lt=days.end)
    purged = Alert.objects.public().filter(purged_at__gte=days.start, purged_at__lt=days.end)
    for done, due in (*lists.values_list("issued_at", "due_at"), *purged.values_list("purged_at", "purge_due_at")):
        if done is not None and due is not None:
            is_late = done - due > retention.PROMPT
            of(done).late += is_late
            of(done).prompt += not is_late


def charts_of(days: DateRange) -> list[Chart]:
    """Return the charts of the dashboard for these days.

    Raises:
        Refused: there are more months than anybody could read.
    """
    if (days.until - days.since).days > LONGEST_DAYS:
        raise Refused("Choose ten years at most.")
    months = months_of(days)
    return [
        _deployments(months),
        _alerts_an_hour(months),
        _false_alerts(months),
        _recognition(months),
        _latencies(months),
        _workload(months),
        _retention(months),
        *_equality(days),
    ]


def _chart(
    months: Sequence[Month],
    about: tuple[str, str, str, str, str],
    series: Sequence[Series],
    columns: Sequence[tuple[str, Callable[[Month], str]]],
    limit: tuple[float, str] | None = None,
) -> Chart:
    """Return a chart by month. about: key, title, sentence, kind and unit. columns: of the table."""
    key, title, sentence, kind, unit = about
    head = ("Month", *(name for name, _ in columns))
    rows = [(month.name, *(text(month) for _, text in columns)) for month in months]
    return Chart(key, title, sentence, kind, [month.label for month in months], series, unit, head, rows, limit)


def _deployments(months: Sequence[Month]) -> Chart:
    return _chart(
        months,
        ("deployments", "Deployments", "How many went live in each month.", "bar", "deployments"),
        [Series("Deployments", [len(month.deployments) for month in months])],
        [
            ("Deployments", lambda month: f"{len(month.deployments):,}"),
            ("Hours live, without pauses", lambda month: f"{month.hours:,.1f}"),
            ("Faces seen", lambda month: f"{month.faces:,}"),
        ],
    )


def _alerts_an_hour(months: Sequence[Month]) -> Chart:
    rates = [month.alerts / month.hours if month.hours else None for month in months]
    ends = [[end / month.hours for end in poisson(month.alerts)] if month.hours else (None, None) for month in months]
    return _chart(
        months,
        (
            "an-hour",
            "Possible matches an hour",
            "In each live hour, with the 95% interval (Garwood).",
            "line",
            "an hour",
        ),
        [Series("Possible matches an hour", rates, [low for low, _ in ends], [high for _, high in ends])],
        [
            ("Possible matches", lambda month: f"{month.alerts:,}"),
            ("Hours live", lambda month: f"{month.hours:,.1f}"),
            ("An hour", lambda month: f"{month.alerts / month.hours:.2f}" if month.hours else "–"),
        ],
    )


def _false_alerts(months: Sequence[Month]) -> Chart:
    rates = [Rate(len(month.objects), month.faces, month.open) for month in months]
    known = [rate.numbers for rate in rates]
    ceiling = 100 / settings.LFR_FACES_A_FALSE_ALERT
    return _chart(
        months,
        (
            *("false", "False alerts among faces seen"),
            *("Each person or object once, as the ceiling counts them; 95% interval (Wilson).", "line", "percent"),
        ),
        [
            Series(
                "False alerts",
                [_percent(each["value"]) for each in known],
                [_percent(each["low"]) for each in known],
                [_percent(each["high"]) for each in known],
            )
        ],
        [
            ("False alerts", lambda month: f"{month.false:,}"),
            ("People or objects", lambda month: f"{len(month.objects):,}"),
            ("Faces seen", lambda month: f"{month.faces:,}"),
            ("Of faces seen", lambda month: Rate(len(month.objects), month.faces, month.open).text),
        ],
        (ceiling, f"Ceiling {two_figures(ceiling / 100)}%"),
    )


def _recognition(months: Sequence[Month]) -> Chart:
    ends = [wilson(month.recognised, month.passes) if month.passes else (None, None) for month in months]
    return _chart(
        months,
        (
            *(
                "recognition",
                "True recognition rate",
                "Of the passes of recognition tests, with the 95% interval (Wilson).",
            ),
            *("line", "percent"),
        ),
        [
            Series(
                "True recognition rate",
                [100 * month.recognised / month.passes if month.passes else None for month in months],
                [_percent(low) for low, _ in ends],
                [_percent(high) for _, high in ends],
            )
        ],
        [
            ("Passes", lambda month: f"{month.passes:,}"),
            ("Recognised", lambda month: f"{month.recognised:,}"),
            ("Rate", lambda month: f"{100 * month.recognised / month.passes:.0f}%" if month.passes else "–"),
        ],
    )


def _latencies(months: Sequence[Month]) -> Chart:
    return _chart(
        months,
        (
            *("latency", "Seconds to a decision and to an officer"),
            *("Medians: from the possible match to the operator’s decision, and from the referral to the officer.",),
            *("line", "seconds"),
        ),
        [
            Series("To the decision", [_median(month.decided) for month in months]),
            Series("To the officer", [_median(month.answered) for month in months]),
        ],
        [
            ("To the decision, median", lambda month: _seconds(_median(month.decided))),
            ("19 of 20 within", lambda month: _seconds(_late(month.decided))),
            ("To the officer, median", lambda month: _seconds(_median(month.answered))),
            ("19 of 20 within ", lambda month: _seconds(_late(month.answered))),
        ],
    )


def _workload(months: Sequence[Month]) -> Chart:
    return _chart(
        months,
        (
            *("workload", "Hours of officers with people"),
            *(
                "The time from speaking to a person to the outcome, added up, as recorded when it happened.",
                "bar",
                "hours",
            ),
        ),
        [Series("Hours", [sum(month.engaged) / 60 for month in months])],
        [
            ("Engagements", lambda month: f"{len(month.engaged):,}"),
            ("Hours", lambda month: f"{sum(month.engaged) / 60:,.1f}"),
            ("Median minutes", lambda month: f"{median(month.engaged):.0f}" if month.engaged else "–"),
        ],
    )


def _retention(months: Sequence[Month]) -> Chart:
    return _chart(
        months,
        (
            *("retention", "Destroyed in time and late"),
            *(
                "Watchlists and possible matches. "
                f"Late is more than {retention.words(retention.PROMPT)} after it was due.",
            ),
            *("bar", "destroyed"),
        ),
        [
            Series("In time", [month.prompt for month in months]),
            Series("Late", [month.late for month in months]),
        ],
        [("In time", lambda month: f"{month.prompt:,}"), ("Late", lambda month: f"{month.late:,}")],
    )


def _equality(days: DateRange) -> Iterable[Chart]:
    """Yield a chart for each measure that has a ratio with a finite interval."""
    report = equality.report_for(days)
    for measure in equality.MEASURES:
        found = [each for each in report.comparisons if each.measure.key == measure.key and each.ratio[1] > 0]
        found = [each for each in found if each.ratio[2] < 1e4]
        yield Chart(
            f"equality-{measure.key}",
            f"{measure.name}: each group and all others",
            "Ratios of the rates with their 95% intervals (Katz); 1 is no difference.",
            "range",
            [f"{equality.NAMES[each.characteristic]}: {each.group}" for each in found],
            [
                Series(
                    "Ratio",
                    [each.ratio[0] for each in found],
                    [each.ratio[1] for each in found],
                    [each.ratio[2] for each in found],
                )
            ],
            "ratio",
            ("Group", "Rate", "Ratio to all others", "In words"),
            [
                (f"{equality.NAMES[each.characteristic]}: {each.group}", each.share_words, each.ratio_words, each.words)
                for each in found
            ],
        )


def report_pdf(charts: Sequence[Chart], days: DateRange, *, made_by: str) -> bytes:
    """Return the dashboard as PDF: the same drawings, each with its table."""
    with tempfile.TemporaryDirectory(prefix="lfr-dashboard-") as folder:
        sections = []
        for chart in charts:
            picture = ""
            if not chart.is_empty:
                picture = f"{chart.key}.svg"
                (Path(folder) / picture).write_text(svg(chart, PAPER), encoding="utf-8")
            numeric = tuple(range(1, len(chart.head))) if chart.kind != "range" else ()
            text = chart.sentence if not chart.is_empty else f"{chart.sentence} There is nothing to draw."
            table = [chart.head, *chart.rows] if chart.rows else []
            sections.append(Section(chart.title, text, table=table, numeric=numeric, chart=picture))
        return typeset(
            "Dashboard",
            days.words,
            number="Dashboard",
            footer=f"Compiled on {moment(timezone.now())}. The audit log records this report.",
            facts=[("Made by", made_by)],
            sections=sections,
            folder=Path(folder),
        )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _late(values: Sequence[float]) -> float | None:
    """Return the time within which 19 of 20 were."""
    return quantiles(values, n=20, method="inclusive")[18] if len(values) > 1 else _median(values)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} s"
