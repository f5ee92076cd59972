"""A pytest plugin: every process that runs tests starts its own PostgreSQL and Valkey, and leaves neither behind.

Loaded before Django's settings, which read from the environment where those servers will be.
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
        # Nothing is run here: what is in `tx` runs it.
        return
    from recognition import weights
    from recognition.engine import SHIPPED

    # Root's temporary folder may be closed to the user that PostgreSQL runs as.
    DATA.chmod(0o711)
    for service in (services.Postgres(DATA, DATA / "postgres.log"), services.Valkey(DATA, DATA / "valkey.log")):
        service.start()
        _running.append(service)
    weights.stage(DATA / "models", SHIPPED.files)
    # WhiteNoise warns when it is missing, and warnings are errors here.
    (DATA / "static").mkdir()


def pytest_unconfigure(config: pytest.Config) -> None:
    for service in reversed(_running):
        service.stop()
    for log in DATA.glob("*.log"):
        log.unlink()
    services.forget(DATA)
