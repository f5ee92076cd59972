"""The record of a deployment: figures counted from its own rows, each with its definition."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce

from alerts.choices import NoEngagement, OffenceClass, Result
from alerts.latency import Spread, timers_of
from alerts.models import Alert, StandDown
from alerts.querysets import AlertQuerySet
from alerts.second_looks import SecondLookCounts, second_looks_of
from alerts.states import FALSE, RESULTS
from audit.models import Entry
from deployments import bluetest, fairness, readiness
from deployments.governor import Verdict
from deployments.models import CeilingQuestion, Deployment, Period, ThresholdChange
from reports.csv_files import csv_text, iso
from reports.rates import Rate
from transparency.verifier import COLUMNS, cells
from watchlists.models import BiasEvidence


@dataclass(frozen=True)
class Figures:
    """Counts of alerts for one period or for all periods. `alerts` is the sum of the results and of those still open.

    No count includes alerts of the recognition test or known-negative checks. doubted: those on which officers engaged
    nobody because they doubted the likeness, which also count as true, unconfirmed. false_objects: the people or
    objects that false alerts were on, as operators recognised them. again: how often a subject was matched again at the
    place of an alert decided as not the same, which joined that alert.
    """

    faces: int
    alerts: int
    states: dict[str, int]
    still_open: int
    doubted: int
    false_objects: int
    again: int
    purged: int
    held: int
    second_looks: SecondLookCounts

    def of(self, result: str) -> int:
        """Return how many alerts have this result."""
        return sum(count for state, count in self.states.items() if RESULTS.get(state) == result)

    @property
    def results(self) -> list[tuple[str, int, int | None]]:
        """The name and count of each result, and how many of these were doubted; None where that cannot be."""
        apart = {Result.TRUE_UNCONFIRMED: self.doubted}
        return [(str(result.label), self.of(result), apart.get(result)) for result in Result]

    @property
    def false_alerts(self) -> int:
        """Alerts that an operator or officer decided were not the same person, before or after an engagement."""
        return self.of(Result.FALSE_CONFIRMED) + self.of(Result.FALSE_UNCONFIRMED)

    @property
    def positive_alerts(self) -> int:
        """Alerts whose subject's identity was confirmed."""
        return self.of(Result.TRUE_CONFIRMED)

    @property
    def arrests(self) -> int:
        return self.states.get(Alert.State.ARRESTED, 0)

    @property
    def false_of_faces(self) -> Rate:
        """False alerts as a share of the faces seen: the false alert rate."""
        return Rate(self.false_alerts, self.faces, self.still_open)

    @property
    def false_of_alerts(self) -> Rate:
        """False alerts as a share of all alerts."""
        return Rate(self.false_alerts, self.alerts, self.still_open)

    @property
    def labelled_states(self) -> list[tuple[str, int]]:
        """The label and count of each state that alerts are in, in the order of an alert's life."""
        return [(str(state.label), self.states[state]) for state in Alert.State if self.states.get(state)]


@dataclass(frozen=True)
class PeriodRecord:
    """One period, with its figures and its recognition test."""

    period: Period
    figures: Figures
    rates: list[bluetest.CameraRate]


@dataclass(frozen=True)
class DeploymentRecord:
    """The record of everything done under one authority."""

    deployment: Deployment
    figures: Figures
    periods: list[PeriodRecord]
    # The offence classes of arrests and their counts, which are kept after the purge.
    arrests: list[tuple[str, int]]
    changes: list[ThresholdChange]
    questions: list[CeilingQuestion]
    evidence: BiasEvidence | None
    stand_downs: list[StandDown]
    verdict: Verdict
    # The thresholds in force, each with when it was approved; None for the one that was authorised.
    thresholds: list[tuple[dt.datetime | None, float]]
    timers: list[Spread]


def record_of(deployment: Deployment) -> DeploymentRecord:
    """Return the record of a deployment."""
    alerts = Alert.objects.filter(deployment=deployment).public()
    periods = list(deployment.periods.with_faces().select_related("watchlist", "blue_list"))
    arrests = alerts.filter(state=Alert.State.ARRESTED).order_by().values_list("code").annotate(Count("pk"))
    return DeploymentRecord(
        deployment=deployment,
        figures=_figures(alerts, deployment.counters().faces),
        periods=[
            PeriodRecord(
                period,
                _figures(alerts.filter(camera__period=period), period.faces),  # type: ignore[attr-defined]
                bluetest.rates(period, all_of_them=True),
            )
            for period in periods
        ],
        arrests=sorted((str(OffenceClass(name).label) if name else "Not recorded", count) for name, count in arrests),
        changes=list(deployment.threshold_changes.select_related("before", "after", "proposed_by", "decided_by")),
        questions=list(deployment.ceiling_questions.select_related("decided_by")),
        evidence=fairness.evidence_of(deployment),
        stand_downs=list(StandDown.objects.of(deployment)),
        verdict=readiness.verdict_of(deployment),
        thresholds=_thresholds_of(deployment),
        timers=timers_of(alerts),
    )


def _thresholds_of(deployment: Deployment) -> list[tuple[dt.datetime | None, float]]:
    approved = deployment.threshold_changes.filter(state=ThresholdChange.State.APPROVED).order_by("decided_at")
    changes = list(approved.select_related("before", "after"))
    first = changes[0].before if changes else deployment.operating_point
    if first is None:
        return []
    return [(None, first.threshold), *((change.decided_at, change.after.threshold) for change in changes)]


