"""Twenty strangers and two wanted people walk past; afterwards nothing of the strangers is anywhere.

Looked through: every row of every table, every key of Valkey, and every byte of every file the system wrote: its logs
(PostgreSQL's with every statement), the database's own files and its write-ahead log. Looked for: the frames, the
embeddings (as binary in single and half precision, as text, as base64), the tracks' ids, and faces in stored pictures.
The same search must find what is meant to be stored, or it would prove nothing.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psycopg
import pytest
from psycopg import sql

from agent.camera_client import CameraClient, paced
from demo import scene
from lfr_site import services
from recognition.camera_jpeg import decode_frame
from recognition.engine import Engine, Template
from recognition.imaging import decode_stored, encode_jpeg
from recognition.open_set import photographs
from tests.cast import LONDON, NO_LONDON
from tests.live.system import LiveSystem, go_live
from watchlists.defaults import DEFAULT_THRESHOLD

pytestmark = pytest.mark.skipif(not LONDON.is_dir(), reason=NO_LONDON)

FPS, SECONDS = 5, 36
VIEWS = "*front*,*3quarter*"


@dataclass
class Evidence:
    """What would give somebody away, as bytes to search for."""

    frames: list[bytes] = field(default_factory=list)
    strangers: list[Template] = field(default_factory=list)
    vectors: list[npt.NDArray[np.float32]] = field(default_factory=list)
    track_ids: set[str] = field(default_factory=set)

    def patterns(self) -> list[bytes]:
        # From the middle of the picture's data: no two frames share it.
        pictures = [jpeg[len(jpeg) // 2 : len(jpeg) // 2 + 40] for jpeg in self.frames]
        vectors = [pattern for vector in self.vectors for pattern in patterns_of(vector)]
        return pictures + vectors + [track.encode() for track in self.track_ids]


def patterns_of(vector: npt.NDArray[np.float32]) -> list[bytes]:
    """The ways a vector's beginning could be written down."""
    single, half = vector[:4].astype("<f4").tobytes(), vector[:8].astype("<f2").tobytes()
    # As PostgreSQL writes single precision, and as Python writes the same numbers in double.
    texts = [",".join(str(number) for number in vector[:2]), ",".join(str(number) for number in vector[:2].tolist())]
    texts += [text.replace(",", ", ") for text in texts]
    encoded = [text.encode() for text in texts]
    return [single, vector[:4].astype(">f4").tobytes(), half, base64.b64encode(vector[:3].tobytes()), *encoded]


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and "models" not in path.parts and "postgres-binaries" not in path.parts:
            yield str(path), path.read_bytes()


def rows_of(system: LiveSystem) -> Iterator[tuple[str, bytes]]:
    with psycopg.connect(services.database_url(system.data)) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            query = sql.SQL("SELECT row::text FROM {} AS row").format(sql.Identifier(table))
            yield f"table {table}", "\n".join(row for (row,) in connection.execute(query)).encode()


def keys_of(system: LiveSystem) -> Iterator[tuple[str, bytes]]:
    for number in range(4):
        with system.valkey(number) as valkey:
            for key in valkey.scan_iter():
                yield f"key {key!r}", key + (valkey.dump(key) or b"")


def found_in(places: Iterator[tuple[str, bytes]], patterns: list[bytes]) -> set[str]:
    return {place for place, content in places for pattern in patterns if pattern in content}


@pytest.fixture(scope="module")
def street(engine: Engine) -> tuple[dict[str, Path], scene.Street]:
    """Two wanted people, with the photograph each is enrolled by, and a street on which they and 20 strangers walk."""
    people = photographs(LONDON)
    names = list(people)[:22]
    looks = {
        name: [scene.cutout(engine, path) for path in scene.matching(people[name][1:], VIEWS)[:3]] for name in names
    }
    walking = {name: [cut for cut in cuts if cut is not None] for name, cuts in looks.items()}
    return {name: people[name][0] for name in names[:2]}, scene.Street(scene.walk_past(walking, seconds=SECONDS))


