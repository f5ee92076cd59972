"""The data of `make demo`: users of every role, invented people on a sealed watchlist, and a live deployment."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import Event, record_all
from capture.frame_queue import Frame
from capture.pipeline import read_frame
from demo import rehearsal, scene
from demo.entries import INVENTED, NewEntry
from demo.users import PASSWORD, USERS
from deployments import bluetest, running
from deployments.applications import CameraDraft, PeriodDraft
from deployments.models import Camera, Deployment, Period
from lfr_site.accounts import add_user
from lfr_site.models import User
from recognition.imaging import bounded, decode_stored, encode_jpeg
from recognition.open_set import photographs
from recognition.track import TrackSet
from watchlists import approval, confirmation, destruction, flags, people
from watchlists import operations as watchlist_operations
from watchlists.choices import (
    CONSULTED_FOR,
    Category,
    DataSubject,
    Keeping,
    LegalBasis,
    Seriousness,
    Source,
    Tier,
)
from watchlists.engine import engine as running_engine
from watchlists.enrolment import Enrolment, FaceChoice, read_photograph
from watchlists.models import Flag, Watchlist
from watchlists.seal import content_hash

WANTED = 6
STAFF = 3


def faces_folder(named: Path | None) -> Path:
    """Return the folder of photographs for the demonstration's street."""
    return named or scene.bundled_faces(Path(settings.LFR_DATA) / "demo-faces")


def seed(faces: Path | None) -> Deployment:
    """Create whatever the demonstration lacks; return its live deployment.

    Raises:
        NoFaces: the folder holds no photographs.
    """
    users = make_users()
    rehearsal.train(users.values(), users["compliance"])
    live = Deployment.objects.live(timezone.now()).filter(periods__cameras__kind=Camera.Kind.SIMULATED).first()
    if live is not None:
        return live
    # End a deployment whose authority ran out while the system was stopped; its list's retention time then starts.
    running.end_run_out()
    destruction.destroy_due()
    stamp = timezone.now().strftime("%y%m%d%H%M")
    folder = faces_folder(faces)
    entries = [
        NewEntry(f"DEMO/{stamp}/{number:02}", photograph=photograph, **vars(invented))
        for number, (photograph, invented) in enumerate(zip(wanted(folder), INVENTED, strict=False), start=1)
    ]
    watchlist, _ = sealed_list(
        f"Southend, high harm, {timezone.localtime():%d %B %H:%M}",
        "Find people wanted for high-harm offences and people at risk who are believed to be in Southend.",
        entries,
        compiler=users["admin"],
        approver=users["authority"],
    )
    staff = walkers(folder) if settings.LFR_BLUE_PASSES else []
    blue_list = _blue_list(staff, stamp, users) if staff else None
    return live_deployment(
        "Southend High Street",
        "High Street at Victoria Circus, Southend-on-Sea",
        watchlist,
        [
            CameraDraft("1 High Street north (simulated)", Camera.Kind.SIMULATED),
            CameraDraft("2 Victoria Circus (your camera)", Camera.Kind.BROWSER),
        ],
        people=rehearsal.People(*(users[name] for name in ("admin", "authority", "commander", "operator", "officer"))),
        stewards=rehearsal.Stewards(*(users[name] for name in ("sysadmin", "compliance", "owner", "authority"))),
        blue_list=blue_list,
        walks={person: scene.matching(pictures[1:], "*front*") or pictures for person, pictures in staff},
    )


def walkers(folder: Path) -> list[tuple[str, list[Path]]]:
    """Return the people who play consenting staff, each with their photographs.

    They are the last of the folder, whom the street never shows; nobody if it has no more people than are wanted.
    """
    return list(photographs(folder).items())[WANTED:][-STAFF:]


def _blue_list(staff: list[tuple[str, list[Path]]], stamp: str, users: dict[str, User]) -> Watchlist:
    entries = [
        staff_entry(f"STAFF/{stamp}/{number}", number, pictures[0])
        for number, (_, pictures) in enumerate(staff, start=1)
    ]
    made, _ = sealed_list(
        f"Blue watchlist, {timezone.localtime():%d %B %H:%M}",
        "Consenting staff, for the recognition test.",
        entries,
        compiler=users["admin"],
        approver=users["authority"],
        is_blue=True,
    )
    return made


def staff_entry(reference: str, number: int, photograph: Path) -> NewEntry:
    """Return a consenting member of staff as an entry of a blue watchlist."""
    return NewEntry(
        reference,
        f"Staff volunteer {number}",
        Category.STAFF,
        "Recognition test",
        photograph,
        Seriousness.NONE,
        DataSubject.NONE,
        LegalBasis.CONSENT,
        "Consent form",
        Tier.GREEN,
        "None: a consenting member of staff",
    )


def sealed_list(
    name: str, purpose: str, entries: Iterable[NewEntry], *, compiler: User, approver: User, is_blue: bool = False
) -> tuple[Watchlist, dict[uuid.UUID, NewEntry]]:
    """Compile and seal a watchlist by the operations of the pages; return it, and the entry of each person's id.

    Of several faces on a photograph, the one nearest the middle is enrolled. Photographs without a face are left out.
    """
    watchlist = watchlist_operations.create_watchlist(actor=compiler, name=name, purpose=purpose, is_blue=is_blue)
    taken_on = timezone.localdate() - dt.timedelta(days=200)
    provenance = people.Provenance(
        Source.CONSENT if is_blue else Source.CUSTODY,
        "Given for the recognition test" if is_blue else "Custody record; retained at its last review",
        taken_on,
        "" if is_blue else Keeping.CONVICTED,
        confirmation.name_of(compiler),
        timezone.now(),
    )
    enrolled = {}
    for entry in entries:
        enrolment = _enrolment(entry.photograph.read_bytes())
        if enrolment is not None:
            person = people.add_person(watchlist, entry.particulars, enrolment, provenance, actor=compiler)
            enrolled[person.id] = entry
    watchlist.refresh_from_db()
    check_and_seal(watchlist, compiler=compiler, approver=approver)
    return watchlist, enrolled


