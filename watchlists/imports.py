"""Operations of a bulk import: store the uploaded files, read them, add the people.

begin    stores every line, and its photographs encrypted with the list's key, in one transaction
read     reads photographs on every core and stores them in batches: what would happen to each line, and why
confirm  a person decides
add      adds people in batches, each one transaction with its audit log entries: a refused line stops no other
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Count, F, Prefetch
from django.utils import timezone

import recognition.engine
from audit.actions import Action
from audit.journal import record
from core import keys
from core.actors import CLOCK
from core.errors import Conflict, Refused
from core.locks import Turn, lock
from core.machine import move
from core.permissions import require
from recognition.enrolment import Enrolment
from recognition.reading import enrolling
from watchlists import bulk, engines, people
from watchlists.contributions import Kind, note_contribution
from watchlists.engine import choice
from watchlists.import_endings import forget, give_up
from watchlists.importfile import BadFile, Line, PhotographArchive, forms_of, lines_of
from watchlists.likeness import Crowd
from watchlists.models import IMPORT_STEPS, Import, ImportPhotograph, ImportRow, Watchlist
from watchlists.permissions import COMPILE_WATCHLIST

logger = logging.getLogger(__name__)

Verdict = ImportRow.Verdict
# Photographs in memory at once, and lines added in one transaction.
AHEAD, BATCH = 32, 50
# Failures in a row after which an import is cancelled. HOPELESS: errors that cancel it at once.
PATIENCE = 3
HOPELESS = (PermissionDenied, keys.KeyGone, Conflict)
WHY: dict[type[Exception], str] = {
    PermissionDenied: "The person who uploaded this import can no longer add people. Ask another person to upload it.",
    keys.KeyGone: "The list's key is missing, so the uploaded photographs cannot be opened.",
}


@dataclass(frozen=True)
class Progress:
    """Progress of an import. photographs: in all; read: those read; by_verdict: how many lines have each verdict."""

    photographs: int
    read: int
    lines: int
    by_verdict: dict[str, int]

    @property
    def share(self) -> int:
        """Return the percentage done of the work in the present state."""
        added = self.by_verdict.get(Verdict.ADDED, 0)
        if added:
            able = self.lines - self.by_verdict.get(Verdict.WRONG, 0)
            return 100 * added // max(able, 1)
        return 100 * self.read // max(self.photographs, 1)


def begin(watchlist: Watchlist, table: bytes, archive: IO[bytes], *, actor: AbstractBaseUser) -> Import:
    """Store the contents of both files. Nobody is added to the list yet.

    Raises:
        Refused: a file cannot be used, and nothing was stored. Conflict: the list can no longer be edited.
    """
    require(actor, COMPILE_WATCHLIST)
    try:
        lines, photographs = lines_of(table), PhotographArchive(archive)
    except BadFile as error:
        raise Refused(str(error)) from error
    with transaction.atomic():
        people.lock_editable(watchlist)
        if watchlist.imports.filter(state__in=("reading", "ready", "importing")).exists():
            raise Refused("Another import to this list has not finished. Wait for it to finish, or cancel it.")
        keys.create(watchlist.key_name)
        new = Import.objects.create(watchlist=watchlist, engine=engines.current_engine(), created_by_id=actor.pk)
        used: set[str] = set()
        for line in lines:
            _stage(new, line, photographs, used)
        new.unused = photographs.unused(used)
        new.save(update_fields=["unused"])
        note_contribution(watchlist, Kind.IMPORTED, actor=actor)
        data: dict[str, str | int | bool | None] = {
            "watchlist": str(watchlist.pk),
            "lines": len(lines),
            "photographs": len(used),
        }
        record(Action.IMPORT_BEGUN, actor=actor, target=new, data=data)
    return new


def _stage(new: Import, line: Line, archive: PhotographArchive, used: set[str]) -> None:
    problems = [line.problem] if line.problem else []
    found: list[tuple[str, bytes]] = []
    for name in line.photographs:
        path, problem = archive.find(name)
        if path and path in used:
            problem = f"“{name}” is already the photograph of another line."
        if not problem:
            used.add(path)
            try:
                found.append((name, archive.read(path)))
            except BadFile as error:
                problem = str(error)
        if problem:
            problems.append(problem)
    # A line with an error of its own, or no photograph, is final; a line that lacks only some goes on.
    wrong = bool(line.problem) or not found
    row = ImportRow.objects.create(
        of=new,
        line=line.number,
        reference=line.reference,
        values=line.values,
        verdict=Verdict.WRONG if wrong else Verdict.PENDING,
        message=" ".join(problems),
    )
    if not wrong:
        ImportPhotograph.objects.bulk_create(
            ImportPhotograph(
                row=row,
                name=name[:300],
                encrypted=keys.encrypted(new.watchlist.key_name, data),
                sha256=hashlib.sha256(data).hexdigest(),
            )
            for name, data in found
        )


def progress_of(imported: Import) -> Progress:
    photographs = ImportPhotograph.objects.filter(row__of=imported)
    verdicts = dict(imported.rows.order_by().values_list("verdict").annotate(Count("pk")))
    return Progress(photographs.count(), photographs.filter(is_read=True).count(), sum(verdicts.values()), verdicts)


@transaction.atomic
def confirm(imported: Import, *, actor: AbstractBaseUser) -> None:
    """Start adding the lines that can be added."""
    people.lock_editable(imported.watchlist)
    able = imported.rows.filter(verdict__in=(Verdict.GOOD, Verdict.WARN)).count()
    if imported.state == Import.State.READY and not able:
        raise Refused("No line of this file can be imported. Correct the file and upload it again.")
    note_contribution(imported.watchlist, Kind.IMPORTED, actor=actor)
    move(imported, IMPORT_STEPS["confirm"], actor=actor, data={"lines": able})


@transaction.atomic
def cancel(imported: Import, *, actor: AbstractBaseUser) -> None:
    """Cancel an import. The uploaded data is deleted; people already added stay on the list."""
    note_contribution(imported.watchlist, Kind.IMPORT_CANCELLED, actor=actor)
    move(imported, IMPORT_STEPS["cancel"], actor=actor, changes={"finished_at": timezone.now()})
    forget(imported)


@contextlib.contextmanager
def working() -> Iterator[bool]:
    """Yield whether this process may work on imports. One process may at a time.

    If the connection closes, the database releases the lock.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [Turn.IMPORTS])
        may = bool(cursor.fetchone()[0])
    try:
        yield may
    finally:
        if may:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [Turn.IMPORTS])