def test_nothing_of_a_stranger_is_left(
    searched: LiveSystem, engine: Engine, street: tuple[dict[str, Path], scene.Street]
) -> None:
    system, (wanted, film) = searched, street
    # Everything PostgreSQL can log of a statement, in every connection made from now on.
    for setting in ("log_statement = 'all'", "log_duration = on", "log_min_duration_statement = 0"):
        _administer(system, f"ALTER DATABASE lfr SET {setting}")
    _administer(system, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'lfr'")
    deployment = go_live(system, {name: path.read_bytes() for name, path in wanted.items()})
    token = system.user("commander").token(deployment.cameras[0])
    evidence = asyncio.run(_walk(system, deployment.cameras[0], token, film, set(wanted), engine))
    assert len(evidence.strangers) >= 40
    assert len(evidence.track_ids) >= 20
    _administer(system, "CHECKPOINT")

    assert system.sql("SELECT count(DISTINCT person_id) FROM alerts_alert") == [(2,)]
    assert system.sql("SELECT sum(faces_seen) FROM deployments_camera")[0][0] >= 20

    patterns = evidence.patterns()
    assert found_in(rows_of(system), patterns) == set()
    assert found_in(keys_of(system), patterns) == set()
    assert found_in(files_below(system.data), patterns) == set()
    _no_stranger_in_a_stored_picture(system, engine, evidence)
    _the_search_finds_what_is_stored(system)


async def _walk(
    system: LiveSystem, camera: str, token: str, film: scene.Street, wanted: set[str], engine: Engine
) -> Evidence:
    """Play the film over the socket; meanwhile note the ids of tracks while they live."""
    evidence = Evidence()
    client = CameraClient(system.url, camera, token)
    frames = iter(range(FPS * SECONDS))
    faces_of: dict[str, int] = {}

    def next_frame() -> bytes | None:
        number = next(frames, None)
        if number is None:
            return None
        pixels, visible = film.frame(number / FPS)
        jpeg = encode_jpeg(pixels, 80)
        evidence.frames.append(jpeg)
        strangers = [face for face in visible if face.person not in wanted and faces_of.get(face.person, 0) < 3]
        if strangers:
            _note_embeddings(engine, jpeg, strangers, evidence, faces_of)
        return jpeg

    async def note_tracks() -> None:
        with system.valkey(2) as valkey:
            while True:
                for row in json.loads(valkey.get(f"tracks:{camera}") or b"[]"):
                    if not row["raised"]:
                        evidence.track_ids.add(row["id"])
                await asyncio.sleep(0.1)

    watcher = asyncio.create_task(note_tracks())
    await client.stream(paced(next_frame, FPS))
    assert client.traffic.read > 100
    # The longest anything about a face may live outside a worker's memory.
    await asyncio.sleep(4)
    watcher.cancel()
    raised = {track for (track,) in system.sql("SELECT track FROM alerts_shot")}
    evidence.track_ids -= raised
    return evidence


def _note_embeddings(
    engine: Engine, jpeg: bytes, strangers: list[scene.Visible], evidence: Evidence, faces_of: dict[str, int]
) -> None:
    """What a worker makes of these strangers in this very frame: the same code on the same bytes, the same numbers."""
    pixels = decode_frame(jpeg)
    for face in engine.detect(pixels, 32):
        for stranger in strangers:
            left, top, width, height = stranger.box
            if (
                abs(face.centre[0] - left - width / 2) < width / 3
                and abs(face.centre[1] - top - height / 2) < width / 2
            ):
                (quick_pass,) = engine.quick_pass(pixels, [face])
                (template,) = engine.full_pass(pixels, [quick_pass])
                assert template.second is not None
                evidence.strangers.append(template)
                evidence.vectors += [quick_pass.embedding, template.embedding, template.second]
                faces_of[stranger.person] = faces_of.get(stranger.person, 0) + 1


def _no_stranger_in_a_stored_picture(system: LiveSystem, engine: Engine, evidence: Evidence) -> None:
    """The only pictures there are: those of the list are of listed people."""
    pictures = system.shots()
    assert len(pictures) >= 2
    for jpeg in pictures:
        pixels = decode_stored(jpeg)
        faces = engine.detect_in_photograph(pixels)
        assert len(faces) == 1
        (kept,) = engine.full_pass(pixels, engine.quick_pass(pixels, faces))
        assert max(engine.score(stranger, kept) for stranger in evidence.strangers) < DEFAULT_THRESHOLD


def _the_search_finds_what_is_stored(system: LiveSystem) -> None:
    """The controls: a listed person's template, an alert's track, and a parameter once PostgreSQL may log it."""
    ((text,),) = system.sql("SELECT embedding::text FROM watchlists_template LIMIT 1")
    listed = np.array(json.loads(text), np.float32)
    ((track,),) = system.sql("SELECT track FROM alerts_shot LIMIT 1")
    assert "table watchlists_template" in found_in(rows_of(system), patterns_of(listed))
    assert "table alerts_shot" in found_in(rows_of(system), [track.encode()])
    in_files = found_in(files_below(system.data), patterns_of(listed))
    assert any("postgres/base" in place for place in in_files)
    assert not any("/logs/" in place for place in in_files)
    for setting in ("log_parameter_max_length = -1", "log_error_verbosity = 'default'"):
        _administer(system, f"ALTER DATABASE lfr SET {setting}")
    marked = system.manage("shell", "--no-imports", "-c", _SEARCH.format(vector=listed.tolist()))
    assert marked.returncode == 0, marked.stderr
    assert str(system.data / "logs" / "postgres.log") in found_in(files_below(system.data), patterns_of(listed)[3:])
    refused = system.manage("check", "--database", "default")
    assert "lfr.E001" in refused.stderr
    command = [sys.executable, "-m", "celery", "-A", "lfr_site.celery", "worker", "-Q", "frames", "--pool", "solo"]
    worker = subprocess.run(command, env=system.environment, capture_output=True, text=True, timeout=60, check=False)
    assert worker.returncode != 0
    assert "cannot process frames" in worker.stderr


def _administer(system: LiveSystem, statement: str) -> None:
    """As the database's administrator, from the neighbouring database."""
    url = services.database_url(system.data).replace("/lfr?", "/postgres?")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


_SEARCH = """
import numpy as np
from watchlists.models import SealedTemplate
row = SealedTemplate.objects.first()
SealedTemplate.objects.nearest(
    [np.array({vector}, np.float32)], watchlist_ids=[row.watchlist_id], engine_id=row.engine_id
)
"""
