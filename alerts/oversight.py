"""Human oversight, measured: what people decided, how long it took, how often they were checked and found right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from alerts import figures
from alerts.choices import NoEngagement, Result
from alerts.figures import OperatorFigures
from alerts.latency import Spread, timers_of
from alerts.models import Alert
from alerts.second_looks import SecondLookCounts, second_looks_of
from alerts.states import RESULTS
from recognition.statistics import percent, wilson


@dataclass(frozen=True)
class Oversight:
    """Measures over one or several deployments.

    operators: decisions, known-negative checks and sensitivity, of all operators together. timers: from the frame to
    the outcome. referred: possible matches that an operator referred to officers. doubted: of these, those where
    officers engaged nobody because they doubted the likeness. engagements: for each result, the time from when an
    officer spoke to the person to the outcome, where both were recorded as they happened.
    """

    operators: OperatorFigures
    second_looks: SecondLookCounts
    timers: list[Spread]
    referred: int
    doubted: int
    engagements: list[Spread]

    @property
    def agreement(self) -> str:
        """Share of second looks that found what had been decided, with its 95% interval."""
        looks = self.second_looks
        return share_words(looks.agreed, looks.agreed + looks.disagreed)

    @property
    def control_share(self) -> str:
        """Share of known-negative checks that were decided as the same person, with its interval."""
        return share_words(self.operators.false_alarms, self.operators.controls)

    @property
    def doubt_share(self) -> str:
        return share_words(self.doubted, self.referred)

    @property
    def sensitivity(self) -> str:
        """d' of all operators together, in words."""
        found = self.operators.sensitivity
        if found is not None:
            return f"{found:.2f}"
        have = f"{self.operators.controls} known-negative checks and {self.operators.known_same} confirmed subjects"
        return f"insufficient data: {have}; {figures.ENOUGH} of each are needed"

    @property
    def decision_time(self) -> Spread:
        return self.timers[1]

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The measures with their names, for pages and documents."""
        spread = self.decision_time
        times = f"{spread.words} ({spread.count:,} decisions)" if spread.count else "no decision"
        return [
            ("Second looks that agreed", self.agreement),
            ("Known-negative checks decided “same person”", self.control_share),
            ("Sensitivity d′ of the operators", self.sensitivity),
            ("Time from possible match to decision, median and 95th percentile", times),
            ("Referred to officers, but nobody engaged for doubt", self.doubt_share),
            *((f"Time with the person: {each.name}", _engaged_words(each)) for each in self.engagements),
        ]


def share_words(count: int, of: int) -> str:
    """Return a share with its counts and its 95% interval (Wilson), in words."""
    if not of:
        return "none"
    low, high = wilson(count, of)
    return f"{count:,} of {of:,}, {percent(count / of)} ({percent(low)} to {percent(high)})"


def _engaged_words(spread: Spread) -> str:
    return f"{spread.words} ({spread.count:,} engagement{'' if spread.count == 1 else 's'})"


def oversight_of(deployments: Iterable[Any]) -> Oversight:
    """Measure the human oversight of these deployments."""
    deployments = list(deployments)
    alerts = Alert.objects.filter(deployment__in=deployments).public()
    return Oversight(
        operators=figures.of_deployments(deployments),
        second_looks=second_looks_of(alerts),
        timers=timers_of(alerts),
        referred=alerts.filter(referred_at__isnull=False).count(),
        doubted=alerts.filter(state=Alert.State.NO_ENGAGEMENT, code=NoEngagement.DOUBT).count(),
        engagements=_engagements(alerts.timed()),
    )


def _engagements(alerts: Any) -> list[Spread]:
    """Return the times of engagements of each result that occurs."""
    seconds: dict[Result, list[float]] = {}
    for state, began, ended in alerts.order_by().values_list("state", "engaged_at", "ended_at"):
        result = RESULTS.get(state)
        if result is not None and ended >= began:
            seconds.setdefault(result, []).append((ended - began).total_seconds())
    return [Spread.of(str(each.label).lower(), seconds[each]) for each in Result if each in seconds]
