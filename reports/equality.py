"""Whether the system and its use treat groups of people alike, as far as what was recorded can say.

From recorded attributes only: what people said about themselves and what officers saw, never from a face. Each group is
compared with all others that have the attribute recorded.
"""

from __future__ import annotations

import datetime as dt
import statistics as numbers
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone

from alerts.choices import Result
from alerts.models import Alert
from alerts.states import RESULTS
from deployments.models import Pass
from recognition.statistics import percent, wilson
from reports.dates import DateRange
from reports.statistics import fisher, holm, needed, rate_ratio
from watchlists.attributes import SELF_DEFINED_GROUPS, AgeBand, OfficerDefined, Sex

# The ratio from which a difference matters (doctrine, section 10), and the number from which it is red.
RATIO, RED_FROM = 1.5, 30
LEVEL = 0.05
# Codes that are no group: nobody is compared with those of whom nothing is known.
_NO_GROUP = ("", OfficerDefined.IC9, Sex.UNKNOWN, AgeBand.UNKNOWN)


class Level(StrEnum):
    """The consequence of a comparison."""

    NONE = ""
    AMBER = "amber"
    RED = "red"


@dataclass
class Group:
    """The counts of one group. matches: possible matches with this attribute recorded, which an officer can do.

    settled: those of them with a result. minutes: of engagements that were recorded as they happened.
    """

    name: str
    matches: int = 0
    settled: int = 0
    engaged: int = 0
    false: int = 0
    arrests: int = 0
    other: int = 0
    no_action: int = 0
    passes: int = 0
    recognised: int = 0
    minutes: list[float] = field(default_factory=list)

    @property
    def median_minutes(self) -> float | None:
        return numbers.median(self.minutes) if self.minutes else None


@dataclass(frozen=True)
class Measure:
    """A rate that groups are compared by. count, of: from a group."""

    key: str
    name: str
    count: Callable[[Group], int]
    of: Callable[[Group], int]


MEASURES = (
    Measure("false", "False alerts among those an officer answered", lambda group: group.false, lambda g: g.settled),
    Measure("no_action", "No further action among engagements", lambda g: g.no_action, lambda group: group.engaged),
    Measure("missed", "Passes not recognised (1 − TRR)", lambda g: g.passes - g.recognised, lambda group: group.passes),
)


@dataclass(frozen=True)
class Comparison:
    """One group against all others by one measure; of two groups, the first against the second.

    needed: how many would be needed in each to find a ratio of `RATIO`; None if the others' rate gives none. p: of
    Fisher's exact test, corrected by Holm for all groups of the characteristic.
    """

    characteristic: str
    measure: Measure
    group: str
    count: int
    of: int
    other_count: int
    other_of: int
    ratio: tuple[float, float, float]
    p: float
    needed: int | None

    @property
    def is_enough(self) -> bool:
        """Whether there are enough of both to find a ratio of `RATIO` in four of five cases."""
        return self.needed is not None and min(self.of, self.other_of) >= self.needed

    @property
    def is_found(self) -> bool:
        return self.p < LEVEL

    @property
    def level(self) -> Level:
        """Amber: a ratio above `RATIO` in either direction whose interval excludes 1. Red: with 30 in both, too."""
        ratio, low, high = self.ratio
        is_large = (ratio > RATIO and low > 1) or (ratio < 1 / RATIO and high < 1)
        if not is_large:
            return Level.NONE
        return Level.RED if min(self.of, self.other_of) >= RED_FROM and self.is_found else Level.AMBER

    @property
    def badge(self) -> str:
        """The style of the badge that shows the level."""
        return {Level.RED: "danger", Level.AMBER: "wait"}.get(self.level, "")

    @property
    def key(self) -> str:
        return f"{self.measure.key}/{self.characteristic}/{self.group}"

    @property
    def share_words(self) -> str:
        low, high = wilson(self.count, self.of)
        return f"{self.count:,} of {self.of:,}, {percent(self.count / self.of)} ({percent(low)} to {percent(high)})"

    @property
    def ratio_words(self) -> str:
        ratio, low, high = self.ratio
        return f"{ratio:.2f} ({low:.2f} to {high:.2f})"

    @property
    def words(self) -> str:
        """What can be said: a difference that was found, or how much a difference could have been missed."""
        if self.is_found:
            more = "more" if self.ratio[0] > 1 else "less"
            return f"A difference: {more} often than all others, p = {self.p:.2g} (Fisher, Holm)."
        if self.is_enough:
            return f"No difference of {RATIO:g} times was found, which these numbers would have shown in 4 of 5 cases."
        if self.needed is None:
            return "Insufficient data: the others have no such case, or nothing else."
        return f"Insufficient data: about {self.needed:,} in each group would be needed to see a ratio of {RATIO:g}."


@dataclass(frozen=True)
class Characteristic:
    """The groups of one characteristic and their comparisons. unknown: possible matches without it recorded."""

    key: str
    name: str
    groups: list[Group]
    comparisons: list[Comparison]
    matches: int
    passes: int

    @property
    def recorded(self) -> int:
        return sum(group.matches for group in self.groups)

    @property
    def passes_recorded(self) -> int:
        return sum(group.passes for group in self.groups)


