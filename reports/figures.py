"""Counts of possible matches with the rates made of them, for one period, one deployment or many."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Sum
from django.db.models.functions import Coalesce

from alerts.choices import NoEngagement, Result
from alerts.models import Alert
from alerts.querysets import AlertQuerySet
from alerts.states import FALSE, RESULTS
from reports.rates import PerEvent, Rate


@dataclass(frozen=True)
class Figures:
    """Counts of alerts. `alerts` is the sum of the results and of those still open: each alert is in one of them.

    No count includes alerts of the recognition test or known-negative checks. states: how many are in each state.
    doubted: those on which officers engaged nobody because they doubted the likeness, which also count as true,
    unconfirmed. engaged: those on which an officer spoke to somebody. false_objects: the people or objects that false
    alerts were on, as operators recognised them. again: how often a subject was matched again at the place of an alert
    decided as not the same, which joined that alert.
    """

    faces: int
    alerts: int
    states: dict[str, int]
    still_open: int
    doubted: int
    engaged: int
    false_objects: int
    again: int
    purged: int
    held: int

    def of(self, result: str) -> int:
        """Return how many alerts have this result."""
        return sum(count for state, count in self.states.items() if RESULTS.get(state) == result)

    @property
    def results(self) -> list[tuple[str, int]]:
        """The name and count of each result."""
        return [(str(result.label), self.of(result)) for result in Result]

    @property
    def false_alerts(self) -> int:
        """Alerts that an operator or officer decided were not the same person, before or after an engagement."""
        return self.of(Result.FALSE_CONFIRMED) + self.of(Result.FALSE_UNCONFIRMED)

    @property
    def confirmed(self) -> int:
        """Alerts whose subject's identity was confirmed, with an outcome recorded or not yet."""
        return self.of(Result.TRUE_CONFIRMED) + self.without_disposal

    @property
    def without_disposal(self) -> int:
        """Alerts whose subject's identity was confirmed and whose outcome is still to be recorded."""
        return self.states.get(Alert.State.CONFIRMED_TRUE, 0)

    @property
    def arrests(self) -> int:
        return self.states.get(Alert.State.ARRESTED, 0)

    @property
    def disposals(self) -> dict[str, int]:
        """How many confirmed true alerts ended in each way: every one of them in exactly one."""
        return {name: self.states.get(state, 0) for state, name in DISPOSALS.items()}

    @property
    def false_of_faces(self) -> Rate:
        """False alerts as a share of the faces seen: the false alert rate."""
        return Rate(self.false_alerts, self.faces, self.still_open)

    @property
    def false_of_alerts(self) -> Rate:
        """False alerts as a share of all alerts."""
        return Rate(self.false_alerts, self.alerts, self.still_open)

    @property
    def faces_an_arrest(self) -> PerEvent:
        """Faces seen for each arrest."""
        return PerEvent(self.faces, self.arrests)


# The ways in which a confirmed true alert ends, with their names in files.
DISPOSALS: dict[str, str] = {
    Alert.State.ARRESTED: "arrest",
    Alert.State.OTHER_DISPOSAL: "other",
    Alert.State.NO_ACTION: "no_action",
}


def figures_of(alerts: AlertQuerySet, faces: int) -> Figures:
    """Count these alerts. faces: those seen at the same cameras."""
    states = dict(alerts.order_by().values_list("state").annotate(Count("pk")))
    objects = Count(Coalesce("repeat_of", "pk"), distinct=True)
    return Figures(
        faces=faces,
        alerts=sum(states.values()),
        states=states,
        still_open=sum(count for state, count in states.items() if state not in RESULTS),
        doubted=alerts.filter(state=Alert.State.NO_ENGAGEMENT, code=NoEngagement.DOUBT).count(),
        engaged=alerts.filter(engaged_at__isnull=False).count(),
        false_objects=alerts.filter(state__in=FALSE).aggregate(n=objects)["n"],
        again=alerts.aggregate(n=Sum("again_count", default=0))["n"],
        purged=alerts.filter(purged_at__isnull=False).count(),
        held=alerts.filter(hold__isnull=False).count(),
    )
