"""The users of the tests, one for each role and one without, and functions that make the objects they work on."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import importlib.util
import os
import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.test import Client
from django.utils import timezone

from alerts import operations as alert_operations
from alerts import raising
from alerts.act_rules import ActInput
from alerts.acts import OPERATOR_ACTS
from alerts.models import Alert
from alerts.places import Place
from audit.actions import Action
from audit.journal import Event, record_all
from cases import operations as case_operations
from cases.content import CaseContent
from cases.models import Case
from core.ranks import Rank
from demo import rehearsal
from demo.seeding import check_and_seal
from deployments import executable, running, staffing
from deployments.applications import CameraDraft, PeriodDraft
from deployments.models import Amendment, Camera, Deployment, Period
from lfr_site.models import User
from lfr_site.roles import ROLES
from recognition.detect import Face
from recognition.engine import Engine, Template
from recognition.frame import Candidate
from recognition.imaging import Pixels, decode_stored, encode_jpeg
from training.models import Task, TrainingRecord
from watchlists import confirmation, engines, people
from watchlists import operations as watchlist_operations
from watchlists.choices import CONSULTED_FOR, Category, Keeping, LegalBasis, Source, Tier
from watchlists.defaults import DEFAULT_THRESHOLD, shipped_measurement
from watchlists.engine import identity
from watchlists.enrolment import Enrolment, read_photograph
from watchlists.models import Calibration, OperatingPoint, Person, Watchlist

FACES = Path(os.environ.get("LFR_TEST_FACES", Path(__file__).resolve().parent.parent.parent / "shared" / "faces"))
LONDON = FACES / "london"
NO_LONDON = f"skipped: no face set at {LONDON}"


@dataclass(frozen=True)
class Cast:
    """One user for each role, and one without a role."""

    system_admin: User
    watchlist_admin: User
    authority: User
    commander: User
    operator: User
    officer: User
    compliance: User
    owner: User
    publisher: User
    panel: User
    records: User
    stranger: User

    @property
    def by_role(self) -> dict[str, User]:
        """Every user by a short name, including the one without a role."""
        return vars(self)


NAMES = {
    "system_admin": "System administrator",
    "watchlist_admin": "Watchlist administrator",
    "authority": "Authorising officer",
    "commander": "Commander",
    "operator": "LFR operator",
    "officer": "Engagement officer",
    "compliance": "Compliance officer",
    "owner": "Senior responsible owner",
    "publisher": "Publisher",
    "panel": "Oversight panel",
    "records": "Records system",
}


def permit(user: User, *permissions: str) -> User:
    """Give a user permissions that no role combines; return the user, reloaded."""
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return User.objects.get(pk=user.pk)


def make_cast() -> Cast:
    assert set(NAMES.values()) == set(ROLES)
    users = {name: User.objects.create_user(name) for name in (*NAMES, "stranger")}
    for name, role in NAMES.items():
        users[name].groups.add(Group.objects.get(name=role))
    User.objects.filter(pk=users["authority"].pk).update(rank=Rank.SUPERINTENDENT)
    users["authority"].refresh_from_db()
    trained(*(user for name, user in users.items() if name != "stranger"))
    return Cast(**users)


def trained(*users: User) -> None:
    """Record training for every task, whatever the roles of these users."""
    keeper, today = User.objects.get(username="compliance"), timezone.localdate()
    TrainingRecord.objects.bulk_create(
        TrainingRecord(
            user=user,
            task=task,
            course="Test course",
            completed_on=today - dt.timedelta(days=30),
            valid_until=today + dt.timedelta(days=330),
            recorded_by=keeper,
        )
        for user in users
        if user != keeper
        for task in Task
    )


def make_user(name: str, like: User, rank: str = "") -> User:
    """Return another user with the roles of a member of the cast, trained as they are."""
    user = User.objects.create_user(name, rank=rank)
    user.groups.add(*like.groups.all())
    trained(user)
    return user


@functools.cache
def portrait() -> Pixels:
    """Return the public-domain portrait that scikit-image ships (NASA, Eileen Collins)."""
    spec = importlib.util.find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    return decode_stored((Path(spec.origin).parent / "data" / "astronaut.png").read_bytes())


@functools.cache
def portrait_jpeg() -> bytes:
    return encode_jpeg(portrait(), 95)


@functools.cache
def portrait_enrolment() -> Enrolment:
    return read_photograph(portrait_jpeg())


def stewards() -> rehearsal.Stewards:
    """Return the members of the cast who put thresholds in force."""
    return rehearsal.Stewards(
        *(User.objects.get(username=name) for name in ("system_admin", "compliance", "owner", "authority"))
    )


def make_calibration() -> Calibration:
    """Return the shipped calibration of the current engine."""
    engine = engines.register_engine(identity())
    return engine.calibrations.first() or engines.add_calibration(engine, shipped_measurement())


def make_operating_point(threshold: float = DEFAULT_THRESHOLD) -> OperatingPoint:
    """Return an operating point of the current engine that is in force, on a risk acceptance."""
    make_calibration()
    return rehearsal.threshold_in_force(stewards(), threshold)


def random_embedding(seed: int) -> npt.NDArray[np.float32]:
    vector = np.random.default_rng(seed).normal(size=128).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def make_enrolment(embedding: npt.NDArray[np.float32] | None = None) -> Enrolment:
    """Return the portrait's enrolment, with another embedding for both models if one is given."""
    known = portrait_enrolment()
    return known if embedding is None else dataclasses.replace(known, template=Template(embedding, embedding))


