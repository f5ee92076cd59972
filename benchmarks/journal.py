"""The audit log with many entries: appending with one writer and with eight, verifying, and proving.

    python -m benchmarks.journal --rows 1000000 --json

Starts a database of its own. `append_1` and `append_8` are entries a second, one transaction each, while another
process gives the numbers, as in operation. The baseline, `chained_1` and `chained_8`, is the same with each writer
holding one lock until its commit, as a chain of entries needs. `linear` is the time for verifying all rows, divided by
that for verifying half of them; 2 is linear.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHAIN_LOCK = 0x4C4652_99
BATCH = 5000


def _django(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    os.environ.setdefault("LFR_ENV", "demo")
    os.environ["LFR_DATABASE_CONNECTION_SECONDS"] = "3600"
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lfr_site.settings")
    django.setup()


def _append(url: str, seconds: float, is_chained: bool, begin: Any, counts: Any) -> None:
    """Write entries for some seconds, and put how many into the queue."""
    _django(url)
    from django.contrib.contenttypes.models import ContentType
    from django.db import connection, transaction

    from audit.actions import Action
    from audit.journal import record
    from core.actors import CLOCK

    target = ContentType.objects.first()
    assert target is not None
    begin.wait()
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        with transaction.atomic():
            if is_chained:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
            record(Action.ALERT_VIEWED, actor=CLOCK, target=target, data={"deployment": "x" * 36})
        count += 1
    counts.put(count)


def _number(url: str, stop: Any) -> None:
    _django(url)
    from audit.journal import number_waiting

    while not stop.wait(2.0):
        number_waiting()


def append_rate(url: str, writers: int, seconds: float, *, is_chained: bool) -> float:
    """Return entries a second with so many writers, each a process."""
    context = multiprocessing.get_context("spawn")
    begin, stop, counts = context.Barrier(writers + 1), context.Event(), context.Queue()
    numbering = context.Process(target=_number, args=(url, stop))
    processes = [
        context.Process(target=_append, args=(url, seconds, is_chained, begin, counts)) for _ in range(writers)
    ]
    for process in (numbering, *processes):
        process.start()
    begin.wait()
    total = sum(counts.get() for _ in processes)
    stop.set()
    for process in (numbering, *processes):
        process.join()
    return float(total / seconds)


def _fill(rows: int) -> float:
    """Append entries in bulk and number them until there are so many; return entries numbered a second."""
    from audit.actions import Action
    from audit.journal import number_waiting
    from audit.models import Entry
    from audit.verbs import verb_of

    now = dt.datetime.now(dt.UTC)
    numbered, spent = 0, 0.0
    while (have := Entry.objects.count()) < rows:
        made = [
            Entry(
                at=now,
                action=Action.ALERT_VIEWED,
                verb=verb_of(Action.ALERT_VIEWED),
                actor_id=str(each % 50),
                actor=f"user{each % 50}",
                roles=["LFR operator"],
                target_type="alerts.alert",
                target_id=f"{each:036d}",
                target=f"alert {each:08d}",
                data={"deployment": f"{each % 200:036d}"},
            )
            for each in range(have, min(rows, have + BATCH))
        ]
        Entry.objects.bulk_create(made)
        start = time.perf_counter()
        numbered += number_waiting()
        spent += time.perf_counter() - start
    return numbered / spent if spent else 0.0


def _timed(act: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = act()
    return time.perf_counter() - start, found


def _proofs(size: int) -> float:
    """Return the milliseconds for the proof of one entry, median of 200 places."""
    from audit.tree import Tree

    taken = []
    for each in range(0, size, max(1, size // 200)):
        start = time.perf_counter()
        Tree().inclusion(each, size)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1000


def measure(rows: int, seconds: float) -> dict[str, float | int | bool]:
    with tempfile.TemporaryDirectory(prefix="lfr-journal-") as name:
        os.environ["LFR_DATA"] = name
        os.environ["LFR_KEYS"] = str(Path(name) / "keys")
        from lfr_site import services

        postgres = services.Postgres(Path(name), Path(name) / "postgres.log")
        postgres.start()
        try:
            return _measured(services.database_url(Path(name)), rows, seconds)
        finally:
            postgres.stop()


def _measured(url: str, rows: int, seconds: float) -> dict[str, float | int | bool]:
    _django(url)
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", interactive=False, verbosity=0)
    from audit import checkpoints, log_keys
    from audit.models import Checkpoint
    from audit.verification import verify

    log_keys.prepare()
    rates = {}
    for name, is_chained in (("append", False), ("chained", True)):
        for writers in (1, 8):
            rates[f"{name}_{writers}"] = round(append_rate(url, writers, seconds, is_chained=is_chained), 1)
    _fill(rows // 2)
    checkpoints.make(Checkpoint.Why.DAILY)
    half_s, half = _timed(verify)
    numbered = _fill(rows)
    checkpoint_s, last = _timed(lambda: checkpoints.make(Checkpoint.Why.DAILY))
    verify_s, found = _timed(verify)
    connection.close()
    return {
        **rates,
        "rows": found.rows,
        "numbered_a_second": round(numbered, 1),
        "checkpoint_ms": round(checkpoint_s * 1000, 1),
        "verify_s": round(verify_s, 2),
        "intact": found.is_intact and half.is_intact,
        "proof_ms": round(_proofs(last.size), 2),
        "linear": round(verify_s / half_s * half.rows * 2 / found.rows, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each append rate")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.rows, given.seconds)
    print(json.dumps(found) if given.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