def _figures(alerts: AlertQuerySet, faces: int) -> Figures:
    states = dict(alerts.order_by().values_list("state").annotate(Count("pk")))
    return Figures(
        faces=faces,
        alerts=sum(states.values()),
        states=states,
        still_open=sum(count for state, count in states.items() if state not in RESULTS),
        doubted=alerts.filter(state=Alert.State.NO_ENGAGEMENT, code=NoEngagement.DOUBT).count(),
        false_objects=alerts.filter(state__in=FALSE).aggregate(n=Count(Coalesce("repeat_of", "pk"), distinct=True))[
            "n"
        ],
        again=alerts.aggregate(n=Sum("again_count", default=0))["n"],
        purged=alerts.filter(purged_at__isnull=False).count(),
        held=alerts.filter(hold__isnull=False).count(),
        second_looks=second_looks_of(alerts),
    )


def record_csv(record: DeploymentRecord) -> str:
    """Return a header, a line for each period and a line for all of them. Times are ISO 8601 with their offset."""
    lines = [_line(record, str(number), each) for number, each in enumerate(record.periods, start=1)]
    lines.append(_line(record, "all", None))
    return csv_text(lines[0].keys(), [line.values() for line in lines])


def _line(record: DeploymentRecord, number: str, of: PeriodRecord | None) -> dict[str, object]:
    deployment, figures = record.deployment, of.figures if of else record.figures
    period, point = of.period if of else None, deployment.operating_point
    watchlist = period.watchlist if period else None
    running = [each.period for each in record.periods if each.period.went_live_at]
    began = min((each.went_live_at for each in running if each.went_live_at), default=None)
    return {
        "force": settings.LFR_FORCE,
        "controller": deployment.controller,
        "equipment_lent_by": deployment.lender,
        "deployment": deployment.name,
        "number": deployment.number,
        "period": number,
        "place": period.place if period else deployment.places,
        "use_case": deployment.use_case,
        "state": deployment.state,
        "authorised_start": iso(period.starts_at if period else deployment.starts_at),
        "authorised_end": iso(period.ends_at if period else deployment.authority_ends_at),
        "applicant": str(deployment.applicant),
        "authorised_by": str(deployment.authorised_by or ""),
        "authorised_rank": deployment.authorised_rank,
        "live_from": iso(period.went_live_at if period else began),
        "live_until": iso(period.ended_at if period else deployment.ended_at),
        "watchlist_size": period.list_size if period else max((p.list_size for p in running), default=0),
        "watchlist_under_18": watchlist.under_18 if watchlist else "",
        "engine": f"{point.engine.model} {point.engine.digest}" if point else "",
        "threshold": _thresholds(record, period),
        "equality_evidence": fairness.words_of(deployment),
        "threshold_changes": sum(change.state == ThresholdChange.State.APPROVED for change in record.changes),
        "faces_seen": figures.faces,
        "alerts": figures.alerts,
        **{result.name.lower(): figures.of(result) for result in Result},
        "true_unconfirmed_for_doubt": figures.doubted,
        "still_open": figures.still_open,
        **{column: figures.states.get(state, 0) for state, column in OUTCOME_COLUMNS.items()},
        "false_alerts": figures.false_alerts,
        "false_objects": figures.false_objects,
        "matched_again": figures.again,
        **figures.second_looks.columns,
        **figures.false_of_faces.columns("false_alerts_of_faces"),
        **figures.false_of_alerts.columns("false_alerts_of_alerts"),
        "test_passes": sum(rate.passes for each in record.periods for rate in each.rates if of in (None, each)),
        "test_recognised": sum(rate.recognised for each in record.periods for rate in each.rates if of in (None, each)),
        "alerts_purged": figures.purged,
        "alerts_held_as_evidence": figures.held,
        "watchlist_destroyed": iso(watchlist.destroyed_at) if watchlist else "",
    }


def _thresholds(record: DeploymentRecord, period: Period | None) -> str:
    """Return the threshold in force while cameras were live, of one period or all; several with when each began."""
    running = [each.period for each in record.periods if each.period.went_live_at] if period is None else [period]
    began = min((each.went_live_at for each in running if each.went_live_at), default=None)
    if began is None:
        return ""
    over = [each.ended_at for each in running]
    ended = None if None in over else max((end for end in over if end), default=None)
    found: list[tuple[dt.datetime | None, float]] = []
    for since, threshold in record.thresholds:
        if since is None or since <= began:
            found = [(None, threshold)]
        elif ended is None or since <= ended:
            found.append((since, threshold))
    return "; ".join(f"{value:.4f}" + (f" from {iso(since)}" if since else "") for since, value in found)


# The columns of the outcomes in which an identity was confirmed.
OUTCOME_COLUMNS = {
    Alert.State.ARRESTED: "outcome_arrest",
    Alert.State.OTHER_DISPOSAL: "outcome_other",
    Alert.State.NO_ACTION: "outcome_no_action",
}


def journal_csv(entries: Iterable[Entry]) -> str:
    """Return entries of the audit log, one line each, as they also stand in exports. `data` is JSON."""
    rows = (cells(entry.number or 0, json.loads(entry.canonical())) for entry in entries)
    return csv_text(COLUMNS, rows)
