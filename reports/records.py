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

from alerts.models import Alert, Outcome
from audit.models import Entry
from deployments.models import Deployment


@dataclass(frozen=True)
class DeploymentRecord:
    """Counts of one deployment. `alerts` is the sum of the five decisions below it."""

    deployment: Deployment
    alerts: int
    undecided: int
    unsure: int
    judged_not_same: int
    judged_same: int
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
    def false_alert_rate(self) -> str:
        """False alerts of faces seen, in percent to three decimals; empty when no face was seen."""
        faces = self.deployment.faces  # type: ignore[attr-defined]
        return f"{100 * self.false_alerts / faces:.3f}" if faces else ""

    @property
    def false_alert_share(self) -> str:
        """False alerts of all alerts, in percent to one decimal; empty when there were none."""
        return f"{100 * self.false_alerts / self.alerts:.1f}" if self.alerts else ""

    @property
    def destroy_due_at(self) -> dt.datetime | None:
        return self.deployment.watchlist.destroy_due_at


def record_of(deployment: Deployment) -> DeploymentRecord:
    """The record of a deployment fetched `with_counts()`."""
    alerts = Alert.objects.filter(deployment=deployment)
    states = dict(alerts.order_by().values_list("state").annotate(Count("pk")))
    outcomes = dict(alerts.order_by().exclude(outcome="").values_list("outcome").annotate(Count("pk")))
    state = Alert.State
    return DeploymentRecord(
        deployment=deployment,
        alerts=sum(states.values()),
        undecided=states.get(state.RAISED, 0),
        unsure=states.get(state.UNSURE, 0),
        judged_not_same=states.get(state.DISMISSED, 0),
        judged_same=states.get(state.REFERRED, 0) + states.get(state.CONCLUDED, 0),
        outcomes={outcome: outcomes.get(outcome, 0) for outcome in Outcome.values},
        purged=alerts.filter(purged_at__isnull=False).count(),
    )


def record_csv(record: DeploymentRecord) -> str:
    """One header line and one line, times in ISO 8601 with their offset."""
    deployment = record.deployment
    point = deployment.operating_point
    row: dict[str, object] = {
        "force": settings.LFR_FORCE,
        "deployment": deployment.name,
        "place": deployment.place,
        "authorised_start": _iso(deployment.starts_at),
        "authorised_end": _iso(deployment.ends_at),
        "applicant": str(deployment.applicant),
        "authorised_by": str(deployment.authorised_by or ""),
        "live_from": _iso(deployment.went_live_at),
        "live_until": _iso(deployment.ended_at),
        "watchlist_size": deployment.list_size,
        "watchlist_under_18": deployment.watchlist.under_18,
        "engine": f"{point.engine.model} {point.engine.digest}" if point else "",
        "threshold": f"{point.threshold:.4f}" if point else "",
        "faces_seen": deployment.faces,  # type: ignore[attr-defined]
        "frames_received": deployment.received,  # type: ignore[attr-defined]
        "frames_dropped": deployment.dropped,  # type: ignore[attr-defined]
        "alerts": record.alerts,
        "judged_same": record.judged_same,
        "judged_not_same": record.judged_not_same,
        "unsure": record.unsure,
        "undecided": record.undecided,
        **{f"outcome_{name}": count for name, count in record.outcomes.items()},
        "outcome_not_recorded": record.without_outcome,
        "false_alerts": record.false_alerts,
        "false_alert_rate_percent_of_faces": record.false_alert_rate,
        "false_alert_percent_of_alerts": record.false_alert_share,
        "alerts_purged": record.purged,
        "watchlist_destroyed": _iso(deployment.watchlist.destroyed_at),
    }
    return _csv(row.keys(), [row.values()])


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
