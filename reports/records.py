"""The record of a deployment: counted from its own rows, with every definition beside its number."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count
from django.utils import timezone

from alerts.models import Alert, OffenceClass, Outcome
from alerts.querysets import AlertQuerySet
from audit.models import Entry
from deployments import bluetest, readiness
from deployments.governor import Verdict
from deployments.models import Deployment, Period, ThresholdChange


@dataclass(frozen=True)
class Figures:
    """Counts of alerts, of one period or of all. `alerts` is the sum of the five decisions below it.

    Alerts of the recognition test, on consenting staff, are in none of them.
    """

    faces: int
    alerts: int
    undecided: int
    unsure: int
    judged_not_same: int
    judged_same: int
    unreviewed: int
    outcomes: dict[str, int]
    purged: int

    @property
    def without_outcome(self) -> int:
        """Judged the same, with nothing recorded of what came of it."""
        return self.judged_same - sum(self.outcomes.values())

    @property
    def false_alerts(self) -> int:
        """Judged not the same by an operator, or found so by an officer."""
        return self.judged_not_same + self.outcomes[Outcome.NOT_SAME]

    @property
    def positive_alerts(self) -> int:
        """Found to be the person, by whatever came of it."""
        return sum(self.outcomes[name] for name in (Outcome.ARREST, Outcome.OTHER, Outcome.NO_ACTION))

    @property
    def false_alert_rate(self) -> str:
        """False alerts of faces seen, in percent to three decimals; empty when no face was seen."""
        return f"{100 * self.false_alerts / self.faces:.3f}" if self.faces else ""

    @property
    def false_alert_share(self) -> str:
        """False alerts of all alerts, in percent to one decimal; empty when there were none."""
        return f"{100 * self.false_alerts / self.alerts:.1f}" if self.alerts else ""

    @property
    def labelled_outcomes(self) -> list[tuple[str, int]]:
        return [(str(Outcome(name).label), count) for name, count in self.outcomes.items()]


@dataclass(frozen=True)
class PeriodRecord:
    """One period with its figures and its recognition test."""

    period: Period
    figures: Figures
    rates: list[bluetest.CameraRate]


@dataclass(frozen=True)
class DeploymentRecord:
    """What took place under one authority."""

    deployment: Deployment
    figures: Figures
    periods: list[PeriodRecord]
    # Outcome, offence that the person was sought for, how often: what survives the purge.
    arrests: list[tuple[str, int]]
    changes: list[ThresholdChange]
    verdict: Verdict


def record_of(deployment: Deployment) -> DeploymentRecord:
    """The record of a deployment."""
    alerts = Alert.objects.filter(deployment=deployment).public()
    periods = list(deployment.periods.with_faces().select_related("watchlist", "blue_list"))
    arrests = alerts.filter(outcome=Outcome.ARREST).order_by().values_list("offence_class").annotate(Count("pk"))
    return DeploymentRecord(
        deployment=deployment,
        figures=_figures(alerts, deployment.tally().faces),
        periods=[
            PeriodRecord(
                period,
                _figures(alerts.filter(camera__period=period), period.faces),  # type: ignore[attr-defined]
                bluetest.rates(period, all_of_them=True),
            )
            for period in periods
        ],
        arrests=sorted((str(OffenceClass(name).label) if name else "Not said", count) for name, count in arrests),
        changes=list(deployment.threshold_changes.select_related("before", "after", "proposed_by", "decided_by")),
        verdict=readiness.verdict_of(deployment),
    )


def _figures(alerts: AlertQuerySet, faces: int) -> Figures:
    states = dict(alerts.order_by().values_list("state").annotate(Count("pk")))
    outcomes = dict(alerts.order_by().exclude(outcome="").values_list("outcome").annotate(Count("pk")))
    unreviewed = outcomes.pop(Outcome.UNREVIEWED, 0)
    state = Alert.State
    return Figures(
        faces=faces,
        alerts=sum(states.values()),
        undecided=states.get(state.RAISED, 0),
        unsure=states.get(state.UNSURE, 0),
        judged_not_same=states.get(state.DISMISSED, 0),
        judged_same=states.get(state.REFERRED, 0) + states.get(state.CONCLUDED, 0) - unreviewed,
        unreviewed=unreviewed,
        outcomes={name: outcomes.get(name, 0) for name in Outcome.values if name != Outcome.UNREVIEWED},
        purged=alerts.filter(purged_at__isnull=False).count(),
    )


def record_csv(record: DeploymentRecord) -> str:
    """A header, a line a period, and a line for all of them; times in ISO 8601 with their offset."""
    lines = [_line(record, str(number), each) for number, each in enumerate(record.periods, start=1)]
    lines.append(_line(record, "all", None))
    return _csv(lines[0].keys(), [line.values() for line in lines])


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
        "authorised_start": _iso(period.starts_at if period else deployment.starts_at),
        "authorised_end": _iso(period.ends_at if period else deployment.authority_ends_at),
        "applicant": str(deployment.applicant),
        "authorised_by": str(deployment.authorised_by or ""),
        "authorised_rank": deployment.authorised_rank,
        "live_from": _iso(period.went_live_at if period else began),
        "live_until": _iso(period.ended_at if period else deployment.ended_at),
        "watchlist_size": period.list_size if period else max((p.list_size for p in running), default=0),
        "watchlist_under_18": watchlist.under_18 if watchlist else "",
        "engine": f"{point.engine.model} {point.engine.digest}" if point else "",
        "threshold": f"{point.threshold:.4f}" if point else "",
        "threshold_changes": len([change for change in record.changes if change.state == "approved"]),
        "faces_seen": figures.faces,
        "alerts": figures.alerts,
        "positive_alerts": figures.positive_alerts,
        "judged_same": figures.judged_same,
        "judged_not_same": figures.judged_not_same,
        "unsure": figures.unsure,
        "undecided": figures.undecided,
        "not_looked_at_in_time": figures.unreviewed,
        **{f"outcome_{name}": count for name, count in figures.outcomes.items()},
        "outcome_not_recorded": figures.without_outcome,
        "false_alerts": figures.false_alerts,
        "false_alert_rate_percent_of_faces": figures.false_alert_rate,
        "false_alert_percent_of_alerts": figures.false_alert_share,
        "test_passes": sum(rate.passes for each in record.periods for rate in each.rates if of in (None, each)),
        "test_recognised": sum(rate.recognised for each in record.periods for rate in each.rates if of in (None, each)),
        "alerts_purged": figures.purged,
        "watchlist_destroyed": _iso(watchlist.destroyed_at) if watchlist else "",
    }


JOURNAL_COLUMNS = (
    "number",
    "at",
    "action",
    "verb",
    "actor_id",
    "actor",
    "target_type",
    "target_id",
    "target",
    "previous_hash",
    "hash",
)


def journal_csv(entries: Iterable[Entry]) -> str:
    """The journal, one line a row, with everything a hash is computed from; `data` is JSON."""
    rows = (
        [*(_text(getattr(entry, name)) for name in JOURNAL_COLUMNS), json.dumps(entry.data, sort_keys=True)]
        for entry in entries
    )
    return _csv([*JOURNAL_COLUMNS, "data"], rows)


def _text(value: object) -> object:
    return value.isoformat(timespec="microseconds") if isinstance(value, dt.datetime) else value


def _iso(moment: dt.datetime | None) -> str:
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else ""


def _csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(header)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return stream.getvalue()


def _harmless(value: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
