"""Two limits on false alerts: the authorised ceiling itself, and a sequential test of whether the rate is above it.

The ceiling is one false alert in a given number of faces. From the second false alert on, an observed rate above it
needs the commander's decision (`deployments.ceiling`). It may still be chance, so the cameras do not pause by
themselves until the sequential test, which may be evaluated after every face, shows that it is not.

For the test, false alerts are events of a Poisson process in the faces seen. The evidence against "the rate is at most
the ceiling" is a likelihood ratio, averaged over rates that are 2, 4, 8 and 16 times the ceiling. If the rate is at
most the ceiling, the expectation of this ratio never exceeds 1, so by Ville's inequality the probability that it ever
reaches 20 is at most 1 in 20, however often it is evaluated. A ratio of counts has no such bound: one false alert among
the first hundred faces is ten times a ceiling of 1 in 1,000, but means little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

RATIOS = (2.0, 4.0, 8.0, 16.0)
PAUSE_AT = 20
# A single false alert is above any ceiling until enough faces were seen, which says nothing about the rate.
LEAST_FALSE_ALERTS = 2


class Level(StrEnum):
    """The consequence of the numbers: none, a decision by the commander, or a pause."""

    OK = "ok"
    ABOVE = "above"
    PAUSE = "pause"


@dataclass(frozen=True)
class Verdict:
    """The result. evidence: the likelihood ratio. expected: false alerts allowed by the ceiling."""

    level: Level
    evidence: float
    false_alerts: int
    faces: int
    expected: float
    faces_an_alert: int

    @property
    def why(self) -> str:
        """The result in words, for the commander."""
        seen = f"{_counted(self.false_alerts, 'false alert')}, counted by object, among {_counted(self.faces, 'face')}"
        few = f"{self.expected:.2g}" if self.expected >= 0.001 else "less than 0.001"
        allowed = few if self.expected < 10 else f"{self.expected:,.0f}"
        ceiling = f"the ceiling of 1 in {self.faces_an_alert:,} allows {allowed}"
        comparison = {
            Level.OK: "This is consistent with the ceiling.",
            Level.ABOVE: "The observed rate is above the ceiling.",
            Level.PAUSE: f"If the rate were at the ceiling, this would happen in at most 1 in {PAUSE_AT} deployments.",
        }[self.level]
        return f"{seen}; {ceiling}. {comparison}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def judge(false_alerts: int, faces: int, faces_an_alert: int) -> Verdict:
    """Test a number of false alerts against the ceiling.

    false_alerts: those on one person or object count as one, because they are not independent errors. faces_an_alert:
    the authorised ceiling, as the number of faces per false alert. A false alert is also a face seen.
    """
    faces = max(faces, false_alerts)
    expected = faces / faces_an_alert
    logs = [false_alerts * math.log(ratio) - expected * (ratio - 1) for ratio in RATIOS]
    # Capped: with hundreds of false alerts the exponential would overflow, far beyond either bound.
    evidence = sum(math.exp(min(each, 700.0)) for each in logs) / len(RATIOS)
    if evidence >= PAUSE_AT:
        level = Level.PAUSE
    else:
        level = Level.ABOVE if false_alerts >= LEAST_FALSE_ALERTS and false_alerts > expected else Level.OK
    return Verdict(level, evidence, false_alerts, faces, expected, faces_an_alert)


def rule(faces_an_alert: int, minutes: int) -> str:
    """Return both limits in words, for the documents. minutes: how long the commander has for a decision."""
    return (
        f"1 false alert in {faces_an_alert:,} faces, counted by object: alerts that an operator recognises as the same "
        "person or object count as one. The rates of the record count every alert. From false alert number "
        f"{LEAST_FALSE_ALERTS} on, while the observed rate is above this, the system asks the commander for a recorded "
        "decision to continue, again at each further false alert. Without a decision within "
        f"{_counted(minutes, 'minute')} it pauses the deployment. It also pauses the deployment by itself when a "
        "sequential test shows that the rate is above the ceiling. If it were not, this would happen in at most "
        f"1 in {PAUSE_AT} deployments."
    )
