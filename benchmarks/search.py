"""Search of a sealed list: exact search by pgvector, compared with a numpy product and an approximate index.

    python -m benchmarks.search [--sizes 1000,10000,20000,100000] [--probes 200] [--json]

All lists are in one table, which is filled up to at least 100,000 templates, as after a month of deployments. The
templates are random unit vectors whose components decrease like those of a face model. Half of the probes are noisy
templates of people on the list, half are strangers. The database is started for this run and deleted afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lfr_site import services

Vectors = npt.NDArray[np.float32]

DIMENSION = 128
LEAST_IN_TABLE = 100_000
# Noise of a probe, relative to the length of its template.
NOISE = 0.8


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    data = Path(tempfile.mkdtemp(prefix="lfr-benchmark-"))
    data.chmod(0o711)
    os.environ.update(LFR_ENV="demo", LFR_DATA=str(data), DJANGO_SETTINGS_MODULE="lfr_site.settings")
    postgres = services.Postgres(data, data / "postgres.log")
    try:
        postgres.start()
        result = measure(sorted(options.sizes), options.probes)
    finally:
        postgres.stop()
        services.forget(data)
    print(json.dumps(result, indent=None if options.json else 2))


def measure(sizes: Sequence[int], probes: int) -> dict[str, Any]:
    """Return one row for each size."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from django.db import connection

    chance = np.random.default_rng(1)
    total = max(LEAST_IN_TABLE, sum(sizes))
    lists = {size: _vectors(chance, size) for size in sizes}
    if filler := total - sum(sizes):
        lists[-filler] = _vectors(chance, filler)
    _say(f"filling a table of {total:,} templates")
    ids = {size: _fill(vectors) for size, vectors in lists.items()}
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE watchlists_sealedtemplate")
        _say("building an HNSW index on a copy of the table")
        began = time.monotonic()
        cursor.execute(
            "CREATE TABLE indexed AS SELECT watchlist_id, photograph_id, embedding FROM watchlists_sealedtemplate"
        )
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute("CREATE INDEX ON indexed USING hnsw ((embedding::vector(128)) vector_cosine_ops)")
        cursor.execute("VACUUM ANALYZE indexed")
        cursor.execute("SET hnsw.iterative_scan = relaxed_order")
        built = time.monotonic() - began
    rows = [_row(size, lists[size], ids[size], probes, chance) for size in sizes]
    return {"table": total, "dimension": DIMENSION, "hnsw_build_s": round(built), "sizes": rows}


def _row(size: int, listed: Vectors, ids: tuple[Any, int], count: int, chance: np.random.Generator) -> dict[str, Any]:
    from watchlists.gallery import SealedLists

    watchlist, engine = ids
    probes = _probes(chance, listed, count)
    sealed = SealedLists((watchlist,), engine)
    exact, exact_ms = _timed(lambda probe: sealed.nearest([probe])[0][0].score, probes)
    product, product_ms = _timed(lambda probe: float((listed @ probe).max()), probes)
    approximate, hnsw_ms = _timed(lambda probe: _hnsw(watchlist, probe), probes)
    assert np.allclose(exact, product, atol=1e-4)
    recall = float(np.mean(np.abs(np.array(approximate) - np.array(exact)) < 1e-4))
    _say(f"{size:,}: pgvector p95 {exact_ms['p95']} ms, numpy {product_ms['p95']} ms, HNSW recall {recall:.2f}")
    return {
        "list": size,
        "pgvector_ms": exact_ms,
        "numpy_ms": product_ms,
        "hnsw_ms": hnsw_ms,
        "hnsw_recall": round(recall, 3),
        "ratios": {
            "pgvector_to_numpy": round(exact_ms["p50"] / product_ms["p50"], 1),
            "pgvector_to_hnsw": round(exact_ms["p50"] / hnsw_ms["p50"], 2),
        },
    }


