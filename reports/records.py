"""The record of a deployment, gathered from its own rows."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.db.models import Count
from django.utils import timezone

from alerts.choices import OffenceClass
from alerts.models import Alert, StandDown
from alerts.oversight import Oversight, oversight_of
from deployments import bluetest, fairness, pauses, readiness
from deployments.governor import Verdict
from deployments.models import CeilingQuestion, Deployment, Pause, Period, ThresholdChange
from deployments.permissions import BE_POSTED
from reports.expectations import Expectation, expectation_of
from reports.figures import Figures, figures_of
from watchlists.models import BiasEvidence, Certificate

COUNTING = (
    "Faces are counted by the system at each camera: a face counts once it was followed over two or more frames in the "
    "zone of recognition. A person who passes twice, or passes two cameras, counts twice. The number is an estimate of "
    "passages, not of people."
)


@dataclass(frozen=True)
class PeriodRecord:
    """One period, with its figures and its recognition test.

    live: for how long its cameras were live, without pauses. thresholds: those in force while they were, each with
    since when; None for the one that applied when the cameras went live.
    """

    period: Period
    figures: Figures
    rates: list[bluetest.CameraRate]
    live: dt.timedelta
    paused: dt.timedelta
    thresholds: list[tuple[dt.datetime | None, float]]

    @property
    def threshold_words(self) -> str:
        """The thresholds with when each applied, as files have them."""
        return threshold_words(self.thresholds)


@dataclass(frozen=True)
class DeploymentRecord:
    """The record of everything done under one authority. arrests: each class of offence with its count."""

    deployment: Deployment
    made_at: dt.datetime
    figures: Figures
    periods: list[PeriodRecord]
    arrests: list[tuple[str, int]]
    changes: list[ThresholdChange]
    questions: list[CeilingQuestion]
    evidence: BiasEvidence | None
    stand_downs: list[StandDown]
    pauses: list[Pause]
    verdict: Verdict
    oversight: Oversight
    expectation: Expectation
    staff: dict[str, int]
    certificates: list[Certificate]

    @property
    def ran(self) -> list[PeriodRecord]:
        """The periods that went live."""
        return [each for each in self.periods if each.period.went_live_at]

    @property
    def live(self) -> dt.timedelta:
        """For how long cameras were live, without pauses."""
        return sum((each.live for each in self.periods), dt.timedelta())

    @property
    def paused(self) -> dt.timedelta:
        return sum((each.paused for each in self.periods), dt.timedelta())

    @property
    def live_from(self) -> dt.datetime | None:
        return min((each.period.went_live_at for each in self.ran if each.period.went_live_at), default=None)

    @property
    def live_until(self) -> dt.datetime | None:
        """When cameras were live last; None while a period runs, and if none went live."""
        ends = [each.period.ended_at for each in self.ran]
        return None if None in ends else max((end for end in ends if end), default=None)

    @property
    def list_size(self) -> int:
        """The number of people on the largest watchlist that cameras compared faces with."""
        return max((each.period.list_size for each in self.ran), default=0)

    @property
    def threshold_words(self) -> str:
        """The thresholds in force while any of the cameras were live."""
        found: list[tuple[dt.datetime | None, float]] = []
        # A change may lie between two periods: then the later one's began to apply when its cameras went live.
        for each in sorted(self.ran, key=lambda ran: ran.period.went_live_at or self.made_at):
            for since, value in each.thresholds:
                if not found:
                    found.append((None, value))
                elif value != found[-1][1]:
                    found.append((since or each.period.went_live_at, value))
        return threshold_words(found)


def record_of(deployment: Deployment) -> DeploymentRecord:
    """Return the record of a deployment."""
    now = timezone.now()
    alerts = Alert.objects.filter(deployment=deployment).public()
    periods = list(deployment.periods.with_faces().select_related("watchlist", "blue_list").prefetch_related("pauses"))
    arrests = alerts.filter(state=Alert.State.ARRESTED).order_by().values_list("code").annotate(Count("pk"))
    figures = figures_of(alerts, deployment.counters().faces)
    lists = {pk for period in periods for pk in (period.watchlist_id, period.blue_list_id) if pk}
    since = _thresholds_of(deployment)
    return DeploymentRecord(
        deployment=deployment,
        made_at=now,
        figures=figures,
        periods=[
            PeriodRecord(
                period,
                figures_of(alerts.filter(camera__period=period), period.faces),  # type: ignore[attr-defined]
                bluetest.rates(period, all_of_them=True),
                pauses.live_time(period, now),
                pauses.paused_time(period, now),
                _applied(since, period),
            )
            for period in periods
        ],
        arrests=sorted((str(OffenceClass(name).label) if name else "Not recorded", count) for name, count in arrests),
        changes=list(deployment.threshold_changes.select_related("before", "after", "proposed_by", "decided_by")),
        questions=list(deployment.ceiling_questions.select_related("decided_by")),
        evidence=fairness.evidence_of(deployment),
        stand_downs=list(StandDown.objects.of(deployment)),
        pauses=list(Pause.objects.filter(period__deployment=deployment).select_related("period", "by")),
        verdict=readiness.verdict_of(deployment),
        oversight=oversight_of([deployment]),
        expectation=expectation_of(deployment, figures),
        staff=_staff(deployment),
        certificates=list(
            Certificate.objects.filter(watchlist__in=lists).select_related("watchlist").order_by("issued_at")
        ),
    )


def _staff(deployment: Deployment) -> dict[str, int]:
    """Return how many people of each role that can be posted were posted at any time."""
    roles = Group.objects.filter(permissions__codename=BE_POSTED.split(".")[-1]).order_by("name")
    postings = deployment.postings.order_by()
    return {role.name: postings.filter(user__groups=role).values("user").distinct().count() for role in roles}


def _thresholds_of(deployment: Deployment) -> list[tuple[dt.datetime | None, float]]:
    """Return the thresholds in force, each with when it was approved; None for the one that was authorised."""
    approved = deployment.threshold_changes.filter(state=ThresholdChange.State.APPROVED).order_by("decided_at")
    changes = list(approved.select_related("before", "after"))
    first = changes[0].before if changes else deployment.operating_point
    if first is None:
        return []
    return [(None, first.threshold), *((change.decided_at, change.after.threshold) for change in changes)]


def _applied(
    thresholds: list[tuple[dt.datetime | None, float]], period: Period
) -> list[tuple[dt.datetime | None, float]]:
    """Return those thresholds that applied while a period's cameras were live."""
    began, ended = period.went_live_at, period.ended_at
    if began is None:
        return []
    found: list[tuple[dt.datetime | None, float]] = []
    for since, threshold in thresholds:
        if since is None or since <= began:
            found = [(None, threshold)]
        elif ended is None or since <= ended:
            found.append((since, threshold))
    return found


def threshold_words(thresholds: list[tuple[dt.datetime | None, float]]) -> str:
    """Return thresholds as files have them: several with when each began to apply."""
    return "; ".join(
        f"{value:.4f}" + (f" from {timezone.localtime(since).isoformat(timespec='seconds')}" if since else "")
        for since, value in thresholds
    )
