"""Logs: not readable by other users of the machine, and one line for each refused request."""

from __future__ import annotations

import io
import logging
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from lfr_site import services, views
from lfr_site.logs import RefusalsInOneLine
from lfr_site.supervisor import Supervisor
from tests.cast import Cast, client_of


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_only_its_owner_can_read_a_childs_log(tmp_path: Path, open_umask: None) -> None:
    log = tmp_path / "logs" / "child.log"
    for text in ("one", "two"):
        child = services.spawn([sys.executable, "-c", f"print('{text}')"], log=log)
        assert child.wait() == 0
        assert _mode(log) == 0o600
        # As left by an earlier release or by somebody: the next start restricts it again.
        log.chmod(0o644)
    assert log.read_text().split() == ["one", "two"]


def test_the_log_folder_and_existing_files_are_restricted(tmp_path: Path, open_umask: None) -> None:
    logs, elsewhere = tmp_path / "var" / "logs", tmp_path / "elsewhere"
    logs.mkdir(parents=True)
    elsewhere.touch(0o644)
    (logs / "web.log").touch(0o644)
    (logs / "link.log").symlink_to(elsewhere)
    services.private_folder(logs)
    assert (_mode(logs), _mode(logs / "web.log"), _mode(elsewhere)) == (0o700, 0o600, 0o644)
    services.private_folder(tmp_path / "new" / "logs")
    assert _mode(tmp_path / "new" / "logs") == 0o700


def test_only_its_owner_can_read_the_log_of_commands(tmp_path: Path, open_umask: None) -> None:
    supervisor = Supervisor(tmp_path, port=1, workers=1, say=print)
    services.private_folder(tmp_path / "logs")
    supervisor.manage("version")
    assert _mode(tmp_path / "logs" / "manage.log") == 0o600


@pytest.fixture
def printed() -> Iterator[io.StringIO]:
    """Return the output of the system's own handler."""
    (handler,) = (
        each
        for each in logging.getLogger().handlers
        if isinstance(each, logging.StreamHandler) and any(isinstance(own, RefusalsInOneLine) for own in each.filters)
    )
    stream = io.StringIO()
    before = handler.setStream(stream)
    yield stream
    handler.setStream(before)


def test_a_refused_request_is_logged_in_one_line(cast: Cast, printed: io.StringIO) -> None:
    client = client_of(cast.operator)
    for path, status in (("/watchlists/", 403), ("/no-such-page/", 404)):
        assert client.get(path).status_code == status
        assert client.post(path).status_code in (403, 404, 405)
    assert Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "x"}).status_code == 403
    lines = printed.getvalue().splitlines()
    assert len(lines) == 5, printed.getvalue()
    assert all(" WARNING django." in line for line in lines)
    assert lines[0].endswith("django.request: Forbidden (Permission denied): /watchlists/")


def test_a_failure_is_logged_with_its_trace(cast: Cast, printed: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(views, "render", fail)
    client = client_of(cast.operator)
    client.raise_request_exception = False
    assert client.get("/").status_code == 500
    text = printed.getvalue()
    assert "Traceback (most recent call last)" in text
    assert "RuntimeError: broken on purpose" in text
