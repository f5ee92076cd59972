"""A year of invented deployments, taken through the operations of the pages while the clock is set to each moment.

Nothing but the clock is simulated: applications, authorities, lists, possible matches, acts, destruction, certificates
and documents are made by the functions that make real ones. The camera's part is played by `raise_alerts`, with the
public-domain portrait as every face.
"""

from __future__ import annotations

import datetime as dt
import heapq
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

import numpy as np
import time_machine
from django.utils import timezone

from alerts import attributes, evidence, operations, raising, second_looks
from alerts.act_rules import ActInput
from alerts.choices import Disposal, Feature, IdentityMethod
from alerts.models import Alert
from alerts.places import Place
from alerts.tasks import purge_due
from audit import checkpoints, journal
from audit.models import Checkpoint
from demo import past_cases, rehearsal, scene, seeding
from demo.entries import INVENTED, NewEntry
from demo.year_plan import Ending, Fate, PlannedDeployment, PlannedMatch, PlannedPause
from deployments import (
    applications,
    authority,
    bluetest,
    cameras,
    ceiling,
    clock_comparison,
    closure,
    readiness,
    running,
    signs,
)
from deployments.applications import CameraDraft, PeriodDraft
from deployments.cameras import FrameCounts
from deployments.models import Camera, Deployment, Period, Sign
from deployments.offsets import Offset
from lfr_site.models import User
from recognition.engine import Template
from recognition.frame import Candidate
from reports import publishing
from scrutiny import dossiers
from watchlists import confirmation, destruction, people
from watchlists import operations as watchlist_operations
from watchlists.choices import Keeping, Source
from watchlists.enrolment import Enrolment
from watchlists.models import Person, Watchlist
from watchlists.tasks import destroy_due

HOUR, DAY, MINUTE, SECOND = (dt.timedelta(**{unit: 1}) for unit in ("hours", "days", "minutes", "seconds"))
# The steps that lead an officer's engagement to its ending.
_TO_A_PERSON = ("acknowledge", "engage", "check_identity", "confirm")
_STEPS: dict[Ending, tuple[str, ...]] = {
    Ending.ARREST: (*_TO_A_PERSON, "arrest"),
    Ending.OTHER: (*_TO_A_PERSON, "other"),
    Ending.NO_ACTION: (*_TO_A_PERSON, "no_action"),
    Ending.LOST: ("acknowledge", "lost"),
    Ending.NO_ENGAGEMENT: ("no_engagement",),
    Ending.RELEASE: ("acknowledge", "engage", "release"),
    Ending.NOT_THEM: ("acknowledge", "not_them"),
    Ending.NOT_SAME: (),
    Ending.UNRESOLVED: (),
}
PLACE, LATENCY = Place(0.4, 0.3, 0.08, 0.14), dt.timedelta(milliseconds=80)
COUNTED_EVERY = dt.timedelta(minutes=15)
# The moments of what is done next: after each, the clock is set to it.
Steps = Generator[dt.datetime, None, None]
REVIEW = "The objective was met within the conditions. Signs were up before the cameras went live. No complaint so far."


@contextmanager
def at(moment: dt.datetime) -> Iterator[None]:
    """Set the clock of this process to a moment; it goes on from there."""
    with time_machine.travel(moment, tick=True):
        yield


