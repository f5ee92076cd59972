"""Bulk import compared with the engine alone: all photographs of a face set, with invented particulars, on one list.

    python -m benchmarks.enrolment --faces DIR [--people N] [--json]

import: the running system takes a CSV and a ZIP, and reads them on every core; the import is confirmed and the people
added. Timed from submission to the last person on the list, including encryption, audit log and look-alike search.
engine: the same photographs through detection and both models, with mirror images, in one process for each core;
nothing is stored.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from benchmarks.stage import say
from benchmarks.system import running_system
from benchmarks.weights import staged
from recognition.engine import SHIPPED
from recognition.open_set import NoFaces, photographs
from recognition.reading import read_all

MOST_PHOTOGRAPHS = 10


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--people", type=int, help="Most people to import (default: all).")
    parser.add_argument("--json", action="store_true", help="Print one line.")
    options = parser.parse_args(arguments)
    try:
        people = photographs(options.faces)
    except NoFaces as error:
        raise SystemExit(str(error)) from error
    people = dict(list(people.items())[: options.people])
    print(json.dumps(measured(people), indent=None if options.json else 2))


def measured(people: dict[str, list[Path]]) -> dict[str, Any]:
    """Return the rates of both, and their ratio."""
    listed = {name: paths[:MOST_PHOTOGRAPHS] for name, paths in people.items()}
    every = [path for paths in listed.values() for path in paths]
    say(f"the engine alone: {len(every)} photographs")
    # Warm up, so that loading the models is not timed.
    read_all(staged(), SHIPPED, every[:32])
    began = time.perf_counter()
    read_all(staged(), SHIPPED, every)
    engine = len(every) / (time.perf_counter() - began)
    with tempfile.TemporaryFile() as archive, running_system() as system:
        _pack(listed, archive)
        result = _import(_table(listed), archive)
        del system
    seconds = result.pop("seconds")
    return {
        "photos": len(every),
        "people": len(listed),
        **result,
        "photos_per_second": round(len(every) / seconds, 1),
        "engine_photos_per_second": round(engine, 1),
        "ratio": round(len(every) / seconds / engine, 2),
    }


def _import(table: bytes, archive: IO[bytes]) -> dict[str, Any]:
    from lfr_site.accounts import add_user
    from watchlists import imports, operations
    from watchlists.models import Flag, Photograph
    from watchlists.tasks import hurry_imports

    user = add_user(username="benchmark", password="benchmark-only", role="Watchlist administrator")
    watchlist = operations.create_watchlist(actor=user, name="Benchmark", purpose="Measurement")
    say("importing")
    began = time.perf_counter()
    imported = imports.begin(watchlist, table, archive, actor=user)
    staged_at = time.perf_counter()
    hurry_imports()
    _until(imported, "ready")
    read_at = time.perf_counter()
    imports.confirm(imported, actor=user)
    hurry_imports()
    _until(imported, "done")
    done_at = time.perf_counter()
    reasons = Counter(
        row.message.split("”: ")[-1][:60] for row in imported.rows.filter(verdict="wrong").only("message")
    )
    return {
        "added": watchlist.people.count(),
        "failed": imported.rows.filter(verdict="wrong").count(),
        "reasons": dict(reasons.most_common(5)),
        "photos_added": Photograph.objects.filter(person__watchlist=watchlist).count(),
        "flags": dict(Counter(Flag.objects.values_list("kind", flat=True))),
        "seconds_by_step": {
            "taking in": round(staged_at - began, 1),
            "reading": round(read_at - staged_at, 1),
            "adding": round(done_at - read_at, 1),
        },
        "seconds": done_at - began,
    }


def _until(imported: Any, state: str) -> None:
    while True:
        imported.refresh_from_db()
        if imported.state == state:
            return
        time.sleep(0.1)


def _table(people: dict[str, list[Path]]) -> bytes:
    from watchlists.importfile import COLUMNS

    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(COLUMNS))
    writer.writeheader()
    for number, (name, paths) in enumerate(people.items(), start=1):
        writer.writerow(
            {
                "reference": f"B/{number:05}",
                "name": f"Invented Person {number:05}",
                "date_of_birth": f"{1950 + number % 50}-05-01",
                "category": "wanted",
                "offence": "Measurement",
                "seriousness": "serious",
                "data_subject": "suspect",
                "legal_basis": "warrant",
                "tier": "amber",
                "expected_action": "None",
                "photographs": ";".join(f"{name}/{path.name}" for path in paths),
                "source": "custody",
                "keeping": "convicted",
                "lawful_hold": "Measurement",
                "taken_on": "2026-01-01",
            }
        )
    return stream.getvalue().encode()


def _pack(people: dict[str, list[Path]], stream: IO[bytes]) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, paths in people.items():
            for path in paths:
                archive.write(path, f"{name}/{path.name}")
    stream.seek(0)


if __name__ == "__main__":
    main()