def work() -> int:
    """Read or add every waiting import, resuming interrupted ones. Returns how many ran without an error."""
    with working() as may:
        if not may:
            return 0
        waiting = list(Import.objects.filter(state__in=("reading", "importing")).order_by("failures", "created_at"))
        return sum(_work_on(imported) for imported in waiting)


def _work_on(imported: Import) -> bool:
    """Work on one import. An error stops no other import; one that fails repeatedly is cancelled."""
    try:
        read(imported) if imported.state == Import.State.READING else add(imported)
    except Exception as error:
        # No traceback: it could contain the data that was being read.
        logger.error("Work on %s failed: %s", imported, type(error).__name__)
        _count_failure(imported, error)
        return False
    return True


@transaction.atomic
def _count_failure(imported: Import, error: Exception) -> None:
    Import.objects.filter(pk=imported.pk).update(failures=F("failures") + 1)
    imported.refresh_from_db()
    if not imported.is_open or (imported.failures < PATIENCE and not isinstance(error, HOPELESS)):
        return
    why = WHY.get(type(error), "This import failed repeatedly and was cancelled. Upload it again.")
    give_up(imported, why, type(error).__name__)


def read(imported: Import) -> None:
    """Read every photograph not read yet, then decide what would happen to each line."""
    unread = list(
        ImportPhotograph.objects.filter(row__of=imported, is_read=False)
        .order_by("row__line", "pk")
        .values_list("pk", flat=True)
    )
    readings = enrolling(
        settings.DEEPFACE_HOME, choice(), settings.LFR_PHOTOGRAPH_LIMITS, _pictures(imported, unread), AHEAD
    )
    batch: list[ImportPhotograph] = []
    for pk, reading in zip(unread, readings, strict=True):
        batch.append(_read(imported, pk, reading))
        if len(batch) == BATCH:
            if not _keep(imported, batch):
                readings.close()  # type: ignore[attr-defined]
                return
            batch = []
    if not _keep(imported, batch):
        return
    with transaction.atomic():
        _judge(imported)
        counts = progress_of(imported).by_verdict
        data: dict[str, Any] = {verdict: counts.get(verdict, 0) for verdict in ("good", "warn", "wrong")}
        move(imported, IMPORT_STEPS["read"], actor=CLOCK, data=data)


def _pictures(imported: Import, ids: Sequence[int]) -> Iterator[bytes]:
    name = imported.watchlist.key_name
    for start in range(0, len(ids), BATCH):
        staged = ImportPhotograph.objects.in_bulk(ids[start : start + BATCH])
        for pk in ids[start : start + BATCH]:
            # If the import was cancelled meanwhile, an empty picture stands in: it is refused and not stored.
            yield keys.decrypted(name, bytes(staged[pk].encrypted), staged[pk].sha256) if pk in staged else b""


