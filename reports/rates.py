"""Rates as they are printed: one rounding rule, the interval beside each, and bounds while outcomes are missing."""

from __future__ import annotations

from dataclasses import dataclass

from recognition.statistics import percent, wilson
from reports.statistics import poisson

RULE = (
    "Percentages have two significant figures, counted from 0% or 100%, whichever is nearer. The range beside one is "
    "its 95% interval (Wilson). Unresolved possible matches count as not false. While possible matches have no "
    "outcome, a rate is not yet known: its range then covers everything from none of them being false to all of them. "
    "Numbers of faces for each arrest have three significant figures; their 95% interval is that of a Poisson count "
    "(Garwood)."
)


@dataclass(frozen=True)
class Rate:
    """A rate of false alerts. count: those known to be false. undecided: those that may still prove so. of: all."""

    count: int
    of: int
    undecided: int = 0

    @property
    def bounds(self) -> tuple[float, float]:
        """The ends of the interval, from 0 to 1."""
        most = min(self.count + self.undecided, self.of)
        return wilson(min(self.count, self.of), self.of)[0], wilson(most, self.of)[1]

    @property
    def is_known(self) -> bool:
        """Whether it is decided, and counted right: faces can be lost to the count, but no rate is above 1."""
        return 0 < self.of >= self.count and not self.undecided

    @property
    def value(self) -> str:
        """The rate as a percentage; empty if it is not known."""
        return percent(self.count / self.of) if self.is_known else ""

    @property
    def text(self) -> str:
        """The rate with its range, in words if it is not known."""
        if not self.of:
            return "not known: nothing was counted"
        if self.count > self.of:
            return "not known: more were false than were counted"
        low, high = map(percent, self.bounds)
        return f"{self.value} ({low} to {high})" if self.value else f"not yet known: {low} to {high}"

    @property
    def numbers(self) -> dict[str, float | None]:
        """The rate and the ends of its range as numbers from 0 to 1, unrounded; None where not known."""
        low, high = self.bounds if 0 < self.of >= self.count else (None, None)
        return {"value": self.count / self.of if self.is_known else None, "low": low, "high": high}

    def columns(self, name: str) -> dict[str, str]:
        """Return the rate and its range as columns of a CSV file, in percent without the sign."""
        ends = map(two_figures, self.bounds) if 0 < self.of >= self.count else ("", "")
        names = (f"{name}_percent", f"{name}_percent_low", f"{name}_percent_high")
        return dict(zip(names, (self.value.removesuffix("%"), *ends), strict=True))


@dataclass(frozen=True)
class PerEvent:
    """How many faces were seen for each event. of: faces. count: events."""

    of: int
    count: int

    @property
    def bounds(self) -> tuple[float, float | None]:
        """The ends of the 95% interval; None where there is no upper end, because there was no event."""
        fewest, most = poisson(self.count)
        return self.of / most, self.of / fewest if fewest else None

    @property
    def text(self) -> str:
        """The number with its range, in words."""
        if not self.of:
            return "not known: no face was counted"
        low, high = self.bounds
        if high is None:
            return f"none; more than {_three(low)} for each, with 95% confidence"
        return f"{_three(self.of / self.count)} ({_three(low)} to {_three(high)})"

    @property
    def numbers(self) -> dict[str, float | None]:
        """The number and the ends of its range, unrounded; None where not known."""
        low, high = self.bounds if self.of else (None, None)
        return {"value": self.of / self.count if self.count and self.of else None, "low": low, "high": high}


def two_figures(share: float) -> str:
    """Return a share in percent by the rule above, without the sign."""
    return percent(share).removesuffix("%")


def _three(value: float) -> str:
    """Return a number with three significant figures, in whole numbers from 100 on."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else f"{value:.3g}"
