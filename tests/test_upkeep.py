"""Processes that hang: a web process whose event loop stops, a worker that never returns from a frame."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from django.conf import settings

from capture.frame_queue import Frame, FrameSource, Turn
from capture.turn_keeper import HUNG, TurnKeeper
from lfr_site import supervisor
from lfr_site.supervisor import BASE_DIR, Child

# Sends ten heartbeats a second until it is told to stop, and then runs on without them.
BEATING = """
import os, signal, time
beats = [True]
signal.signal(signal.SIGUSR1, lambda *_: beats.clear())
while True:
    if beats:
        os.write(int(os.environ["HEARTBEAT_FD"]), b".")
    time.sleep(0.1)
"""


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    monkeypatch.setattr(supervisor, "SILENT_S", 2.0)
    return Child("web", [sys.executable, "-c", BEATING], beats=True)


def test_a_process_without_heartbeats_hangs_and_gets_longer_each_time(child: Child, tmp_path: Path) -> None:
    child.launch(tmp_path / "web.log", dict(os.environ))
    assert child.process is not None
    try:
        first = child.heard_at
        # A starting process has longer than a running one, until its first heartbeat.
        assert not child.hangs_now()
        _until(lambda: not child.hangs_now() and child.heard_at != first)
        child.process.send_signal(signal.SIGUSR1)
        _until(child.hangs_now)
        child.hangs = 1
        assert not child.hangs_now()
        _until(child.hangs_now)
    finally:
        child.process.kill()
        child.process.wait()
        if child.heartbeat is not None:
            os.close(child.heartbeat)


def test_a_process_without_an_event_loop_never_hangs(tmp_path: Path) -> None:
    assert not Child("clock", ["true"]).hangs_now()


def _turn(camera: str) -> Turn:
    return Turn(camera, "t" * 32, Frame(1, 1.0, 1.0, "nobody", b""), None)


def test_a_long_turn_is_kept() -> None:
    source = FrameSource()
    with redis.Redis.from_url(settings.VALKEY_FRAMES_URL) as valkey:
        valkey.set("pending:slow", "t" * 32, px=2500)
        with TurnKeeper(source).keeping(_turn("slow")):
            _until(lambda: valkey.pttl("pending:slow") > 2600)
        valkey.delete("pending:slow")


def test_a_worker_that_never_returns_from_a_frame_ends() -> None:
    program = """
import time
import django
django.setup()
from capture import turn_keeper
from capture.frame_queue import Frame, FrameSource, Turn
turn_keeper.LONGEST_TURN_S = 0.5
with turn_keeper.TurnKeeper(FrameSource()).keeping(Turn("hung", "t" * 32, Frame(1, 1.0, 1.0, "nobody"), None)):
    time.sleep(600)
"""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "lfr_site.settings"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == HUNG
    assert "This worker stops and is started again" in done.stderr