def check_and_seal(watchlist: Watchlist, *, compiler: User, approver: User) -> None:
    """Compile, check, authorise and so seal a draft watchlist."""
    watchlist_operations.compile_watchlist(watchlist, actor=compiler, size_reason="Everyone sought in this town")
    for flag in Flag.objects.filter(person__watchlist=watchlist, accepted_at__isnull=True):
        flags.accept_flag(flag, reason="Compared by eye; the best photograph there is", actor=compiler)
    for ground in confirmation.unconfirmed_grounds(watchlist):
        confirm_ground(watchlist, ground, compiler)
    watchlist_operations.check_watchlist(watchlist, actor=compiler)
    approval.authorise_watchlist(
        watchlist,
        actor=approver,
        reason="Each entry is necessary for the purpose and comes from a lawful source.",
        seen=content_hash(watchlist),
        minors=dict.fromkeys((each.pk for each in watchlist.people.perhaps_minors()), "At risk of serious harm"),
    )


def confirm_ground(watchlist: Watchlist, ground: str, compiler: User) -> None:
    """Open the sample of the people with one lawful ground, then confirm that all of them are still sought."""
    ids = confirmation.to_be_confirmed(watchlist, ground)
    sample = confirmation.sample_of(watchlist, ids, actor=compiler)
    with transaction.atomic():
        record_all([Event(Action.PERSON_VIEWED, each) for each in sample], actor=compiler)
    confirmation.confirm_current(watchlist, ids, source=CONSULTED_FOR[ground][0], actor=compiler)


def live_deployment(
    name: str,
    place: str,
    watchlist: Watchlist,
    cameras: list[CameraDraft],
    *,
    people: rehearsal.People,
    stewards: rehearsal.Stewards,
    blue_list: Watchlist | None = None,
    walks: Mapping[str, list[Path]] | None = None,
) -> Deployment:
    """Create a deployment that is live for four hours, by the operations of the pages.

    stewards: put the default threshold in force. walks: photographs of each person on the blue watchlist, in its order,
    which are shown to every camera in the recognition test.
    """
    now = timezone.now()
    # The threshold may have been in force for long, and what it rests on have expired.
    rehearsal.accept_risk(stewards, on=timezone.localdate(now + dt.timedelta(hours=4)))
    point = rehearsal.threshold_in_force(stewards)
    period = PeriodDraft(place, now - dt.timedelta(minutes=1), now + dt.timedelta(hours=4), cameras)
    deployment = rehearsal.apply_for(
        name, [period], point, applicant=people.applicant, list_size_asked=max(100, watchlist.size)
    )
    rehearsal.authorised(deployment, people)
    (first,) = deployment.periods.all()
    rehearsal.prepared(first, watchlist, people, blue_list=blue_list)
    if blue_list is not None and walks:
        _walk(first, list(walks.values()), people)
    return rehearsal.live(deployment, people)


def _walk(period: Period, walks: list[list[Path]], people: rehearsal.People) -> None:
    """Run the recognition test through the pipeline: each pass is a photograph shown to a camera."""
    bluetest.start(period, actor=people.commander)
    period.refresh_from_db()
    staff = list(period.blue_list.people.order_by("reference")) if period.blue_list is not None else []
    for camera in period.cameras.all():
        for number in range(settings.LFR_BLUE_PASSES):
            person, pictures = staff[number % len(staff)], walks[number % len(walks)]
            bluetest.tap(camera, person, actor=people.operator)
            _pass_by(camera, pictures[number % len(pictures)])


def _pass_by(camera: Camera, photograph: Path) -> None:
    jpeg = encode_jpeg(bounded(decode_stored(photograph.read_bytes()), 640), 90)
    tracks, began = TrackSet(), time.time()
    for number in range(1, 5):
        frame = Frame(number, began + number / 5, number / 5, "", jpeg)
        read_frame(str(camera.pk), frame, tracks, running_engine())


def _enrolment(data: bytes) -> Enrolment | None:
    try:
        return read_photograph(data)
    except FaceChoice as choice:
        offsets = [abs(left + width / 2 - 0.5) for left, _, width, _ in choice.faces]
        return read_photograph(data, chosen=offsets.index(min(offsets))) if offsets else None


def portrait() -> Enrolment:
    """Return the bundled portrait, as enrolled by the running engine.

    Raises:
        NoFaces: scikit-image is not installed.
    """
    return read_photograph(encode_jpeg(decode_stored(scene.bundled_portrait().read_bytes()), 95))


def wanted(folder: Path) -> list[Path]:
    """Return the photograph to enrol each wanted person with: their first one by name."""
    return [pictures[0] for pictures in list(photographs(folder).values())[:WANTED]]


def make_users() -> dict[str, User]:
    return {
        user.username: User.objects.filter(username=user.username).first()
        or add_user(
            username=user.username,
            password=PASSWORD,
            role=user.role,
            first_name=user.first_name,
            last_name=user.last_name,
            rank=user.rank,
        )
        for user in USERS
    }