class Year:
    """Carries out planned deployments, one after the other. users: of the demonstration, by name."""

    def __init__(self, users: dict[str, User], enrolment: Enrolment, seed: int) -> None:
        self.users = users
        self._enrolment = enrolment
        self._chance = np.random.default_rng(seed + 1)
        named = ("admin", "authority", "commander", "operator", "officer")
        self._people = rehearsal.People(*(users[name] for name in named))
        self._stewards = rehearsal.Stewards(*(users[name] for name in ("sysadmin", "compliance", "owner", "authority")))

    def carry_out(self, planned: Sequence[PlannedDeployment]) -> Iterator[PlannedDeployment]:
        """Carry out these deployments, with some cases about them; yield each deployment as it is done.

        Deployments overlap: one is applied for while another is reviewed. So that the clock never goes back, the steps
        of all of them are taken in the order of their moments.
        """
        waiting: list[tuple[dt.datetime, int, PlannedDeployment | None, Steps]] = []
        for each in planned:
            steps = self._steps(each)
            heapq.heappush(waiting, (next(steps), each.number, each, steps))
        for number, steps in enumerate(past_cases.steps_of_cases(planned, self.users["compliance"]), start=1):
            if (first := next(steps, None)) is not None:
                heapq.heappush(waiting, (first, -number, None, steps))
        while waiting:
            moment, number, done, steps = heapq.heappop(waiting)
            with at(moment):
                following = next(steps, None)
            if following is not None:
                heapq.heappush(waiting, (following, number, done, steps))
            elif done is not None:
                yield done

    def _steps(self, planned: PlannedDeployment) -> Steps:
        """Take a deployment from its application to its closure, or to its refusal or cancellation.

        Each `yield` gives the moment of what follows it.
        """
        yield planned.starts_at - 4 * DAY
        deployment = self._applied(planned)
        if planned.fate == Fate.REFUSED:
            return
        yield planned.starts_at - 2 * DAY
        rehearsal.notified(deployment, self._people.commander)
        if planned.fate == Fate.CANCELLED:
            yield planned.starts_at - DAY
            authority.cancel(deployment, reason="The event was called off.", actor=self._people.applicant)
            return
        yield planned.starts_at - 5 * HOUR
        watchlist, blue = self._lists(planned)
        yield planned.starts_at + SECOND
        with self._database_in_step():
            period = deployment.periods.get()
            rehearsal.prepared(period, watchlist, self._people, blue_list=blue)
            self._test(period, planned)
            deployment.refresh_from_db()
            rehearsal.live(deployment, self._people)
        yield from self._run(deployment, planned)
        yield from self._wind_up(deployment)
        if planned.is_published:
            yield from past_cases.reviewed(
                deployment,
                planned.starts_at + 3 * DAY,
                panel=self.users["panel"],
                compliance=self.users["compliance"],
            )
            yield planned.starts_at + 4 * DAY
            deployment.refresh_from_db()
            publishing.publish(deployment, actor=self.users["publisher"])
        if planned.is_corrected:
            yield from self._correct(deployment, planned)
        journal.number_waiting()
        checkpoints.make(Checkpoint.Why.OVER)

    def _applied(self, planned: PlannedDeployment) -> Deployment:
        day = timezone.localdate(planned.starts_at)
        rehearsal.train(self.users.values(), self.users["compliance"], on=day)
        rehearsal.documents_in_force(self._stewards, on=day)
        rehearsal.accept_risk(self._stewards, on=day)
        point = rehearsal.threshold_in_force(self._stewards)
        until = planned.starts_at + planned.length
        drafts = [CameraDraft("North", Camera.Kind.AGENT), CameraDraft("South", Camera.Kind.AGENT)]
        deployment = rehearsal.apply_for(
            planned.name,
            [PeriodDraft(planned.place, planned.starts_at, until, drafts)],
            point,
            applicant=self._people.applicant,
            use_case=planned.use_case,
            footfall=planned.faces_expected,
            subjects_expected=max(len(planned.matches) - 2, 1),
        )
        if planned.fate != Fate.REFUSED:
            return rehearsal.authorised(deployment, self._people)
        applications.submit(deployment, revision=deployment.revision, actor=self._people.applicant)
        authority.refuse(
            deployment,
            reason="The intelligence does not show that the people sought are likely to be here.",
            revision=deployment.revision,
            actor=self._people.authority,
        )
        return deployment

    def _lists(self, planned: PlannedDeployment) -> tuple[Watchlist, Watchlist]:
        compiler = self._people.applicant
        made = []
        for is_blue, size in ((False, planned.listed), (True, 1)):
            name = f"{'Blue watchlist' if is_blue else 'High harm'}, {planned.name}"
            watchlist = watchlist_operations.create_watchlist(
                actor=compiler, name=name, purpose="Invented, for a demonstration.", is_blue=is_blue
            )
            for number in range(size):
                self._add(watchlist, f"Y{planned.number}/{'S' if is_blue else 'W'}{number}", number, compiler)
            watchlist.refresh_from_db()
            seeding.check_and_seal(watchlist, compiler=compiler, approver=self._people.authority)
            made.append(watchlist)
        return made[0], made[1]

    def _add(self, watchlist: Watchlist, reference: str, number: int, compiler: User) -> None:
        vector = self._chance.normal(size=len(self._enrolment.template.embedding)).astype(np.float32)
        vector /= np.linalg.norm(vector)
        second = self._chance.normal(size=128).astype(np.float32)
        template = Template(vector, second / np.linalg.norm(second))
        provenance = people.Provenance(
            Source.CONSENT if watchlist.is_blue else Source.CUSTODY,
            "Given for the recognition test" if watchlist.is_blue else "Custody record; retained at its last review",
            timezone.localdate() - 200 * DAY,
            "" if watchlist.is_blue else Keeping.CONVICTED,
            confirmation.name_of(compiler),
            timezone.now(),
        )
        particulars = _particulars(watchlist, reference, number)
        people.add_person(
            watchlist, particulars, replace(self._enrolment, template=template), provenance, actor=compiler
        )

    @contextmanager
    def _database_in_step(self) -> Iterator[None]:
        """The database's clock is not set back with this process's, so its comparison is left out."""
        with mock.patch.object(clock_comparison, "database_offset", return_value=Offset(0.0, 0.0)):
            yield

    def _test(self, period: Period, planned: PlannedDeployment) -> None:
        """Let a member of staff walk past each camera, and recognise as many passes as planned."""
        if period.blue_list is None:
            return
        bluetest.start(period, actor=self._people.commander)
        person = period.blue_list.people.all()[0]
        for camera in period.cameras.all():
            for number in range(planned.passes):
                moment = timezone.now() - (planned.passes - number) * MINUTE
                bluetest.tap(camera, person, actor=self._people.operator, at=moment + 11 * MINUTE)
                if number < planned.recognised:
                    bluetest.note_recognition(camera, person.pk, moment + 11 * MINUTE)

    def _run(self, deployment: Deployment, planned: PlannedDeployment) -> Steps:
        period = deployment.periods.get()
        both = list(period.cameras.all())
        sought = list(Person.objects.filter(watchlist=period.watchlist).prefetch_related("photographs"))
        # Possible matches overlap too.
        acts = [
            self._match(both[number % 2], sought[number], match, planned.moment_of(match.after))
            for number, match in enumerate(planned.matches)
        ]
        if planned.pause:
            acts.append(self._pause(deployment, planned.pause, planned.starts_at + MINUTE + planned.pause.after))
        yield from _merged([*acts, self._passers_by(both, planned)])
        yield planned.starts_at + planned.length - SECOND
        running.end_period(deployment, actor=self._people.commander)

    def _passers_by(self, both: Sequence[Camera], planned: PlannedDeployment) -> Steps:
        """Count the faces that pass, as the cameras do while they are live."""
        parts, counted = int(planned.length / COUNTED_EVERY), 0
        for part in range(parts):
            yield planned.starts_at + MINUTE + part * COUNTED_EVERY
            if not Deployment.objects.filter(periods__cameras=both[0], state=Deployment.State.LIVE).exists():
                continue
            faces = planned.faces * (part + 1) // parts - counted
            counted += faces
            for camera, share in zip(both, (faces // 2, faces - faces // 2), strict=True):
                cameras.count_frames(camera, FrameCounts(received=share * 9, processed=share * 9, faces=share))

    def _pause(self, deployment: Deployment, pause: PlannedPause, moment: dt.datetime) -> Steps:
        yield moment
        running.pause(deployment, code=pause.code, actor=self._people.commander)
        yield moment + pause.length
        with self._database_in_step():
            readiness.check_clock(deployment.periods.get(), device=Offset(0.0, 0.0), actor=self._people.commander)
            running.resume(deployment, actor=self._people.commander)

    def _match(self, camera: Camera, person: Person, match: PlannedMatch, moment: dt.datetime) -> Steps:
        track = uuid.UUID(bytes=self._chance.bytes(16)).hex
        operator = self._people.operator
        yield moment
        deployment = Deployment.objects.get(pk=camera.period.deployment_id)
        if deployment.state != Deployment.State.LIVE:
            # The safeguard paused it: the cameras see nobody.
            return
        seen = raising.Probe(track, 7, timezone.now() - LATENCY, (10, 10, 50, 60), PLACE, self._enrolment.jpeg)
        candidate = Candidate(person.pk, person.photographs.all()[0].pk, float(self._chance.uniform(0.5, 0.8)))
        (alert,) = raising.raise_alerts(camera.pk, [(candidate, seen)]).raised
        if match.ending == Ending.UNRESOLVED:
            return
        yield moment + match.decide
        operations.act(alert, "open", actor=operator)
        if match.ending == Ending.NOT_SAME:
            operations.act(alert, "not_same", ActInput(differ=[Feature.EARS, Feature.NOSE]), actor=operator)
            self._continue(deployment)
            return
        operations.act(alert, "same", ActInput(alike=[Feature.EYES, Feature.NOSE]), actor=operator)
        moment += match.decide + match.respond
        for step in _STEPS[match.ending]:
            yield moment
            operations.act(alert, step, _input(step, match), actor=self._people.officer)
            moment += match.engagement if step == "engage" else 2 * SECOND
        self._continue(deployment)
        yield moment + MINUTE
        given = {"officer_defined": match.officer_defined, "sex": match.sex}
        if "engage" in _STEPS[match.ending]:
            given |= {"self_defined": match.self_defined, "age_band": match.age_band}
        attributes.record_attributes(alert, given, actor=self._people.officer)

    def _continue(self, deployment: Deployment) -> None:
        """Decide to continue if false alerts are above the ceiling and the commander is asked."""
        question = deployment.ceiling_question
        if question is not None:
            ceiling.decide_to_continue(
                deployment,
                false_alerts=question.false_alerts,
                reason="Different people, each released within minutes; the cameras and the light were checked.",
                actor=self._people.commander,
            )

    def _wind_up(self, deployment: Deployment) -> Steps:
        period, commander = deployment.periods.get(), self._people.commander
        ended = period.ended_at or timezone.now()
        yield ended + 20 * SECOND
        for alert in Alert.objects.filter(deployment=deployment).public().unsettled():
            operations.code(alert, Alert.State.UNRESOLVED, actor=commander)
        for alert in second_looks.waiting_for(commander).filter(deployment=deployment):
            second_looks.record_second_look(alert, finding=second_looks.decision_on(alert), actor=commander)
        watchlist = period.watchlist
        due = [watchlist.destroy_due_at] if watchlist is not None and watchlist.destroy_due_at else []
        due += [each.purge_by for each in evidence.waiting(deployment)]
        for moment in sorted(set(due)):
            # The destruction worker's tasks, as it runs them: a little early.
            yield moment - 12 * SECOND
            destroy_due()
            purge_due()
        destruction.scrub()
        yield max(ended + 20 * HOUR, max(due) + HOUR)
        for sign in Sign.objects.filter(period=period):
            signs.take_down(sign, actor=commander)
        signs.record_cards(period, count=int(self._chance.integers(20, 180)), actor=commander)
        closure.begin_review(deployment, review=REVIEW, media_used=False, actor=commander)
        yield ended + 2 * DAY
        closure.close(deployment, actor=self._people.authority)
        dossiers.draw_due()

    def _correct(self, deployment: Deployment, planned: PlannedDeployment) -> Steps:
        """Correct an outcome after publication, and publish that."""
        arrested = Alert.objects.filter(deployment=deployment, state=Alert.State.ARRESTED).first()
        if arrested is None:
            return
        yield planned.starts_at + 9 * DAY
        reason = "The custody record shows that the person was dealt with by summons."
        operations.correct(
            arrested, Alert.State.OTHER_DISPOSAL, Disposal.SUMMONS, reason=reason, actor=self._people.commander
        )
        yield planned.starts_at + 10 * DAY
        deployment.refresh_from_db()
        publishing.publish(
            deployment, reason="One outcome was recorded as an arrest; it was a summons.", actor=self.users["publisher"]
        )


def _merged(parts: Sequence[Steps]) -> Steps:
    """Take the steps of several parts in the order of their moments."""
    waiting = [(next(part), number, part) for number, part in enumerate(parts)]
    heapq.heapify(waiting)
    while waiting:
        moment, number, part = heapq.heappop(waiting)
        yield moment
        following = next(part, None)
        if following is not None:
            heapq.heappush(waiting, (following, number, part))


def _particulars(watchlist: Watchlist, reference: str, number: int) -> dict[str, object]:
    photograph = scene.bundled_portrait()
    if watchlist.is_blue:
        return seeding.staff_entry(reference, number, photograph).particulars
    like = INVENTED[number % len(INVENTED)]
    return {**NewEntry(reference, photograph=photograph, **vars(like)).particulars, "name": f"{like.name} {number}"}


def _input(step: str, match: PlannedMatch) -> ActInput:
    """Return the input of an officer's step."""
    if step == "confirm":
        return ActInput(code=IdentityMethod.DOCUMENT)
    leaflet = True if step in ("arrest", "other", "no_action", "release") else None
    return ActInput(code=match.code if step == match.ending else "", leaflet=leaflet)
