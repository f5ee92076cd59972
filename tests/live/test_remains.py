"""What is left of a list once it is destroyed: searched for byte by byte, in every file, row and key of the system."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path

import numpy as np
import psycopg
import pytest

from lfr_site import services
from recognition.open_set import photographs
from tests.cast import LONDON, NO_LONDON
from tests.live.system import LONDON_TIME, LiveSystem, eventually, go_live
from tests.live.test_strangers import files_below, found_in, keys_of, patterns_of, rows_of

pytestmark = pytest.mark.skipif(not LONDON.is_dir(), reason=NO_LONDON)

LISTED = 10


def test_nothing_of_a_destroyed_list_is_left_in_any_file(searched: LiveSystem) -> None:
    system = searched
    pictures = [paths[0] for paths in list(photographs(LONDON).values())[:LISTED]]
    names = [f"Zebulon Quartermaine {number:02}" for number in range(LISTED)]
    listed = {name: path.read_bytes() for name, path in zip(names, pictures, strict=True)}
    # A new segment of the write-ahead log: the control below finds the list in it, wherever the last one ended.
    system.sql("SELECT pg_switch_wal()")
    deployment = go_live(system, listed)
    words, vectors, stored, key = _evidence(system, names)
    _the_search_finds_what_is_there(system, words, vectors, stored)
    done = system.user("commander").post(f"/deployments/{deployment.id}/end/", {"code": "done"})
    assert done.status_code == 200
    scrubbed = "SELECT count(*) FROM watchlists_certificate WHERE scrubbed_at IS NOT NULL AND log_removed"
    with psycopg.connect(services.database_url(system.data)) as reader:
        # Somebody who may still see what is deleted: it is not called gone while they do.
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM watchlists_person")
        assert eventually(lambda: system.sql("SELECT count(*) FROM watchlists_certificate")[0][0] == 1, patience=90)
        assert not eventually(lambda: system.sql(scrubbed)[0][0] == 1, patience=25)
    assert eventually(lambda: system.sql(scrubbed)[0][0] == 1, patience=120)
    patterns = [*words, *vectors, *stored, *_middles(pictures), key]
    assert found_in(rows_of(system), patterns) == set()
    assert found_in(keys_of(system), patterns) == set()
    assert found_in(files_below(system.data), patterns) == set()
    _the_certificate_says_so(system)
    assert system.manage("verify_journal").returncode == 0


def _evidence(system: LiveSystem, names: list[str]) -> tuple[list[bytes], list[bytes], list[bytes], bytes]:
    """Words, vectors and encrypted pictures as they stand in the database, and the key of the list."""
    vectors = []
    for column in ("embedding", "second"):
        for (text,) in system.sql(f"SELECT {column}::text FROM watchlists_template"):
            vectors += patterns_of(np.array(json.loads(text), np.float32))
    stored = [bytes(row)[1000:1064] for (row,) in system.sql("SELECT encrypted FROM watchlists_photograph")]
    (path,) = (system.data / "keys").glob("list-*.key")
    words = [name.encode() for name in names] + [f"R/{name}".encode() for name in names]
    assert len(stored) == LISTED
    return words, vectors, stored, path.read_bytes()


def _the_search_finds_what_is_there(
    system: LiveSystem, words: list[bytes], vectors: list[bytes], stored: list[bytes]
) -> None:
    """The control, while the list is live: the same search of the same files."""
    with psycopg.connect(services.database_url(system.data), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    for patterns in (words, vectors, stored):
        places = found_in(files_below(system.data), patterns)
        assert any("postgres/base" in place for place in places)
        assert any("pg_wal" in place for place in places)
        assert not any("/logs/" in place for place in places)
    assert found_in(rows_of(system), words)


def _middles(pictures: list[Path]) -> list[bytes]:
    """Of the files as they were uploaded, which were never kept as they were."""
    return [data[len(data) // 2 : len(data) // 2 + 40] for data in (path.read_bytes() for path in pictures)]


def _the_certificate_says_so(system: LiveSystem) -> None:
    query = "SELECT people, photographs, templates, held, key_fingerprint, sha256 FROM watchlists_certificate"
    ((people, pictures, templates, held, fingerprint, sha256),) = system.sql(query)
    assert (people, pictures, templates, held) == (LISTED, LISTED, LISTED, 0)
    assert len(fingerprint) == len(sha256) == hashlib.sha256().digest_size * 2
    assert list((system.data / "keys").glob("list-*")) == []
    page = system.user("compliance").get("/retention/").text
    assert sha256 in page
    assert "Wanted by the courts" in _answer_to_a_request(system, "r/zebulon quartermaine 03")


def _answer_to_a_request(system: LiveSystem, reference: str) -> str:
    """The page of the case of somebody who asks, after the search."""
    today = f"{dt.datetime.now(LONDON_TIME):%Y-%m-%d}"
    person = {"name": "Zed Quarter", "contact": "1 High Street", "request": "Was I on a list?"}
    compliance = system.user("compliance")
    opened = compliance.post("/cases/new/?kind=access", {"received_on": today, "channel": "letter", **person})
    case = opened.url.removeprefix(system.url)
    compliance.post(f"{case}do/identity/", {"proof": "document", "on": today})
    return str(compliance.post(f"{case}search/", {"reference": reference}).text)