@dataclass(frozen=True)
class EqualityReport:
    """The report. characteristics: self-defined and officer-defined ethnicity (never mixed), sex and age."""

    days: DateRange
    made_at: dt.datetime
    characteristics: list[Characteristic]

    @property
    def comparisons(self) -> list[Comparison]:
        return [each for characteristic in self.characteristics for each in characteristic.comparisons]

    @property
    def red(self) -> list[Comparison]:
        return [each for each in self.comparisons if each.level == Level.RED]

    @property
    def amber(self) -> list[Comparison]:
        return [each for each in self.comparisons if each.level == Level.AMBER]

    @property
    def found(self) -> list[Comparison]:
        return [each for each in self.comparisons if each.is_found]

    @property
    def insufficient(self) -> int:
        """How many comparisons say nothing for want of data."""
        return sum(not each.is_found and not each.is_enough for each in self.comparisons)


# A characteristic: its key, its name, the field, and the name of the group that a code counts in.
_OF_CODE: dict[str, Callable[[str], str]] = {
    "self_defined": lambda code: SELF_DEFINED_GROUPS[code[0]],
    "officer_defined": lambda code: str(OfficerDefined(code).label),
    "sex": lambda code: str(Sex(code).label),
    "age_band": lambda code: str(AgeBand(code).label),
}
NAMES = {
    "self_defined": "Self-defined ethnicity",
    "officer_defined": "Officer-defined ethnicity",
    "sex": "Sex",
    "age_band": "Age",
}


def report_for(days: DateRange) -> EqualityReport:
    """Compile the report on the possible matches raised and the passes made on these days."""
    raised = Alert.objects.public().filter(raised_at__gte=days.start, raised_at__lt=days.end)
    alerts = list(
        raised.order_by()
        .annotate(is_timed=Exists(raised.timed().filter(pk=OuterRef("pk"))))
        .values("state", "engaged_at", "ended_at", "is_timed", *(f"attributes__{name}" for name in NAMES))
    )
    passes = list(
        Pass.objects.filter(at__gte=days.start, at__lt=days.end)
        .order_by()
        .values("recognition", "self_defined", "sex", "age_band")
    )
    found = [_characteristic(key, alerts, passes) for key in NAMES]
    return EqualityReport(days, timezone.now(), found)


def _characteristic(key: str, alerts: Sequence[Any], passes: Sequence[Any]) -> Characteristic:
    groups: dict[str, Group] = {}
    for row in alerts:
        code = str(row[f"attributes__{key}"] or "")
        if code not in _NO_GROUP:
            name = _OF_CODE[key](code)
            _add_match(groups.setdefault(name, Group(name)), row)
    for row in passes:
        code = str(row.get(key) or "")
        if code not in _NO_GROUP:
            name = _OF_CODE[key](code)
            group = groups.setdefault(name, Group(name))
            group.passes += 1
            group.recognised += row["recognition"] is not None
    ordered = [groups[name] for name in _order(key) if name in groups]
    comparisons = [each for measure in MEASURES for each in _compared(key, measure, ordered)]
    return Characteristic(key, NAMES[key], ordered, comparisons, len(alerts), len(passes))


def _order(key: str) -> list[str]:
    if key == "self_defined":
        return list(SELF_DEFINED_GROUPS.values())
    choices = {"officer_defined": OfficerDefined, "sex": Sex, "age_band": AgeBand}[key]
    return [str(label) for label in choices.labels]


def _add_match(group: Group, row: Any) -> None:
    state, began, ended = str(row["state"]), row["engaged_at"], row["ended_at"]
    result = RESULTS.get(state)
    group.matches += 1
    group.settled += result not in (None, Result.UNRESOLVED)
    group.false += result is not None and result.is_false
    group.arrests += state == Alert.State.ARRESTED
    group.other += state == Alert.State.OTHER_DISPOSAL
    group.no_action += state == Alert.State.NO_ACTION
    if isinstance(began, dt.datetime):
        # The counts of dispositions are of engagements whose outcome is recorded.
        group.engaged += result in (Result.TRUE_CONFIRMED, Result.FALSE_CONFIRMED)
        if row["is_timed"] and ended >= began:
            group.minutes.append((ended - began).total_seconds() / 60)


def _compared(key: str, measure: Measure, groups: Iterable[Group]) -> Iterator[Comparison]:
    # Those who did not state theirs are counted, but they are no group of people.
    named = [group for group in groups if measure.of(group) and group.name != SELF_DEFINED_GROUPS["N"]]
    counted = [(group.name, measure.count(group), measure.of(group)) for group in named]
    count, of = sum(each[1] for each in counted), sum(each[2] for each in counted)
    rows = [(name, a, n, count - a, of - n) for name, a, n in counted if of - n]
    # Two groups differ from each other, once.
    rows = rows[:1] if len(rows) == 2 else rows
    corrected = holm([fisher(a, n, b, m) for _, a, n, b, m in rows])
    for (name, a, n, b, m), p in zip(rows, corrected, strict=True):
        yield Comparison(key, measure, name, a, n, b, m, rate_ratio(a, n, b, m), p, needed(b / m, RATIO))
