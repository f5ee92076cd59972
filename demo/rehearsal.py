"""A deployment from application to live by the same operations as the pages: for demonstrations, tests and benchmarks.

Every word is invented.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.utils import timezone

from deployments import applications, authority, bluetest, readiness, running, staffing
from deployments.applications import PeriodDraft
from deployments.models import Deployment, Period
from deployments.offsets import Offset
from deployments.policy import Collateral, UseCase
from lfr_site.models import User
from recognition.imaging import encode_jpeg
from watchlists import thresholds
from watchlists.models import BiasEvidence, OperatingPoint, Watchlist

APPLICATION: Mapping[str, Any] = {
    "use_case": UseCase.HOTSPOT,
    "objective": "Find people wanted for high-harm offences and people at risk of harm.",
    "why_here": "Police recorded 214 robberies and assaults in this street in the last six months; officers have seen "
    "several of the people sought here since September.",
    "intelligence_reference": "INT/23/4471",
    "why_now": "The autumn fair doubles the number of people in the street and the offences against them.",
    "list_criteria": "Wanted by a court or circulated for arrest for an offence of serious harm, last known address in "
    "the county; missing people at high risk. Nobody for lesser matters.",
    "list_size_asked": 500,
    "footfall": 12_000,
    "alternatives": "Patrols with photographs found 2 of 31 people in four weeks. Visits to addresses were tried twice "
    "for each. Retrospective search of town cameras would look at more people, later.",
    "collateral": [Collateral.WORSHIP],
    "collateral_measures": "A church lies 80 m from the zone; its entrance is outside it, and no service is held then.",
    "article_8": "Faces that match nobody are forgotten within the frame. The zone is one pavement, for some hours.",
    "article_10": "No expression is observed; no demonstration is announced.",
    "article_11": "No assembly is expected. If one forms, the commander stops the cameras.",
    "community_impact": "CIA/23/88: independent advisory group consulted; concern about young people answered by "
    "signs, leaflets and the under-18 rule.",
    "signage_plan": "Signs at both ends of the zone and 100 m before it; notice on the force's site and social media.",
    "officers_planned": 4,
    "threshold_reason": "The threshold that the calibration gives for the force's ceiling on a list of this size.",
    "dpia_version": "2.3",
    "equality_version": "1.4",
}
NOTICE = "Force website and social media, the day before; leaflets to the shops in the street."
TEAM = "Alpha 1"
BRIEFING = "Powers, the list's categories, under-18 rule, look-alikes, doubt means release; by the commander."


@dataclass(frozen=True)
class People:
    """Who does what."""

    applicant: User
    authority: User
    commander: User
    operator: User
    officer: User


def record_evidence(keeper: User, lowest: float = 0.3) -> BiasEvidence:
    """An entry that says what it is."""
    known = BiasEvidence.objects.filter(withdrawn_at__isnull=True, lowest_threshold__lte=lowest).first()
    given = {
        "title": "Demonstration entry",
        "source": "Nobody: invented for a demonstration",
        "reference": "none",
        "finding": "Nothing was measured. A force records here what its own test with volunteers has shown.",
        "lowest_threshold": lowest,
        "expires_on": timezone.localdate() + dt.timedelta(days=30),
    }
    return known or thresholds.record_evidence(given, actor=keeper)


def apply_for(
    name: str, periods: Sequence[PeriodDraft], point: OperatingPoint, *, applicant: User, **changes: Any
) -> Deployment:
    """A complete application, still a draft, its cameras side by side on blank plans."""
    deployment = applications.create(actor=applicant, name=name)
    last = max((period.ends_at for period in periods if period.ends_at), default=timezone.now())
    given = {
        **APPLICATION,
        "intelligence_expires_on": timezone.localdate(last) + dt.timedelta(days=14),
        "operating_point": point,
        **changes,
    }
    applications.save_draft(deployment, given, periods, revision=deployment.revision, actor=applicant)
    for period in deployment.periods.all():
        cameras = list(period.cameras.all())
        for number, camera in enumerate(cameras):
            applications.mark_camera(camera, _beside(number, len(cameras)), actor=applicant)
    deployment.refresh_from_db()
    return deployment


def authorised(deployment: Deployment, people: People) -> Deployment:
    """Handed in and decided on."""
    applications.submit(deployment, revision=deployment.revision, actor=people.applicant)
    authority.authorise(
        deployment,
        reason="Targeted and intelligence-led; one street, some hours; less intrusive means were tried and failed.",
        conditions="Stop if an assembly forms.",
        revision=deployment.revision,
        actor=people.authority,
    )
    return deployment


def prepared(period: Period, watchlist: Watchlist, people: People, *, blue_list: Watchlist | None = None) -> None:
    """Everything that readiness asks for, but the recognition test."""
    deployment, commander = period.deployment, people.commander
    if deployment.state == Deployment.State.AUTHORISED:
        readiness.give_notice(deployment, notice=NOTICE, actor=commander)
    for each in filter(None, (watchlist, blue_list)):
        readiness.attach_list(period, each, actor=people.applicant)
    readiness.record_sign(period, place="Both ends of the zone", photograph=_sign(), actor=commander)
    staffing.post(deployment, people.operator, actor=commander)
    staffing.post(deployment, people.officer, team=TEAM, actor=commander)
    readiness.record_briefing(period, briefing=BRIEFING, actor=commander)
    running.count_officers(period, count=deployment.officers_planned or 1, actor=commander)
    # The rehearsal's device is this very machine.
    readiness.check_clock(period, device=Offset(0.0, 0.0), actor=commander)


def live(deployment: Deployment, people: People) -> Deployment:
    """Ready, and on."""
    readiness.make_ready(deployment, actor=people.commander)
    running.go_live(deployment, actor=people.commander)
    return deployment


def taps(period: Period, people: People, passes: int | None = None) -> None:
    """Passes that are recognised, as `alerts` would tell of them, with no picture: for what is about other things."""
    blue = period.blue_list
    if blue is None:
        return
    bluetest.start(period, actor=people.commander)
    person = blue.people.all()[0]
    for camera in period.cameras.all():
        for number in range(settings.LFR_BLUE_PASSES if passes is None else passes):
            # One pass counts in so many seconds.
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
    """A blank blue board: there is no sign to photograph in a demonstration."""
    return encode_jpeg(np.full((240, 360, 3), (150, 80, 20), np.uint8), 80)