def make_watchlist(cast: Cast, people: int = 1, embeddings: list[npt.NDArray[np.float32]] | None = None) -> Watchlist:
    """Return a draft; without embeddings, its first person has the portrait's and the others resemble nobody."""
    make_calibration()
    watchlist = watchlist_operations.create_watchlist(actor=cast.watchlist_admin, name="Test list", purpose="Testing")
    for index in range(people):
        embedding = embeddings[index] if embeddings else (None if index == 0 else random_embedding(index))
        add_person(cast, watchlist, f"T/{str(watchlist.id)[:13]}/{index}", f"Test Person {index}", embedding)
    watchlist.refresh_from_db()
    return watchlist


def particulars(reference: str = "T/1", name: str = "Test Person", **changes: Any) -> dict[str, Any]:
    """Return the complete particulars of an adult wanted by the courts."""
    complete = {
        "reference": reference,
        "name": name,
        "category": Category.WANTED,
        "offence": "Robbery",
        "seriousness": "serious",
        "data_subject": "suspect",
        "legal_basis": LegalBasis.WARRANT,
        "authority": "Warrant of Basildon Crown Court",
        "tier": Tier.AMBER,
        "expected_action": "Arrest",
        "date_of_birth": dt.date(1990, 5, 1),
        "age": "",
        "markers": [],
        "look_alikes": "",
        "rationale": "",
        "minor_rationale": "",
        "expires_on": None,
    }
    return {**complete, **changes}


def provenance(**changes: Any) -> people.Provenance:
    """Return the provenance of a custody photograph of this year."""
    complete = people.Provenance(
        Source.CUSTODY,
        "Custody record 1",
        timezone.localdate() - dt.timedelta(days=30),
        Keeping.CONVICTED,
        "Test Clerk",
        timezone.now(),
    )
    return dataclasses.replace(complete, **changes)


def add_person(
    cast: Cast,
    watchlist: Watchlist,
    reference: str,
    name: str = "Test Person",
    embedding: npt.NDArray[np.float32] | None = None,
    **changes: Any,
) -> Person:
    return people.add_person(
        watchlist,
        particulars(reference, name, **changes),
        make_enrolment(embedding),
        provenance(),
        actor=cast.watchlist_admin,
    )


def still_sought(watchlist: Watchlist, actor: User, chosen: Collection[Person] | None = None) -> None:
    """Open the sample of these people, or of everyone on a list, and confirm that they are still sought."""
    on_list = Person.objects.filter(watchlist=watchlist)
    people = on_list if chosen is None else on_list.filter(pk__in=[each.pk for each in chosen])
    for ground in sorted(set(people.order_by().values_list("category", flat=True))):
        ids = list(people.filter(category=ground).values_list("pk", flat=True))
        with transaction.atomic():
            sample = confirmation.sample_of(watchlist, ids, actor=actor)
            record_all([Event(Action.PERSON_VIEWED, each) for each in sample], actor=actor)
        confirmation.confirm_current(watchlist, ids, source=CONSULTED_FOR[ground][0], actor=actor)


def make_sealed_watchlist(cast: Cast, people: int = 1, **kwargs: list[npt.NDArray[np.float32]]) -> Watchlist:
    watchlist = make_watchlist(cast, people, **kwargs)
    check_and_seal(watchlist, compiler=cast.watchlist_admin, approver=cast.authority)
    return watchlist


def people_of(cast: Cast) -> rehearsal.People:
    return rehearsal.People(cast.watchlist_admin, cast.authority, cast.commander, cast.operator, cast.officer)


def make_draft(cast: Cast, *periods: PeriodDraft, **changes: Any) -> Deployment:
    """Return a complete application for these periods, or for one that began five minutes ago, with two cameras."""
    point = make_operating_point()
    now = timezone.now()
    usual = PeriodDraft(
        "High Street, Southend-on-Sea",
        now - dt.timedelta(minutes=5),
        now + dt.timedelta(hours=2),
        [CameraDraft("North"), CameraDraft("South", Camera.Kind.AGENT)],
    )
    return rehearsal.apply_for(
        "Southend High Street", periods or [usual], point, applicant=cast.watchlist_admin, **changes
    )


def make_deployment(cast: Cast, watchlist: Watchlist | None = None, **changes: Any) -> Deployment:
    """Return an authorised deployment that meets every readiness check."""
    sealed = watchlist or make_sealed_watchlist(cast)
    deployment = rehearsal.authorised(make_draft(cast, **changes), people_of(cast))
    rehearsal.prepared(period_of(deployment), sealed, people_of(cast))
    deployment.refresh_from_db()
    return deployment


