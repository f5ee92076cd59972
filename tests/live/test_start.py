"""Starting and stopping: what the person at the terminal sees, and what is left behind."""

from __future__ import annotations

import datetime as dt
import http.client
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from core.liveness import PARTS
from demo.users import USERS
from lfr_site import services
from lfr_site.supervisor import BASE_DIR, available_port
from tests.live.system import LiveSystem, eventually

# How many past deployments `make demo` invents.
PAST = 12


def _start(data: Path, port: int, command: str = "start", **environment: str) -> subprocess.Popen[str]:
    data.chmod(0o711)
    return subprocess.Popen(
        [sys.executable, str(BASE_DIR / "manage.py"), command, "--port", str(port)],
        env={**os.environ, "LFR_ENV": "demo", "LFR_DATA": str(data), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _make_demo(data: Path, port: int) -> subprocess.Popen[str]:
    """As people start it, with the packages that the tests run with."""
    data.chmod(0o711)
    return subprocess.Popen(
        ["make", "-C", BASE_DIR, "-o", "install", "demo", f"BIN={Path(sys.executable).parent}", f"PORT={port}"],
        env={**os.environ, "LFR_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    shown = ""
    for line in process.stdout:
        shown += line
        if words in line:
            return shown
    raise AssertionError(f"it never said “{words}”:\n{shown}")


@pytest.fixture
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def test_the_demonstration_shows_an_alert_within_a_minute_and_leaves_no_process(data: Path) -> None:
    """On a machine without any folder of faces."""
    port = available_port()
    process = _make_demo(data, port)
    try:
        shown = _until(process, f"http://localhost:{port}")
        assert "southend-demo" in shown
        for user in USERS:
            assert f"{user.username} " in shown
            assert user.role in shown
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) > 8
        assert requests.get(f"http://localhost:{port}/health/", timeout=5).json()["status"] == "ok"
        modes = {path.name: path.stat().st_mode & 0o777 for path in (data / "logs").iterdir()}
        assert {"postgres.log", "web.log", "manage.log", "worker-1.log"} <= set(modes)
        assert (set(modes.values()), (data / "logs").stat().st_mode & 0o777) == ({0o600}, 0o700)
        system = LiveSystem(data, port, process, {})
        raised = (
            "SELECT count(*) FROM alerts_alert JOIN deployments_deployment AS of ON of.id = deployment_id "
            "WHERE of.state = 'live'"
        )
        assert eventually(lambda: system.sql(raised)[0][0] >= 1, patience=60)
        # Its past is invented too, and comes before it.
        past = "SELECT count(*) FROM deployments_deployment WHERE state <> 'live'"
        assert system.sql(past)[0][0] == PAST
    finally:
        # To `make` alone, as `kill -INT` does it, which waits for its recipe without telling it.
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=40)[0]
    assert process.returncode == -signal.SIGINT
    assert "stopped" in rest
    assert "Traceback" not in rest
    assert not any(child.is_running() for child in family)
    assert not services.runtime_folder(data).exists()
    # A second start keeps what was there.
    again = _start(data, port, "demo")
    try:
        _until(again, f"http://localhost:{port}")
        assert LiveSystem(data, port, again, {}).sql("SELECT count(*) FROM deployments_deployment")[0][0] == PAST + 1
    finally:
        # However it ends: even killed, it takes everything with it.
        family = psutil.Process(again.pid).children(recursive=True)
        again.kill()
        again.communicate(timeout=20)
        gone, alive = psutil.wait_procs(family, timeout=15)
    assert alive == []
    assert gone
    services.forget(data)


def test_a_taken_port_is_reported_plainly(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = _start(data, port)
        shown = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert f"Another program uses port {port}. Choose another port: make demo PORT={port + 1}" in shown
    assert "Traceback" not in shown
    assert not services.runtime_folder(data).exists()


def test_a_second_start_of_the_same_data_is_refused(live: LiveSystem) -> None:
    process = _start(live.data, available_port())
    shown = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert "already running" in shown
    assert live.health()["status"] == "ok"


def test_a_full_disk_is_reported_plainly(tmp_path: Path) -> None:
    """On a real file system of two megabytes."""
    if (
        os.getuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", tmp_path], check=False).returncode
    ):
        pytest.skip("a small file system can be mounted by root only")
    try:
        process = _start(tmp_path, available_port())
        shown = process.communicate(timeout=60)[0]
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert process.returncode == 1
    assert "MB free" in shown
    assert "Traceback" not in shown


def test_too_large_an_upload_is_reported_plainly(live: LiveSystem) -> None:
    user = live.user("watchlist_admin")
    answer = user.post("/photographs/check/", {}, {"photograph": ("big.jpg", b"\xff\xd8" + b"\0" * 22 * 2**20)})
    assert (answer.status_code, "up to 20 MB" in answer.text) == (413, True)
    stranger = requests.post(f"{live.url}/accounts/login/", data=b"x" * 70_000, timeout=10)
    assert (stranger.status_code, stranger.text) == (413, "Sign in before you send this.")
    no_length = requests.post(f"{live.url}/accounts/login/", data=iter([b"login=x"]), timeout=10)
    assert no_length.status_code == 413


def test_only_who_may_import_may_send_as_much_as_an_import(live: LiveSystem) -> None:
    """Before any of it is read: the rest of the body is never sent."""
    path = "/watchlists/00000000-0000-0000-0000-000000000000/import/"
    head = {"Content-Length": str(500 * 2**20), "Content-Type": "multipart/form-data; boundary=x"}
    for name, status in (("watchlist_admin", None), ("operator", 413), (None, 413)):
        cookie = live.user(name).cookie if name else ""
        assert _status_of_a_head(live, path, {**head, "Cookie": cookie}) == status
    forged = {**head, "Authorization": "Bearer nobody"}
    assert _status_of_a_head(live, "/api/imports/", forged) == 413


def _status_of_a_head(live: LiveSystem, path: str, headers: dict[str, str]) -> int | None:
    """What a server answers to the head of a request; None when it waits for the body."""
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=2)
    connection.putrequest("POST", path)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        return connection.getresponse().status
    except TimeoutError:
        return None
    finally:
        connection.close()


def test_health_says_which_part_is_down(live: LiveSystem) -> None:
    healthy = live.health()
    assert healthy["status"] == "ok"
    assert healthy["workers"] == 2
    assert {name: part["status"] for name, part in healthy["parts"].items()} == dict.fromkeys(PARTS.values(), "ok")
    # To whoever is not signed in, no engine, version or host.
    assert set(healthy) == {"status", "database", "broker", "workers", "parts"}
    for pid in live.pids("celery", "frames"):
        os.kill(pid, signal.SIGSTOP)
    try:
        assert eventually(lambda: live.health()["workers"] == 0)
        answer = requests.get(f"{live.url}/health/", timeout=5)
        silent = answer.json()["parts"]["recognition workers"]
        assert (answer.status_code, answer.json()["status"], silent["status"]) == (503, "degraded", "silent")
        since = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(silent["silent_since"])
        assert dt.timedelta(0) < since < dt.timedelta(minutes=2)
    finally:
        for pid in live.pids("celery", "frames"):
            os.kill(pid, signal.SIGCONT)
    assert eventually(lambda: live.health()["status"] == "ok")