def _hnsw(watchlist: Any, probe: Vectors) -> float:
    """Return the best score from the index with the watchlist filter, by pgvector's iterative scan."""
    from django.db import connection
    from pgvector import Vector

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 - (embedding::vector(128) <=> %(probe)s::vector) FROM indexed WHERE watchlist_id = %(list)s "
            "ORDER BY embedding::vector(128) <=> %(probe)s::vector LIMIT 12",
            {"probe": Vector(probe).to_text(), "list": watchlist},
        )
        return max((score for (score,) in cursor.fetchall()), default=-1.0)


def _vectors(chance: np.random.Generator, count: int) -> Vectors:
    spread = np.arange(1, DIMENSION + 1) ** -0.35
    return _unit(chance.normal(size=(count, DIMENSION)) * spread)


def _probes(chance: np.random.Generator, listed: Vectors, count: int) -> Vectors:
    mated = listed[chance.integers(0, len(listed), count // 2)]
    noise = chance.normal(size=mated.shape) / np.sqrt(DIMENSION) * NOISE
    return np.concatenate([_unit(mated + noise), _vectors(chance, count - len(mated))])


def _unit(vectors: npt.NDArray[Any]) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _timed(search: Callable[[Vectors], float], probes: Vectors) -> tuple[list[float], dict[str, float]]:
    for probe in probes[:10]:
        search(probe)
    answers, spent = [], []
    for probe in probes:
        began = time.perf_counter()
        answers.append(search(probe))
        spent.append((time.perf_counter() - began) * 1000)
    return answers, {f"p{each}": round(float(np.percentile(spent, each)), 3) for each in (50, 95)}


def _fill(vectors: Vectors) -> tuple[Any, int]:
    """Create a sealed watchlist with one person for each template; return its id and its engine's."""
    import uuid

    from django.db import connection, transaction
    from pgvector import Vector

    from lfr_site.models import User
    from watchlists.models import Engine, Watchlist

    user, _ = User.objects.get_or_create(username="benchmark")
    engine, _ = Engine.objects.get_or_create(
        model="random", digest="", preprocessing="", second_digest="", dimension=DIMENSION, second_dimension=DIMENSION
    )
    watchlist = Watchlist.objects.create(
        name="Benchmark", purpose="", created_by=user, engine=engine, state="sealed", policy="none"
    )
    people = [uuid.uuid4() for _ in vectors]
    with transaction.atomic(), connection.cursor() as cursor:
        with cursor.copy(
            "COPY watchlists_person (id, watchlist_id, reference, name, age, category, offence, seriousness,"
            " data_subject, legal_basis, authority,"
            " tier, expected_action, markers, look_alikes, rationale, minor_rationale, revision, added_by_id, added_at,"
            " current_source)"
            " FROM STDIN"
        ) as copy:
            for person in people:
                words = ("", "adult", "wanted", "", "serious", "suspect", "warrant", "", "amber", "", "{}", "", "", "")
                copy.write_row((person, watchlist.pk, str(person), *words, 1, user.pk, "2026-01-01", ""))
        with cursor.copy(
            "COPY watchlists_photograph (id, person_id, encrypted, key_name, sha256, width, height, face_box, source,"
            " keeping, lawful_hold, confirmed_by, confirmed_at, quality, added_by_id, added_at) FROM STDIN"
        ) as copy:
            for person in people:
                row = (b"", "", "", 0, 0, "[]", "custody", "convicted", "", "", None, "{}")
                copy.write_row((person, person, *row, user.pk, "2026-01-01"))
        with cursor.copy(
            "COPY watchlists_sealedtemplate (watchlist_id, engine_id, person_id, photograph_id, embedding) FROM STDIN"
        ) as copy:
            for person, vector in zip(people, vectors, strict=True):
                copy.write_row((watchlist.pk, engine.pk, person, person, Vector(vector).to_text()))
    return watchlist.pk, engine.pk


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=_sizes, default=[1000, 10_000, 20_000, 100_000], help="Comma-separated.")
    parser.add_argument("--probes", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="Print one line.")
    return parser.parse_args(arguments)


def _sizes(text: str) -> list[int]:
    sizes = [int(part) for part in text.split(",")]
    if not all(20 <= size <= 1_000_000 for size in sizes):
        raise argparse.ArgumentTypeError("sizes must be between 20 and 1,000,000")
    return sizes


def _say(text: str) -> None:
    print(f"  · {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
