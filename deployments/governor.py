"""Whether false alerts are too many: a sequential test that may be looked at after every face.

False alerts are taken for events of a Poisson process in the faces seen. Authorised is a ceiling, so many faces an
alert. The evidence against "the rate is at most the ceiling" is a likelihood ratio, averaged over rates that are 2, 4,
8 and 16 times the ceiling. Under the ceiling its expectation never exceeds 1 whenever one looks, so by Ville's
inequality the chance that it ever reaches 20 is at most 1 in 20, however often it is looked at. A ratio of counts has
no such bound: one false alert among the first hundred faces is ten times a ceiling of 1 in 1,000, and means little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

RATIOS = (2.0, 4.0, 8.0, 16.0)
PAUSE_AT, WARN_AT = 20.0, 5.0


@dataclass(frozen=True)
class Verdict:
    """evidence: the likelihood ratio. expected: false alerts among so many faces at the ceiling."""

    level: str
    evidence: float
    false_alerts: int
    faces: int
    expected: float
    faces_an_alert: int

    @property
    def why(self) -> str:
        """In words for the commander."""
        seen = f"{self.false_alerts} false alert{'' if self.false_alerts == 1 else 's'} among {self.faces:,} faces"
        ceiling = f"{self.expected:.1f} would be the ceiling of 1 in {self.faces_an_alert:,}"
        said = {
            "ok": "This does not contradict the ceiling.",
            "warn": "This begins to contradict the ceiling.",
            "pause": "If the ceiling held, this would be seen in fewer than 1 of 20 deployments.",
        }[self.level]
        return f"{seen}; {ceiling}. {said}"


def judge(false_alerts: int, faces: int, faces_an_alert: int) -> Verdict:
    """faces_an_alert: the authorised ceiling, one false alert in so many faces. A false alert is a face seen too."""
    faces = max(faces, false_alerts)
    expected = faces / faces_an_alert
    logs = [false_alerts * math.log(ratio) - expected * (ratio - 1) for ratio in RATIOS]
    # No number holds what hundreds of false alerts come to; what is beyond any bound is beyond it.
    evidence = sum(math.exp(min(each, 700.0)) for each in logs) / len(RATIOS)
    level = "pause" if evidence >= PAUSE_AT else "warn" if evidence >= WARN_AT else "ok"
    return Verdict(level, evidence, false_alerts, faces, expected, faces_an_alert)
