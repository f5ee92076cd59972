from __future__ import annotations

import signal
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit import log_keys
from core import keys, signing
from recognition.engine import Engine
from tests.cast import Cast, make_cast
from tests.names import Names
from watchlists.engine import engine as running_engine


def pytest_configure() -> None:
    # A script's background job starts with SIGINT ignored, and every program that a test starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Distribute the tests to processes: those that share a system stay together, and the longest run first."""
    for item in items:
        shared = {"live", "searched"}.intersection(getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group(shared.pop() if shared else item.path.stem))
    # Other hooks put these groups into names, and tests that use a database first.
    yield
    items.sort(key=lambda item: item.path.parent.name != "live")


@pytest.fixture(autouse=True)
def own_keys(tmp_path: Path, settings: Any) -> None:
    """Use a separate key store for each test."""
    settings.LFR_KEYS = tmp_path / "keys"
    keys.store.cache_clear()
    keys.create(keys.LEDGER)
    signing.prepare(signing.AUTHORITY)
    signing.prepare(log_keys.LOG)


@pytest.fixture(autouse=True)
def no_recognition_test(settings: Any) -> None:
    """Require no recognition test; tests about it override this."""
    settings.LFR_BLUE_PASSES = 0


@pytest.fixture(autouse=True)
def no_second_look(settings: Any) -> None:
    """Draw no alert for a second look, which is by chance; tests about it override this."""
    settings.LFR_SECOND_LOOK = 0


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    """Host names that resolve to what a test sets."""
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.answer.set()


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture(scope="session")
def engine() -> Engine:
    return running_engine()
