"""Acts on people and lists. Each is atomic and leaves its row in the journal."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

import recognition.calibration
import recognition.engine
from audit.actions import Action
from audit.errors import Conflict, Refused
from audit.journal import CLOCK, INSTALLER, Actor, record
from audit.machine import move, require
from recognition.engine import EngineIdentity
from watchlists.defaults import Measurement
from watchlists.engine import identity as running_identity
from watchlists.enrolment import Enrolment
from watchlists.models import (
    STEPS,
    Calibration,
    Engine,
    OperatingPoint,
    Person,
    Photograph,
    SealedTemplate,
    Template,
    Watchlist,
    WatchlistEntry,
)

COMPILE = "watchlists.compile_watchlist"


@transaction.atomic
def register_engine(identity: EngineIdentity, *, actor: Actor = INSTALLER) -> Engine:
    """The row of this engine, made when it is new."""
    engine, is_new = Engine.objects.get_or_create(
        model=identity.model,
        digest=identity.digest,
        preprocessing=identity.preprocessing,
        second_digest=identity.second_digest,
        defaults={
            "dimension": identity.dimension,
            "second_model": identity.second_model,
            "second_dimension": identity.second_dimension,
        },
    )
    if is_new:
        data = {"digest": identity.digest, "second_digest": identity.second_digest}
        record(Action.ENGINE_REGISTERED, actor=actor, target=engine, data=data)
    return engine


def current_engine() -> Engine:
    """The row of the engine whose weights are staged here."""
    identity = running_identity()
    return Engine.objects.get(
        model=identity.model,
        digest=identity.digest,
        preprocessing=identity.preprocessing,
        second_digest=identity.second_digest,
    )


@transaction.atomic
def add_calibration(engine: Engine, measurement: Measurement, *, actor: Actor = INSTALLER) -> Calibration:
    """Keep a measurement of an engine."""
    calibration = Calibration.objects.create(
        engine=engine,
        dataset=measurement.dataset,
        dataset_digest=measurement.dataset_sha256,
        measured_on=measurement.measured_on,
        scores=measurement.scores.to_json(),
    )
    data = {"dataset": measurement.dataset, "dataset_sha256": measurement.dataset_sha256, "engine": engine.digest}
    record(Action.CALIBRATION_ADDED, actor=actor, target=calibration, data=data)
    return calibration


@transaction.atomic
def set_operating_point(
    engine: Engine,
    threshold: float,
    basis: str,
    *,
    calibration: Calibration | None = None,
    actor: Actor = INSTALLER,
) -> OperatingPoint:
    """A new threshold for an engine, with the measurement it rests on."""
    point = OperatingPoint.objects.create(engine=engine, threshold=threshold, basis=basis, calibration=calibration)
    data = {"threshold": f"{threshold:.4f}", "basis": basis}
    record(Action.OPERATING_POINT_SET, actor=actor, target=point, data=data)
    return point


def set_calibrated_point(
    calibration: Calibration, chosen: recognition.calibration.Threshold, *, actor: Actor = INSTALLER
) -> OperatingPoint:
    """The threshold that a calibration gives for a wanted rate."""
    measured = calibration.measured
    basis = (
        f"{calibration.dataset}: {measured.gallery:,} people enrolled, {len(measured.own):,} other photographs of "
        f"them, {len(measured.strangers):,} strangers, one photograph against one. For a list of "
        f"{chosen.list_size:,} at {chosen.value:.3f}: {chosen.fpir.value:.2%} of strangers above it "
        f"({chosen.fpir.low:.2%} to {chosen.fpir.high:.2%}), {chosen.tpir.value:.1%} of people found "
        f"({chosen.tpir.low:.1%} to {chosen.tpir.high:.1%})."
    )
    # Rounded up: what is shown is what holds, and never stops more strangers than was asked for.
    threshold = math.ceil(chosen.value * 1000) / 1000
    return set_operating_point(calibration.engine, threshold, basis, calibration=calibration, actor=actor)


@transaction.atomic
def keep_templates(read: Sequence[tuple[Photograph, recognition.engine.Template]], *, actor: Actor = INSTALLER) -> None:
    """What the present engine made of photographs that another one had read."""
    if not read:
        return
    engine = current_engine()
    for photograph, template in read:
        _keep_template(photograph, engine, template)
    data: dict[str, str | int | bool | None] = {"photographs": len(read), "engine": engine.digest}
    record(Action.PHOTOGRAPHS_READ_AGAIN, actor=actor, target=engine, data=data)


@transaction.atomic
def add_person(
    *,
    actor: AbstractBaseUser,
    reference: str,
    name: str,
    category: str,
    reason: str,
    enrolment: Enrolment,
    watchlist: Watchlist | None = None,
) -> Person:
    """Keep a person with a photograph and its template, and put them on a list when one is named.

    Raises:
        Refused: the reference is taken, or the list can no longer be edited.
    """
    require(actor, COMPILE)
    # Rows are locked before the journal, everywhere, so that no two acts wait for each other.
    if watchlist is not None:
        _lock_draft(watchlist)
    taken = Refused(f"Somebody with the reference {reference} is held already.")
    if Person.objects.filter(reference=reference).exists():
        raise taken
    try:
        with transaction.atomic():
            person = Person.objects.create(
                reference=reference, name=name, category=category, reason=reason, added_by_id=actor.pk
            )
    except IntegrityError as error:
        raise taken from error
    photograph = Photograph.objects.create(
        person=person,
        jpeg=enrolment.jpeg,
        sha256=enrolment.sha256,
        width=enrolment.width,
        height=enrolment.height,
        face_box=enrolment.face_box,
        added_by_id=actor.pk,
    )
    engine = current_engine()
    _keep_template(photograph, engine, enrolment.template)
    data = {"category": category, "photograph": str(photograph.id), "sha256": enrolment.sha256}
    record(Action.PERSON_ADDED, actor=actor, target=person, data=data)
    if watchlist is not None:
        add_to_watchlist(watchlist, person, actor=actor)
    return person


@transaction.atomic
def create_watchlist(*, actor: AbstractBaseUser, name: str, purpose: str) -> Watchlist:
    """An empty draft."""
    require(actor, COMPILE)
    watchlist = Watchlist.objects.create(name=name, purpose=purpose, created_by_id=actor.pk)
    record(Action.WATCHLIST_CREATED, actor=actor, target=watchlist)
    return watchlist


@transaction.atomic
def add_to_watchlist(watchlist: Watchlist, person: Person, *, actor: AbstractBaseUser) -> WatchlistEntry:
    """Put a person on a draft list.

    Raises:
        Conflict: the list is no draft any more, or they are on it already.
    """
    require(actor, COMPILE)
    _lock_draft(watchlist)
    entry, is_new = WatchlistEntry.objects.get_or_create(
        watchlist=watchlist, person=person, defaults={"added_by_id": actor.pk}
    )
    if not is_new:
        raise Conflict(f"{person.name} is on this list already.")
    _recount(watchlist)
    record(Action.WATCHLIST_ENTRY_ADDED, actor=actor, target=watchlist, data={"person": str(person.id)})
    return entry


@transaction.atomic
def remove_from_watchlist(entry: WatchlistEntry, *, actor: AbstractBaseUser) -> None:
    """Take a person off a draft list; who is then on no list at all is destroyed.

    Raises:
        Conflict: the list is no draft any more.
    """
    require(actor, COMPILE)
    watchlist, person = entry.watchlist, entry.person
    _lock_draft(watchlist)
    entry.delete()
    _recount(watchlist)
    record(Action.WATCHLIST_ENTRY_REMOVED, actor=actor, target=watchlist, data={"person": str(person.pk)})
    if not person.entries.exists():
        destroyed = Person(pk=person.pk)
        person.delete()
        record(Action.PERSON_DESTROYED, actor=actor, target=destroyed)


@transaction.atomic
def compile_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser) -> None:
    """Submit a draft for approval.

    Raises:
        Refused: it is empty. Conflict: it is no draft.
    """
    if not watchlist.entries.exists():
        raise Refused("An empty list cannot be submitted: put at least one person on it.")
    refuse_names(watchlist, watchlist.name, watchlist.purpose)
    move(watchlist, STEPS["compile"], actor=actor, changes={"compiled_by": actor}, data={"people": watchlist.size})


@transaction.atomic
def return_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser, reason: str) -> None:
    """Send a submitted list back to its compiler."""
    refuse_names(watchlist, reason)
    move(watchlist, STEPS["return"], actor=actor, changes={"decision_reason": reason}, data={"reason": reason})


@transaction.atomic
def authorise_watchlist(watchlist: Watchlist, *, actor: AbstractBaseUser, reason: str) -> None:
    """Approve a submitted list and seal it: what was approved is what cameras will be compared with.

    Raises:
        Refused: the approver compiled it. Conflict: it is not awaiting approval.
    """
    if actor.pk in (watchlist.compiled_by_id, watchlist.created_by_id):
        raise Refused("Who compiled a list may not approve it: another authorising officer must.")
    refuse_names(watchlist, reason)
    changes = {"authorised_by": actor, "decision_reason": reason}
    move(watchlist, STEPS["authorise"], actor=actor, changes=changes, data={"reason": reason, "people": watchlist.size})
    _seal(watchlist, actor=actor)


def go_live(watchlist: Watchlist, *, actor: Actor) -> None:
    """Told by a deployment that starts."""
    move(watchlist, STEPS["go_live"], actor=actor)


def close(watchlist: Watchlist, *, actor: Actor, ended_at: dt.datetime) -> None:
    """Told by a deployment that ended: from now the clock runs towards destruction."""
    due = ended_at + settings.LFR_WATCHLIST_RETENTION
    move(
        watchlist,
        STEPS["close"],
        actor=actor,
        changes={"destroy_due_at": due},
        data={"destroy_due_at": due.isoformat()},
    )


def refuse_names(watchlist: Watchlist, *texts: str) -> None:
    """Keep the people of a list out of what outlives it.

    Raises:
        Refused: a text that the journal will keep holds the name or reference of somebody on the list.
    """
    for name, reference in Person.objects.filter(entries__watchlist=watchlist).values_list("name", "reference"):
        if any(particular.lower() in text.lower() for particular in (name, reference) for text in texts):
            raise Refused(
                "This text names somebody on the list, and it is kept for ever in the journal. Say it without the name."
            )


def expire_stale(*, at: dt.datetime | None = None) -> int:
    """Close every sealed list that did not go live within a day of its sealing; returns how many."""
    stale = Watchlist.objects.stale(at or timezone.now())
    count = 0
    for watchlist in stale:
        due = timezone.now()
        move(watchlist, STEPS["expire"], actor=CLOCK, changes={"destroy_due_at": due})
        count += 1
    return count


def destroy_due(*, at: dt.datetime | None = None) -> int:
    """Destroy every closed list whose time has come; returns how many."""
    count = 0
    for watchlist in Watchlist.objects.due_for_destruction(at or timezone.now()):
        destroy(watchlist)
        count += 1
    return count


@transaction.atomic
def destroy(watchlist: Watchlist) -> None:
    """Delete a closed list's templates, entries and every person on no other list, with their photographs.

    The list's own row stays, without a person in it: its name, dates, size and hash.
    """
    people = [person.pk for person in Person.objects.filter(entries__watchlist=watchlist)]
    sealed, _ = SealedTemplate.objects.filter(watchlist=watchlist).delete()
    watchlist.entries.all().delete()
    orphans = list(Person.objects.filter(pk__in=people).on_no_list())
    photographs = Photograph.objects.filter(person__in=orphans).count()
    Person.objects.filter(pk__in=[person.pk for person in orphans]).delete()
    # The journal last: its lock is everybody's, and deleting takes its time.
    for person in orphans:
        record(Action.PERSON_DESTROYED, actor=CLOCK, target=person)
    data: dict[str, str | int | bool | None] = {
        "entries": len(people),
        "people": len(orphans),
        "photographs": photographs,
        "templates": sealed,
        "sealed_hash": watchlist.sealed_hash,
    }
    move(watchlist, STEPS["destroy"], actor=CLOCK, changes={"destroyed_at": timezone.now()}, data=data)


def sealed_content_hash(watchlist: Watchlist) -> str:
    """SHA-256 over the canonical content of a sealed list: who, why, and from which photograph."""
    rows = [
        [str(person_id), reference, name, category, reason, str(photograph_id), sha256]
        for person_id, reference, name, category, reason, photograph_id, sha256 in SealedTemplate.objects.filter(
            watchlist=watchlist
        )
        .order_by("person_id", "photograph_id")
        .values_list(
            "person_id",
            "person__reference",
            "person__name",
            "person__category",
            "person__reason",
            "photograph_id",
            "photograph__sha256",
        )
    ]
    content = {"watchlist": str(watchlist.id), "purpose": watchlist.purpose, "entries": rows}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _seal(watchlist: Watchlist, *, actor: AbstractBaseUser) -> None:
    engine = current_engine()
    templates = Template.objects.filter(engine=engine, photograph__person__entries__watchlist=watchlist)
    SealedTemplate.objects.bulk_create(
        SealedTemplate(
            watchlist=watchlist,
            engine=engine,
            person_id=template.photograph.person_id,
            photograph=template.photograph,
            embedding=template.embedding,
        )
        for template in templates.select_related("photograph").defer("photograph__jpeg")
    )
    sealed_people = watchlist.sealed_templates.values("person").distinct().count()
    if sealed_people != watchlist.size:
        raise Refused(
            f"{watchlist.size - sealed_people} people on this list have no photograph that the present engine has read."
        )
    digest = sealed_content_hash(watchlist)
    changes = {"engine": engine, "sealed_at": timezone.now(), "sealed_hash": digest}
    move(watchlist, STEPS["seal"], actor=actor, changes=changes, data={"sha256": digest, "people": sealed_people})


def _keep_template(photograph: Photograph, engine: Engine, template: recognition.engine.Template) -> None:
    Template.objects.create(photograph=photograph, engine=engine, embedding=template.embedding, second=template.second)


def _lock_draft(watchlist: Watchlist) -> None:
    locked = Watchlist.objects.select_for_update().get(pk=watchlist.pk)
    if locked.state != Watchlist.State.DRAFT:
        state = locked.get_state_display().lower()
        raise Conflict(f"This list is {state}; only a draft can be changed.")


def _recount(watchlist: Watchlist) -> None:
    watchlist.size = watchlist.entries.count()
    watchlist.save(update_fields=["size"])