def sign_again() -> None:
    """Sign every authority as the rows are now, in tests that move the times of rows instead of waiting."""
    for deployment in Deployment.objects.exclude(authority_sha256=""):
        executable.sign(deployment, Amendment.AUTHORISED, actor=User.objects.get(username="authority"))


def make_live_deployment(cast: Cast, watchlist: Watchlist | None = None, **changes: Any) -> Deployment:
    deployment = rehearsal.live(make_deployment(cast, watchlist, **changes), people_of(cast))
    deployment.refresh_from_db()
    return deployment


def period_of(deployment: Deployment) -> Period:
    """Return the first period of a deployment."""
    return deployment.periods.select_related("deployment", "watchlist", "blue_list").order_by("starts_at")[0]


def list_of(deployment: Deployment) -> Watchlist:
    """Return the watchlist of the first period of a deployment."""
    watchlist = period_of(deployment).watchlist
    assert watchlist is not None
    return watchlist


def cameras_of(deployment: Deployment) -> list[Camera]:
    return list(Camera.objects.filter(period__deployment=deployment).select_related("period__deployment"))


def end(deployment: Deployment, cast: Cast) -> None:
    running.end_period(deployment, actor=cast.commander)


def make_alert(deployment: Deployment, track: str = "1" * 32, person: Person | None = None) -> Alert:
    camera = Camera.objects.filter(period=period_of(deployment)).select_related("period__deployment")[0]
    listed = person or Person.objects.filter(watchlist=list_of(deployment))[0]
    candidate = Candidate(listed.id, listed.photographs.all()[0].id, 0.61)
    alert = raise_alert(camera, candidate, make_probe(track))
    assert alert is not None
    return alert


def raise_alert(camera: Camera, candidate: Candidate, probe: raising.Probe) -> Alert | None:
    """Raise the only possible match of a frame; return the alert, or None if it joined one that is open."""
    return next(iter(raising.raise_alerts(camera.pk, [(candidate, probe)]).raised), None)


def likeness(engine: Engine, one: tuple[Pixels, Face], other: tuple[Pixels, Face]) -> float:
    """Return the similarity score of two faces, each in its picture."""
    templates = [engine.full_pass(pixels, engine.quick_pass(pixels, [face]))[0] for pixels, face in (one, other)]
    return engine.score(*templates)


def make_probe(track: str = "1" * 32, frame: int = 7, **changes: Any) -> raising.Probe:
    usual = raising.Probe(track, frame, timezone.now(), (10, 10, 50, 60), place_of(track), portrait_jpeg())
    return dataclasses.replace(usual, **changes)


def place_of(track: str) -> Place:
    """Return a place in the picture: tracks with successive numbers are at different ones."""
    cell = int(track, 16) % 160
    return Place(0.05 + 0.05 * (cell % 16), 0.05 + 0.09 * (cell // 16), 0.04, 0.08)


# The input that each action of an officer or operator needs.
ACT_INPUTS = {
    "same": ActInput(alike=["eyes"]),
    "not_same": ActInput(differ=["ears"]),
    "inconclusive": ActInput(reasons=["blurred"]),
    "no_engagement": ActInput(code="doubt"),
    "confirm": ActInput(code="document"),
    "release": ActInput(leaflet=True),
    "arrest": ActInput(code="robbery", leaflet=True),
    "other": ActInput(code="summons", leaflet=True),
    "no_action": ActInput(code="dealt_with", leaflet=False),
}


def act(alert: Alert, *names: str, cast: Cast) -> Alert:
    """Take actions on an alert by the right user with the input that each needs; return the alert, reloaded."""
    for name in names:
        shown = dataclasses.replace(ACT_INPUTS.get(name, ActInput()), key=uuid.uuid4())
        actor = cast.operator if name in OPERATOR_ACTS else cast.officer
        alert_operations.act(alert, name, shown, actor=actor)
    alert.refresh_from_db()
    return alert


# The score of `make_alert` as text, but not the same digits within a time of day.
SCORE = re.compile(r"(?<!\d)0\.61")


def client_of(user: User) -> Client:
    """Return a test client with a signed-in user."""
    client = Client()
    client.force_login(user)
    return client


def another(cast: Cast, deployment: Deployment, like: str, name: str, team: str = "") -> User:
    """Return another user with the role of a member of the cast, posted to a deployment."""
    user = make_user(name, cast.by_role[like])
    staffing.post(deployment, user, team=team, actor=cast.commander)
    return user


def apart(settings: Any) -> None:
    """Let every track raise a separate alert from now on."""
    settings.LFR_JOIN_WINDOW = dt.timedelta(0)


def make_case(cast: Cast, kind: str = "access", *, days_ago: int = 0, **about: Any) -> Case:
    """Return a case that was received some days ago; a breach, that many days before now."""
    received = timezone.now() - dt.timedelta(days=days_ago)
    return case_operations.open_case(
        kind=kind,
        channel="letter",
        received_at=received,
        about=CaseContent(
            **{"name": "Robin Vale", "contact": "1 High Street\nSouthend", "request": "Was I listed?", **about}
        ),
        actor=cast.compliance,
    )
