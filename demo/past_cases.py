"""Cases and scrutiny of the invented past, carried out by the acts of the pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Sequence

from django.utils import timezone

from alerts.models import Alert
from cases import answers, links, operations, search
from cases.answers import CaseAnswer
from cases.choices import CaseKind, CaseOutcome, Channel, IdentityProof, WaitFor
from cases.content import CaseContent
from cases.models import Case
from demo.year_plan import Fate, PlannedDeployment
from deployments.models import Deployment
from lfr_site.models import User
from scrutiny import operations as scrutiny
from scrutiny.models import Dossier, PanelFinding

DAY, HOUR, MINUTE = dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(minutes=1)
Steps = Generator[dt.datetime, None, None]


def steps_of_cases(planned: Sequence[PlannedDeployment], compliance: User) -> list[Steps]:
    """Return the steps of some cases about these deployments; the last three cases are still in progress."""
    held = [each for each in planned if each.fate == Fate.HELD]
    if not held:
        return []
    first, middle, last = held[0], held[len(held) // 2], held[-1]
    steps = [
        _told(first, compliance),
        _not_listed(middle, compliance),
        _complaint(middle, compliance),
        _breach(middle, compliance),
        _figures_asked_for(last, compliance),
        _being_searched(last, compliance),
        _new_complaint(last, compliance),
    ]
    # Nothing is done in the future: what would come later is left in progress.
    return [_until(each, last.starts_at + 2 * DAY) for each in steps]


def _until(steps: Steps, end: dt.datetime) -> Steps:
    for moment in steps:
        if moment > end:
            return
        yield moment


def _open(
    kind: CaseKind, channel: Channel, about: CaseContent, compliance: User, deployment: Deployment | None = None
) -> Case:
    received = timezone.now() if kind == CaseKind.BREACH else _midnight()
    return operations.open_case(
        kind=kind, channel=channel, received_at=received, about=about, deployment=deployment, actor=compliance
    )


def _midnight() -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(timezone.localdate(), dt.time.min))


def _day(planned: PlannedDeployment, days: int, case: int) -> dt.datetime:
    """Return a moment some days after a deployment began, another one for each case."""
    return planned.starts_at + days * DAY + case * 17 * MINUTE


def _deployment(planned: PlannedDeployment) -> Deployment:
    return Deployment.objects.filter(name=planned.name).latest("created_at")


def _told(planned: PlannedDeployment, compliance: User) -> Steps:
    """Somebody who was on a list asks, proves who they are, and is told."""
    yield _day(planned, 20, 1)
    about = CaseContent(
        "Marlon Quist", "14 Pier Hill\nSouthend-on-Sea", "I was arrested at the cameras. Was I on a list, and why?"
    )
    case = _open(CaseKind.ACCESS, Channel.LETTER, about, compliance)
    operations.ask(
        case, wanted=WaitFor.IDENTITY, words="Send a copy of a document with your photograph.", actor=compliance
    )
    yield _day(planned, 27, 1)
    operations.establish_identity(case, proof=IdentityProof.DOCUMENT, on=timezone.localdate(), actor=compliance)
    found = search.search(case, reference=f"Y{planned.number}/W0", name="Marlon Quist", actor=compliance)
    yield _day(planned, 33, 1)
    words = "You were on a watchlist. It was destroyed after the deployment. The ledger of past lists says this:"
    outcome = CaseOutcome.GIVEN if found else CaseOutcome.NONE_HELD
    seen, _ = answers.last_search(case)
    answers.answer(case, CaseAnswer(outcome, words, search=seen, given=range(len(found))), actor=compliance)


def _not_listed(planned: PlannedDeployment, compliance: User) -> Steps:
    yield _day(planned, 2, 2)
    about = CaseContent("Ottilie Brook", "ottilie@example.org", "I walked past the cameras. Do you hold my face?")
    case = _open(CaseKind.ACCESS, Channel.EMAIL, about, compliance)
    yield _day(planned, 3, 2)
    operations.establish_identity(case, proof=IdentityProof.KNOWN, on=timezone.localdate(), actor=compliance)
    search.search(case, reference="N/OB/1979", name="Ottilie Brook", actor=compliance)
    yield _day(planned, 9, 2)
    words = "The force holds nothing about you. The face of anybody who matches nobody goes with its frame."
    answers.answer(case, CaseAnswer(CaseOutcome.NONE_HELD, words), actor=compliance)


def _complaint(planned: PlannedDeployment, compliance: User) -> Steps:
    """Somebody complains about an engagement; the possible match is found by the time and linked."""
    yield _day(planned, 1, 3)
    about = CaseContent(
        "Anil Farrow", "3 Market Row\nChelmsford", "Officers kept me for too long, in front of everybody, for nothing."
    )
    deployment = _deployment(planned)
    case = _open(CaseKind.COMPLAINT, Channel.IN_PERSON, about, compliance, deployment)
    engaged = Alert.objects.filter(deployment=deployment, engaged_at__isnull=False).public().order_by("raised_at")[:1]
    if engaged:
        links.link_alerts(case, alerts=list(engaged), actor=compliance)
    yield _day(planned, 2, 3)
    operations.acknowledge(case, words="Thank you for telling us. We look into what you say.", actor=compliance)
    yield _day(planned, 16, 3)
    words = (
        "The record shows when the officer spoke to you and when they let you go. You were told why, but not given the "
        "leaflet at once. We are sorry for that, and have reminded the officers of it."
    )
    answers.answer(case, CaseAnswer(CaseOutcome.PARTLY, words), actor=compliance)


def _breach(planned: PlannedDeployment, compliance: User) -> Steps:
    yield _day(planned, 3, 4)
    facts = "A page with the states and times of four possible matches was left in a hired room. No picture, no name."
    about = CaseContent(request=facts, effects="None is likely: nobody can be recognised from it.")
    case = _open(CaseKind.BREACH, Channel.FORCE, about, compliance, _deployment(planned))
    yield _day(planned, 4, 4)
    done = "The page was recovered and shredded within an hour. Printing from the console is now off."
    reasons = "Times and states alone identify nobody; the page was found by the caretaker and read by nobody else."
    reply = CaseAnswer(CaseOutcome.NOT_REPORTED, done, reasons=reasons, effects=about.effects)
    answers.answer(case, reply, actor=compliance)


def _figures_asked_for(planned: PlannedDeployment, compliance: User) -> Steps:
    yield _day(planned, -21, 5)
    about = CaseContent("Bette Norwood", "bette@example.org", "How many officers were posted to each deployment?")
    _open(CaseKind.FOI, Channel.EMAIL, about, compliance)


def _being_searched(planned: PlannedDeployment, compliance: User) -> Steps:
    yield _day(planned, -12, 6)
    about = CaseContent("Idris Hale", "27 Mill Lane\nColchester", "Erase whatever you have about me.")
    case = _open(CaseKind.ERASURE, Channel.LETTER, about, compliance)
    yield _day(planned, -10, 6)
    operations.establish_identity(case, proof=IdentityProof.DOCUMENT, on=timezone.localdate(), actor=compliance)
    search.search(case, reference="N/IH/1988", name="Idris Hale", actor=compliance)


def _new_complaint(planned: PlannedDeployment, compliance: User) -> Steps:
    yield _day(planned, 1, 7)
    about = CaseContent("Corin Wade", "corin@example.org", "There was no sign on the path from the car park.")
    _open(CaseKind.COMPLAINT, Channel.EMAIL, about, compliance, _deployment(planned))


def reviewed(deployment: Deployment, moment: dt.datetime, *, panel: User, compliance: User) -> Steps:
    """Let the panel review what was drawn of a deployment; compliance answers the first question."""
    to_answer: PanelFinding | None = None
    for place, dossier in enumerate(Dossier.objects.filter(draw__deployment=deployment).order_by("number"), start=1):
        yield moment + place * 7 * MINUTE
        if dossier.number % 3 != 1:
            words = "The decision and its time are understandable from what was recorded."
            scrutiny.record_finding(dossier, verdict=PanelFinding.Verdict.NO_CONCERN, words=words, actor=panel)
            continue
        words = "Why were these two features enough for the operator?"
        asked = scrutiny.record_finding(dossier, verdict=PanelFinding.Verdict.QUESTION, words=words, actor=panel)
        to_answer = asked if dossier.number == 1 else to_answer
    if to_answer is not None:
        yield moment + 20 * HOUR
        words = "Two are the fewest that the standard operating procedure allows. The next training covers it."
        scrutiny.answer_finding(to_answer, words=words, actor=compliance)
