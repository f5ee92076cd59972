"""How an operator's judgements were borne out (signal detection: Macmillan and Creelman).

False ones are counted on known negatives, whose answer is certain. Right ones are counted on possible matches of which
officers confirmed the identity, or that were found the same afterwards. What nobody found out about counts nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from django.contrib.auth import get_user_model

from alerts.models import JUDGEMENTS, Act, Alert
from alerts.policy import Result
from alerts.states import RESULTS
from recognition.statistics import wilson

# Below so many of each kind a figure of sensitivity says nothing, and none is shown.
ENOUGH = 10
_TRUE = (Result.TRUE_CONFIRMED,)
_FOUND_SAME = (*(state for state, result in RESULTS.items() if result in _TRUE), Alert.State.LATE_SAME)


@dataclass(frozen=True)
class OperatorFigures:
    """Of one operator. Judgements that were taken back within moments are in none of them.

    known_same: possible matches that proved to be the person, of which `hits` were judged the same. controls: known
    negatives, of which `false_alarms` were judged the same and `unsaid` were left open.
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
        """Known negatives that were judged the same, with the 95% interval."""
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
        """d': how well the same and others are told apart; None with too few of either."""
        return _z(self.hits, self.known_same) - _z(self.false_alarms, self.controls) if self.is_enough else None

    @property
    def bias(self) -> float | None:
        """c: above 0 leans towards "not the same", below towards "same"; None with too few of either."""
        if not self.is_enough:
            return None
        return -(_z(self.hits, self.known_same) + _z(self.false_alarms, self.controls)) / 2


def _z(count: int, of: int) -> float:
    """The normal deviate of a rate; the log-linear rule (Hautus 1995) keeps none and all finite."""
    return NormalDist().inv_cdf((count + 0.5) / (of + 1))


def _share(count: int, of: int) -> str:
    if not of:
        return "–"
    low, high = wilson(count, of)
    return f"{count} of {of} ({low:.0%} to {high:.0%})"


def of_operators(only: Any = None) -> list[OperatorFigures]:
    """Of everybody who judged anything, or of one."""
    standing: dict[Any, Act] = {}
    rows = Act.objects.filter(name__in=(*JUDGEMENTS, "undo")).select_related("alert").order_by("pk")
    for act in rows.defer("alert__sealed").iterator(1000):
        if act.name == "undo":
            standing.pop((act.alert_id, act.by_id), None)
        else:
            standing[(act.alert_id, act.by_id)] = act
    by_operator: dict[Any, list[Act]] = {}
    for act in standing.values():
        by_operator.setdefault(act.by_id, []).append(act)
    users = get_user_model().objects.filter(pk__in=by_operator).order_by("username")
    users = users.filter(pk=only.pk) if only is not None else users
    return [_figures(user, by_operator[user.pk]) for user in users]


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
