"""Rates as they are printed: one rounding rule, the interval beside each, and bounds while outcomes are missing."""

from __future__ import annotations

from dataclasses import dataclass

from recognition.statistics import percent, wilson

RULE = (
    "Percentages have two significant figures, counted from 0% or 100%, whichever is nearer. The range beside one is "
    "its 95% interval (Wilson). Unresolved possible matches count as not false. While possible matches have no "
    "outcome, a rate is not yet known: its range then covers everything from none of them being false to all of them."
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
    def value(self) -> str:
        """The rate as a percentage; empty if it is not yet known or nothing was counted."""
        return percent(self.count / self.of) if self.of and not self.undecided else ""

    @property
    def text(self) -> str:
        """The rate with its range, in words if it is not known."""
        if not self.of:
            return "not known: nothing was counted"
        low, high = map(percent, self.bounds)
        return f"{self.value} ({low} to {high})" if self.value else f"not yet known: {low} to {high}"

    def columns(self, name: str) -> dict[str, str]:
        """Return the rate and its range as columns of a CSV file, in percent without the sign."""
        ends = map(percent, self.bounds) if self.of else ("", "")
        names = (f"{name}_percent", f"{name}_percent_low", f"{name}_percent_high")
        return {name: text.removesuffix("%") for name, text in zip(names, (self.value, *ends), strict=True)}
