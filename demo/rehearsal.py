"""Takes a deployment from application to live by the operations of the pages, for demonstrations, tests and benchmarks.

All texts are invented.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.conf import settings
from django.utils import timezone

from deployments import (
    applications,
    authority,
    bluetest,
    governing,
    notices,
    period_lists,
    readiness,
    running,
    signs,
    staffing,
)
from deployments.applications import PeriodDraft
from deployments.choices import Collateral, UseCase
from deployments.models import Deployment, GoverningDocument, Period
from deployments.offsets import Offset
from lfr_site.models import User
from recognition.imaging import encode_jpeg
from training import register
from training.models import Task
from watchlists import engines, evidence, thresholds
from watchlists.choices import Category, Seriousness, Tier
from watchlists.defaults import DEFAULT_THRESHOLD
from watchlists.models import BiasEvidence, OperatingPoint, Watchlist

APPLICATION: Mapping[str, Any] = {
    "use_case": UseCase.HOTSPOT,
    "objective": "Find people wanted for high-harm offences and people at risk of harm.",
    "why_here": "Police recorded 214 robberies and assaults in this street in the last six months; officers have seen "
    "several of the people sought here since September.",
    "intelligence_reference": "INT/23/4471",
    "why_now": "The autumn fair doubles the number of people in the street and the offences against them.",
    "list_criteria": "Wanted by a court or circulated for arrest for an offence of serious harm, last known address in "
    "the county; missing people at high risk. Nobody is listed for lesser matters.",
    "list_categories": [Category.WANTED, Category.SUSPECT, Category.RESTRICTED, Category.MISSING],
    "list_seriousness": [Seriousness.GRAVE, Seriousness.SERIOUS, Seriousness.NONE],
    "list_tiers": [Tier.RED, Tier.AMBER],
    "list_size_asked": 500,
    "list_under_18": 5,
    "footfall": 12_000,
    "subjects_expected": 3,
    "alternatives": "Patrols with photographs found 2 of 31 people in four weeks. Visits to addresses were tried twice "
    "for each. A retrospective search of town cameras would affect more people, and come too late.",
    "collateral": [Collateral.WORSHIP],
    "collateral_measures": "A church lies 80 m from the zone; its entrance is outside it, and no service is held then.",
    "article_8": "Faces that match nobody are discarded at once. The zone is one pavement, for some hours.",
    "article_10": "Nobody's expression is monitored; no demonstration has been announced.",
    "article_11": "No assembly is expected. If one forms, the commander stops the cameras.",
    "community_impact": "CIA/23/88: independent advisory group consulted; concern about young people answered by "
    "signs, leaflets and the under-18 rule.",
    "signage_plan": "Signs at both ends of the zone and 100 m before it; notice on the force's site and social media.",
    "officers_planned": 4,
    "threshold_reason": "The calibration gives it for the force's highest false alert rate and a list of this size.",
}
APPROACHES = "From the north\nFrom the south"
ALTERNATIVE_ROUTE = "Through the arcade, which no camera sees; both signs show the way."
NOTICE = "Invented for a demonstration: the force's news page"
TEAM = "Alpha 1"
BRIEFING = "By the commander: powers, the list's categories, the under-18 rule, look-alikes, no action if in doubt."


@dataclass(frozen=True)
class People:
    """The users who take part in a deployment."""

    applicant: User
    authority: User
    commander: User
    operator: User
    officer: User


@dataclass(frozen=True)
class Stewards:
    """The users who put a threshold in force: it is proposed, its risk recorded and countersigned, and approved."""

    proposer: User
    keeper: User
    owner: User
    approver: User


def accept_risk(
    stewards: Stewards, lowest: float = 0.3, highest: float = 0.95, *, on: dt.date | None = None
) -> BiasEvidence:
    """Return an entry in force for these thresholds; record and countersign a risk acceptance if there is none.

    on: the day on which it must still be in force; today by default. So for the next two.
    """
    engine, today = engines.current_engine(), timezone.localdate()
    known = BiasEvidence.objects.in_force(engine, on or today).covering(lowest).covering(highest).first()
    if known is not None:
        return known
    given = {
        "title": "Demonstration",
        "finding": "The people in the street are composed and nobody is stopped. A force records here the results of "
        "its own test with volunteers.",
        "lowest_threshold": lowest,
        "highest_threshold": highest,
        "expires_on": today + dt.timedelta(days=30),
    }
    found = evidence.record_risk(given, actor=stewards.keeper)
    evidence.countersign(found, actor=stewards.owner)
    found.refresh_from_db()
    return found


def train(users: Iterable[User], keeper: User, *, on: dt.date | None = None) -> None:
    """Record an invented course for every role of these users that needs one and has none."""
    today = timezone.localdate()
    for user in users:
        roles = set(user.groups.values_list("name", flat=True))
        for task in Task:
            if task.label in roles and not register.is_trained(user, task, on):
                register.record_training(
                    user,
                    task=task,
                    course=f"{task.label}, invented for a demonstration",
                    completed_on=today - dt.timedelta(days=40),
                    valid_until=today + dt.timedelta(days=325),
                    actor=keeper,
                )


def documents_in_force(stewards: Stewards, *, on: dt.date | None = None) -> None:
    """Record and approve an invented version of each governing document that is not in force."""
    today = timezone.localdate()
    known = {each.kind for each in governing.current(on or today)}
    for kind in GoverningDocument.Kind:
        if kind not in known:
            made = governing.record_document(
                kind=kind,
                version=f"{GoverningDocument.objects.filter(kind=kind).count() + 1}.0",
                owner="Head of Operations",
                in_force_from=today - dt.timedelta(days=30),
                in_force_until=today + dt.timedelta(days=300),
                file=f"{kind.label}. Invented for a demonstration.".encode(),
                file_name=f"{kind.value}.txt",
                actor=stewards.keeper,
            )
            governing.approve_document(made, actor=stewards.owner)


def threshold_in_force(stewards: Stewards, threshold: float = DEFAULT_THRESHOLD) -> OperatingPoint:
    """Return an operating point at this threshold; propose and approve it, and the documents, if there are none."""
    documents_in_force(stewards)
    engine = engines.current_engine()
    known = engine.operating_points.filter(threshold=threshold).first()
    if known is not None:
        return known
    accept_risk(stewards)
    proposal = thresholds.propose(
        engine.calibrations.all()[0],
        threshold=threshold,
        list_size=500,
        footfall=12_000,
        reason="By the shipped calibration, for 0.3% of strangers on a list as large as the one measured.",
        actor=stewards.proposer,
    )
    return thresholds.approve(proposal, reason="For the demonstration only.", actor=stewards.approver)


def apply_for(
    name: str, periods: Sequence[PeriodDraft], point: OperatingPoint, *, applicant: User, **changes: Any
) -> Deployment:
    """Return a complete application, still a draft, with its cameras side by side on blank plans."""
    deployment = applications.create(actor=applicant, name=name)
    last = max((period.ends_at for period in periods if period.ends_at), default=timezone.now())
    given = {
        **APPLICATION,
        "intelligence_expires_on": timezone.localdate(last) + dt.timedelta(days=14),
        "operating_point": point,
        **changes,
    }
    periods = [
        replace(
            each,
            approaches=each.approaches or APPROACHES,
            alternative_route=each.alternative_route or ALTERNATIVE_ROUTE,
        )
        for each in periods
    ]
    applications.save_draft(deployment, given, periods, revision=deployment.revision, actor=applicant)
    for period in deployment.periods.all():
        cameras = list(period.cameras.all())
        for number, camera in enumerate(cameras):
            applications.mark_camera(camera, _beside(number, len(cameras)), actor=applicant)
    deployment.refresh_from_db()
    return deployment


def authorised(deployment: Deployment, people: People) -> Deployment:
    """Submit and authorise a deployment."""
    applications.submit(deployment, revision=deployment.revision, actor=people.applicant)
    authority.authorise(
        deployment,
        reason="Targeted and intelligence-led; one street, some hours; less intrusive means were tried and failed.",
        conditions="Stop if an assembly forms.",
        revision=deployment.revision,
        actor=people.authority,
    )
    return deployment


def notified(deployment: Deployment, commander: User) -> None:
    """Record an invented notice, published just long enough ago."""
    published = timezone.now() - settings.LFR_NOTICE
    notices.give_notice(deployment, channel="site", address=NOTICE, published_at=published, actor=commander)


def prepared(period: Period, watchlist: Watchlist, people: People, *, blue_list: Watchlist | None = None) -> None:
    """Meet every readiness check except the recognition test."""
    deployment, commander = period.deployment, people.commander
    if deployment.state == Deployment.State.AUTHORISED:
        notified(deployment, commander)
    for each in filter(None, (watchlist, blue_list)):
        period_lists.attach_list(period, each, actor=people.applicant)
    period_lists.confirm_list(period, seen=watchlist.sealed_hash, actor=people.authority)
    put_up_signs(period, commander)
    staffing.post(deployment, people.operator, actor=commander)
    staffing.post(deployment, people.officer, team=TEAM, actor=commander)
    readiness.record_briefing(period, briefing=BRIEFING, actor=commander)
    running.count_officers(period, count=deployment.officers_planned or 1, actor=commander)
    # The device whose clock is checked is this machine.
    readiness.check_clock(period, device=Offset(0.0, 0.0), actor=commander)


def put_up_signs(period: Period, commander: User) -> None:
    """Record a sign on every approach."""
    for number, approach in enumerate(period.approach_list, start=1):
        signs.record_sign(
            period,
            approach=approach,
            place=f"Lamp post {number}",
            distance_m=100,
            photograph=_sign(),
            actor=commander,
        )


def live(deployment: Deployment, people: People) -> Deployment:
    """Mark a deployment as ready and start it."""
    readiness.make_ready(deployment, actor=people.commander)
    running.go_live(deployment, actor=people.commander)
    return deployment


def taps(period: Period, people: People, passes: int | None = None) -> None:
    """Record recognised passes as `alerts` would, but without pictures, for tests of something else."""
    blue = period.blue_list
    if blue is None:
        return
    bluetest.start(period, actor=people.commander)
    person = blue.people.all()[0]
    for camera in period.cameras.all():
        for number in range(settings.LFR_BLUE_PASSES if passes is None else passes):
            # Only one pass counts within each window.
            at = timezone.now() + number * settings.LFR_PASS_WINDOW
            bluetest.tap(camera, person, actor=people.operator, at=at)
            bluetest.note_recognition(camera, person.pk, at)
    period.refresh_from_db()


def _beside(number: int, of: int) -> dict[str, list[list[float]]]:
    left, right = (number + 0.1) / of, (number + 0.9) / of
    return {
        "at": [[(left + right) / 2, 0.9]],
        "zone": [[left, 0.2], [right, 0.2], [right, 0.7], [left, 0.7]],
    }


def _sign() -> bytes:
    """Return a picture of a blank blue board: a demonstration has no sign to photograph."""
    return encode_jpeg(np.full((240, 360, 3), (150, 80, 20), np.uint8), 80)
