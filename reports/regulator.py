"""The regulator's export: entries of the audit log in one ZIP, with everything needed to verify them elsewhere."""

from __future__ import annotations

import csv
import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from audit import checkpoints, log_keys
from audit.models import Checkpoint, Entry
from audit.reading import Row, expired_through, last_expiry, parts
from audit.tree import Tree
from audit.verification import last_covered
from deployments.document_parts import moment
from transparency import verifier
from transparency.verifier import COLUMNS, cells

VERIFIER = Path(verifier.__file__)


@dataclass(frozen=True)
class Exported:
    """The number of entries in an export, and the SHA-256 of its manifest's text, which identifies it."""

    rows: int
    sha256: str


def write_export(
    stream: IO[bytes], *, made_by: str, chosen: QuerySet[Entry] | None = None, selection: str = ""
) -> Exported:
    """Write an export as a ZIP. Makes a checkpoint first, so that the newest entry is covered.

    chosen: these entries only, with the hashes that show their places in the log; None: all. selection: which they are,
    in words.
    """
    newest = checkpoints.make(Checkpoint.Why.ASKED)
    if chosen is not None:
        # With the entry about entries that were destroyed, without which their absence is not explained.
        expiry = last_expiry()
        chosen = Entry.objects.filter(Q(pk__in=chosen.order_by().values("pk")) | Q(pk=expiry.pk if expiry else None))
    with tempfile.TemporaryDirectory(prefix="lfr-export-") as name:
        folder = Path(name)
        made = _write_checkpoints(folder, newest.size)
        rows, spans = _write_entries(folder, newest.size, [each.size for each in made], chosen)
        about = {
            "origin": log_keys.origin(),
            "origins": log_keys.origins(),
            "force": settings.LFR_FORCE,
            "made_at": timezone.now().isoformat(timespec="seconds"),
            "made_by": made_by,
            "size": newest.size,
            "selection": selection,
            "expired_through": expired_through(),
            "spans": spans,
        }
        (folder / "log.json").write_text(json.dumps(about), encoding="utf-8")
        (folder / "policy.txt").write_text(log_keys.policy_text(), encoding="utf-8")
        (folder / "verify.py").write_bytes(VERIFIER.read_bytes())
        (folder / "README.html").write_text(_explained(about, rows, made), encoding="utf-8")
        text = _manifest(folder)
        (folder / "manifest.txt").write_text(checkpoints.signed(text), encoding="utf-8")
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in _files(folder):
                packed.write(path, path.relative_to(folder).as_posix())
    return Exported(rows, hashlib.sha256(text.encode()).hexdigest())


def _write_checkpoints(folder: Path, size: int) -> list[Checkpoint]:
    """Write every checkpoint up to a size, and the time-stamps. A time-stamp is of the checkpoint without witnesses."""
    found = list(
        Checkpoint.objects.filter(size__lte=size).order_by("size").prefetch_related("cosignatures", "timestamp")
    )
    for part in ("checkpoints", "timestamps"):
        (folder / part).mkdir()
    for checkpoint in found:
        name = f"{checkpoint.size:012d}"
        (folder / "checkpoints" / f"{name}.txt").write_text(checkpoint.signed, encoding="utf-8")
        if hasattr(checkpoint, "timestamp"):
            (folder / "timestamps" / f"{name}.note").write_text(checkpoint.note, encoding="utf-8")
            (folder / "timestamps" / f"{name}.tsr").write_bytes(bytes(checkpoint.timestamp.response))
    return found


def _write_entries(
    folder: Path, size: int, cuts: list[int], chosen: QuerySet[Entry] | None
) -> tuple[int, list[list[int | str]]]:
    """Write the entries three times (canonical JSON, CSV, stored hashes). Return how many, and what follows what."""
    rows, spans = 0, list[list[int | str]]()
    with (
        (folder / "entries.jsonl").open("wb") as lines,
        (folder / "entries.csv").open("w", encoding="utf-8-sig", newline="") as table,
        (folder / "hashes.bin").open("wb") as hashes,
    ):
        writer = csv.writer(table)
        writer.writerow(COLUMNS)
        for part in parts(size, cuts, chosen):
            if not isinstance(part, Row):
                spans.append([part.first, part.first + (1 << part.level) - 1, part.hash.hex()])
                continue
            lines.write(part.content + b"\n")
            writer.writerow(cells(part.number, json.loads(part.content)))
            hashes.write(part.stored or bytes(32))
            rows += 1
            if spans and len(spans[-1]) == 2:
                spans[-1][1] = part.number
            else:
                spans.append([part.number, part.number])
    return rows, spans


def _explained(about: dict[str, Any], rows: int, made: list[Checkpoint]) -> str:
    covered = last_covered()
    context = {
        "about": about,
        "rows": rows,
        "made_at": moment(timezone.now()),
        "checkpoints": len(made),
        "covered": covered,
        "uncovered": covered + 1 if covered < about["size"] else None,
        "has_timestamps": any(hasattr(each, "timestamp") for each in made),
        "keys": log_keys.policy_text(),
    }
    return render_to_string("reports/export.html", context)


def _manifest(folder: Path) -> str:
    lines = [f"{_sha256(path)}  {path.relative_to(folder).as_posix()}" for path in _files(folder)]
    return "\n".join([f"{log_keys.origin()} export", *lines, ""])


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def proof_of(entry: Entry) -> str:
    """Return the proof that a numbered entry is in the log (tlog-proof), under the first checkpoint that covers it."""
    number = entry.number or 0
    covering = Checkpoint.objects.filter(size__gte=number).prefetch_related("cosignatures").order_by("size")
    # A countersigned one, if there is any: it shows more.
    checkpoint = (
        covering.exclude(cosignatures=None).first() or covering.first() or checkpoints.make(Checkpoint.Why.ASKED)
    )
    extra = verifier.encoded(entry.canonical())
    hashes = [verifier.encoded(each) for each in Tree().inclusion(number - 1, checkpoint.size)]
    return "\n".join([verifier.PROOF, f"extra {extra}", f"index {number - 1}", *hashes, "", checkpoint.signed])


def extension_of(old: Checkpoint, new: Checkpoint) -> str:
    """Return the proof that a checkpoint extends an earlier one, as a witness is asked (tlog-witness)."""
    hashes = [verifier.encoded(each) for each in Tree().consistency(old.size, new.size)]
    return "\n".join([f"old {old.size}", *hashes, "", new.signed])
