"""What an application expected beside what was: the feedback on necessity for the next application."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from alerts.models import Alert
from deployments.models import OVER, Deployment, ThresholdChange
from recognition.calibration import Rate as Estimate
from reports.figures import Figures, figures_of
from watchlists import thresholds

# How many earlier deployments an application shows.
EARLIER = 5


@dataclass(frozen=True)
class Expectation:
    """What was expected and what was found. None: it was not said, or cannot be computed.

    false_alerts: as the calibration expected, for the faces and the list size of the application. found: subjects whose
    identity was confirmed.
    """

    faces_expected: int | None
    faces: int
    subjects_expected: int | None
    found: int
    false_expected: Estimate | None
    false_alerts: int

    @property
    def lines(self) -> list[tuple[str, str, str, str]]:
        """Name, expected, found and their ratio, for pages and documents."""
        false = self.false_expected
        mean = false.value if false else None
        words = f"{false.value:.1f} ({false.low:.1f} to {false.high:.1f})" if false else "–"
        return [
            ("Faces", _count(self.faces_expected), f"{self.faces:,}", _ratio(self.faces, self.faces_expected)),
            (
                "People sought, identity confirmed",
                _count(self.subjects_expected),
                f"{self.found:,}",
                _ratio(self.found, self.subjects_expected),
            ),
            (
                "False alerts",
                words,
                f"{self.false_alerts:,}",
                _ratio(self.false_alerts, mean),
            ),
        ]


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _ratio(found: float, expected: float | None) -> str:
    """Return how the number found compares with the one expected: two significant figures."""
    return f"{float(f'{found / expected:.2g}'):g} times" if expected else "–"


def expectation_of(deployment: Deployment, figures: Figures) -> Expectation:
    """Return what a deployment's application expected beside these figures of it."""
    # The threshold that was applied for, not one that it was changed to.
    change = deployment.threshold_changes.filter(state=ThresholdChange.State.APPROVED).order_by("decided_at").first()
    point, faces = change.before if change else deployment.operating_point, deployment.footfall
    outlook = thresholds.outlook(point, deployment.list_size_asked or 1, faces) if point is not None and faces else None
    return Expectation(
        faces_expected=faces,
        faces=figures.faces,
        subjects_expected=deployment.subjects_expected,
        found=figures.confirmed,
        false_expected=outlook.false_alerts if outlook else None,
        false_alerts=figures.false_alerts,
    )


@dataclass(frozen=True)
class Earlier:
    """An earlier deployment as an application shows it. shared: what both have in common: the place, the use case."""

    deployment: Deployment
    shared: str
    expectation: Expectation
    arrests: int


def earlier_of(deployment: Deployment) -> list[Earlier]:
    """Return the last deployments for the same place or, failing that, the same use case, which took place and ended.

    A place is the same if its words are, whatever their case.
    """
    places = [period.place.strip() for period in deployment.periods.all() if period.place.strip()]
    same_place = Q(pk__in=[])
    for place in places:
        same_place |= Q(periods__place__iexact=place)
    ended = Deployment.objects.filter(state__in=OVER, periods__went_live_at__isnull=False).exclude(pk=deployment.pk)
    ways = [("same place", same_place)]
    if deployment.use_case:
        ways.append(("same use case", Q(use_case=deployment.use_case)))
    found: dict[object, Earlier] = {}
    for shared, condition in ways:
        for each in ended.filter(condition).distinct().order_by("-ended_at")[:EARLIER]:
            if each.pk not in found and len(found) < EARLIER:
                found[each.pk] = _earlier(each, shared)
    return list(found.values())


def _earlier(deployment: Deployment, shared: str) -> Earlier:
    figures = figures_of(Alert.objects.filter(deployment=deployment).public(), deployment.counters().faces)
    return Earlier(deployment, shared, expectation_of(deployment, figures), figures.arrests)
