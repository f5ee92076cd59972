"""A sequential test of whether there are too many false alerts, which may be evaluated after every face.

False alerts are modelled as events of a Poisson process in the faces seen. The authorised ceiling is one false alert in
a given number of faces. The evidence against "the rate is at most the ceiling" is a likelihood ratio, averaged over
rates that are 2, 4, 8 and 16 times the ceiling. If the rate is at most the ceiling, the expectation of this ratio never
exceeds 1, so by Ville's inequality the probability that it ever reaches 20 is at most 1 in 20, however often it is
evaluated. A ratio of counts has no such bound: one false alert among the first hundred faces is ten times a ceiling of
1 in 1,000, but means little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

RATIOS = (2.0, 4.0, 8.0, 16.0)
PAUSE_AT, WARN_AT = 20.0, 5.0


@dataclass(frozen=True)
class Verdict:
    """The result of the test. evidence: the likelihood ratio. expected: false alerts allowed by the ceiling."""

    level: str
    evidence: float
    false_alerts: int
    faces: int
    expected: float
    faces_an_alert: int

    @property
    def why(self) -> str:
        """The result in words, for the commander."""
        seen = f"{self.false_alerts} false alert{'' if self.false_alerts == 1 else 's'} among {self.faces:,} faces"
        ceiling = f"the ceiling of 1 in {self.faces_an_alert:,} allows {self.expected:.1f}"
        comparison = {
            "ok": "This is consistent with the ceiling.",
            "warn": "This is more than the ceiling would usually produce.",
            "pause": "If the rate were at the ceiling, this would happen in at most 1 in 20 deployments.",
        }[self.level]
        return f"{seen}; {ceiling}. {comparison}"


def judge(false_alerts: int, faces: int, faces_an_alert: int) -> Verdict:
    """Test a number of false alerts against the ceiling.

    faces_an_alert: the authorised ceiling, as the number of faces per false alert. A false alert is also a face seen.
    """
    faces = max(faces, false_alerts)
    expected = faces / faces_an_alert
    logs = [false_alerts * math.log(ratio) - expected * (ratio - 1) for ratio in RATIOS]
    # Capped: with hundreds of false alerts the exponential would overflow, far beyond either bound.
    evidence = sum(math.exp(min(each, 700.0)) for each in logs) / len(RATIOS)
    level = "pause" if evidence >= PAUSE_AT else "warn" if evidence >= WARN_AT else "ok"
    return Verdict(level, evidence, false_alerts, faces, expected, faces_an_alert)