def _read(imported: Import, pk: int, reading: Enrolment | str) -> ImportPhotograph:
    staged = ImportPhotograph(pk=pk, is_read=True)
    if isinstance(reading, str):
        staged.problem = reading[:400]
        staged.encrypted = b""
        return staged
    staged.encrypted = keys.encrypted(imported.watchlist.key_name, reading.jpeg)
    staged.sha256 = reading.sha256
    staged.reading = {
        "width": reading.width,
        "height": reading.height,
        "face_box": reading.face_box,
        "landmarks": reading.landmarks,
        "report": reading.quality_json["measures"],
    }
    staged.embedding, staged.second = reading.template.embedding, reading.template.second
    if reading.is_blocked:
        staged.problem = "Too poor to use: " + " ".join(reading.problems)[:360]
    return staged


@transaction.atomic
def _keep(imported: Import, batch: list[ImportPhotograph]) -> bool:
    """Store what was read. Returns False if the import was cancelled meanwhile."""
    state = lock(Import.objects.only("state"), imported.pk).state
    if state != Import.State.READING:
        return False
    for staged in batch:
        names = ["is_read", "encrypted", "problem"]
        if staged.embedding is not None:
            names += ["sha256", "reading", "embedding", "second"]
        staged.save(update_fields=names)
    return True


def _judge(imported: Import) -> None:
    """Decide what would happen to each line that has no error of its own."""
    present = set(imported.watchlist.people.values_list("reference", flat=True))
    changed = []
    for row in imported.rows.filter(verdict=Verdict.PENDING).prefetch_related(_without_pictures()):
        photographs = list(row.photographs.all())
        problems = [f"“{each.name}”: {each.problem}" for each in photographs if each.problem]
        advice = [
            f"“{each.name}”: {measure['advice']}"
            for each in photographs
            if not each.problem
            for measure in (each.reading or {})["report"]
            if measure["level"] == "warn"
        ]
        if all(each.problem for each in photographs):
            row.verdict = Verdict.WRONG
        elif row.reference in present:
            row.verdict, problems = Verdict.WRONG, ["A person with this reference is already on the list."]
        else:
            row.verdict = Verdict.WARN if problems or advice or row.message else Verdict.GOOD
        row.message = " ".join([row.message, *problems, *advice]).strip()
        changed.append(row)
    ImportRow.objects.bulk_update(changed, ["verdict", "message"], batch_size=500)


def _without_pictures() -> Any:
    return Prefetch("photographs", queryset=ImportPhotograph.objects.defer("encrypted", "embedding", "second"))


def add(imported: Import) -> None:
    """Add every person whose line can be added, batch by batch."""
    try:
        crowd = Crowd(engines.current_engine())
        if imported.engine != engines.current_engine():
            raise Refused("The recognition engine has changed since this file was read. Upload it again.")
        while True:
            ids = list(
                imported.rows.filter(verdict__in=(Verdict.GOOD, Verdict.WARN)).values_list("pk", flat=True)[:BATCH]
            )
            if not ids:
                break
            if not _add_batch(imported, ids, crowd):
                return
    except Refused as refusal:
        # The list was submitted, or the engine changed, during the import: people already added stay on the list.
        imported.rows.filter(verdict__in=(Verdict.GOOD, Verdict.WARN)).update(
            verdict=Verdict.WRONG, message=str(refusal)
        )
    with transaction.atomic():
        counts = progress_of(imported).by_verdict
        data: dict[str, Any] = {"added": counts.get(Verdict.ADDED, 0), "wrong": counts.get(Verdict.WRONG, 0)}
        move(imported, IMPORT_STEPS["finish"], actor=CLOCK, changes={"finished_at": timezone.now()}, data=data)
        forget(imported)


@transaction.atomic
def _add_batch(imported: Import, ids: Sequence[int], crowd: Crowd) -> bool:
    state = lock(Import.objects.only("state"), imported.pk).state
    if state != Import.State.IMPORTING:
        return False
    able = imported.rows.filter(pk__in=ids, verdict__in=(Verdict.GOOD, Verdict.WARN))
    rows = list(able.prefetch_related("photographs"))
    entries = [bulk.NewEntry(row, particulars, taken) for row in rows for particulars, taken in [_entry(row)]]
    bulk.add_many(imported.watchlist, entries, crowd, actor=imported.created_by)
    ImportRow.objects.bulk_update(rows, ["verdict", "message"])
    return True


def _entry(row: ImportRow) -> tuple[dict[str, Any], list[bulk.Taken]]:
    person, provenance = forms_of(row.values)
    person.is_valid()
    provenance.is_valid()
    taken = []
    for staged in row.photographs.all():
        if staged.problem or staged.embedding is None or staged.reading is None:
            continue
        second = None if staged.second is None else np.asarray(staged.second, np.float32)
        template = recognition.engine.Template(np.asarray(staged.embedding, np.float32), second)
        taken.append(
            bulk.Taken(bytes(staged.encrypted), staged.sha256, staged.reading, template, provenance.provenance)
        )
    return person.particulars(), taken
