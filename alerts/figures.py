"""The accuracy of operators' adjudications (signal detection: Macmillan and Creelman).

False alarms are counted on known-negative checks, whose answer is certain. Hits are counted on possible matches whose
identity officers confirmed, or that the review found to be the same person. Other possible matches count in neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from django.contrib.auth import get_user_model

from alerts.choices import Result
from alerts.models import Act, Alert
from alerts.querysets import ActQuerySet
from alerts.states import ADJUDICATIONS, RESULTS, ActName
from recognition.statistics import percent, wilson

# With fewer of either kind, sensitivity and bias would mean nothing, and are not shown.
ENOUGH = 10
_TRUE = (Result.TRUE_CONFIRMED,)
_FOUND_SAME = (*(state for state, result in RESULTS.items() if result in _TRUE), Alert.State.LATE_SAME)


@dataclass(frozen=True)
class OperatorFigures:
    """The figures of one operator, or of several together (operator: None). Adjudications undone count in none of them.

    known_same: possible matches that proved to be the subject, of which `hits` were decided as "same". controls:
    known-negative checks, of which `false_alarms` were decided as "same" and `unsaid` as "inconclusive".
    """

    operator: Any
    judged: int
    same: int
    inconclusive: int
    known_same: int
    hits: int
    controls: int
    false_alarms: int
    unsaid: int

    @property
    def false_share(self) -> str:
        """Share of known-negative checks decided as "same", with its 95% interval."""
        return _share(self.false_alarms, self.controls)

    @property
    def hit_share(self) -> str:
        return _share(self.hits, self.known_same)

    @property
    def same_share(self) -> str:
        return _share(self.same, self.judged)

    @property
    def is_enough(self) -> bool:
        return self.controls >= ENOUGH and self.known_same >= ENOUGH

    @property
    def sensitivity(self) -> float | None:
        """d': how well the operator tells the same person from others; None with too few of either."""
        return _z(self.hits, self.known_same) - _z(self.false_alarms, self.controls) if self.is_enough else None

    @property
    def bias(self) -> float | None:
        """c: above 0 a tendency towards "not the same", below 0 towards "same"; None with too few of either."""
        if not self.is_enough:
            return None
        return -(_z(self.hits, self.known_same) + _z(self.false_alarms, self.controls)) / 2


def _z(count: int, of: int) -> float:
    """Return the normal deviate of a rate. The log-linear rule (Hautus 1995) keeps rates of 0 and 1 finite."""
    return NormalDist().inv_cdf((count + 0.5) / (of + 1))


def _share(count: int, of: int) -> str:
    if not of:
        return "–"
    low, high = wilson(count, of)
    return f"{count} of {of} ({percent(low)} to {percent(high)})"


def of_operators(only: Any = None) -> list[OperatorFigures]:
    """Return the figures of every operator who has decided on an alert, or of one operator."""
    by_operator: dict[Any, list[Act]] = {}
    for act in _standing(Act.objects.all()):
        by_operator.setdefault(act.by_id, []).append(act)
    users = get_user_model().objects.filter(pk__in=by_operator).order_by("username")
    users = users.filter(pk=only.pk) if only is not None else users
    return [_figures(user, by_operator[user.pk]) for user in users]


def of_deployments(deployments: Iterable[Any]) -> OperatorFigures:
    """Return the figures of all operators of these deployments together."""
    return _figures(None, _standing(Act.objects.filter(alert__deployment__in=deployments)))


def _standing(acts: ActQuerySet) -> list[Act]:
    """Return the adjudications among these acts that were not undone, the last of each operator on an alert."""
    standing: dict[Any, Act] = {}
    rows = acts.filter(name__in=(*ADJUDICATIONS, ActName.UNDO)).select_related("alert").order_by("pk")
    for act in rows.defer("alert__sealed").iterator(1000):
        if act.name == ActName.UNDO:
            standing.pop((act.alert_id, act.by_id), None)
        else:
            standing[(act.alert_id, act.by_id)] = act
    return list(standing.values())


def _figures(operator: Any, acts: Iterable[Act]) -> OperatorFigures:
    real, control, known = Counter[str](), Counter[str](), Counter[str]()
    for act in acts:
        if act.alert.kind == Alert.Kind.CONTROL:
            control[act.name] += 1
        else:
            real[act.name] += 1
            if act.alert.state in _FOUND_SAME:
                known[act.name] += 1
    return OperatorFigures(
        operator=operator,
        judged=real.total(),
        same=real["same"],
        inconclusive=real["inconclusive"],
        known_same=known.total(),
        hits=known["same"],
        controls=control.total(),
        false_alarms=control["same"],
        unsaid=control["inconclusive"],
    )
