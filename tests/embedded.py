"""A pytest plugin: every process that runs tests starts its own PostgreSQL and Valkey, and removes both at the end.

Loaded before Django's settings, which read the addresses of these servers from the environment.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

DATA = Path(tempfile.mkdtemp(prefix="lfr-test-"))
os.environ.update(LFR_ENV="demo", LFR_DATA=str(DATA))
for name in ("DATABASE_URL", "VALKEY_URL", "LFR_WEIGHTS", "LFR_SECRET_KEY"):
    os.environ.pop(name, None)

from lfr_site import services  # noqa: E402

_running: list[services.Postgres | services.Valkey] = []


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.option.collectonly or getattr(session.config.option, "tx", None):
        # This process runs no tests: the processes in `tx` do.
        return
    from recognition import weights
    from recognition.engine import SHIPPED

    # The user that PostgreSQL runs as may not be able to enter root's temporary folder.
    DATA.chmod(0o711)
    for service in (services.Postgres(DATA, DATA / "postgres.log"), services.Valkey(DATA, DATA / "valkey.log")):
        service.start()
        _running.append(service)
    weights.stage(DATA / "models", SHIPPED.files)
    # WhiteNoise warns if this folder is missing, and warnings are errors here.
    (DATA / "static").mkdir()


def pytest_unconfigure(config: pytest.Config) -> None:
    for service in reversed(_running):
        service.stop()
    for log in DATA.glob("*.log"):
        log.unlink()
    services.forget(DATA)
