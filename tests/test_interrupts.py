"""Requests to stop: SIGINT that was ignored at the start, and SIGINT to the waiting `make`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lfr_site.supervisor import BASE_DIR

Start = Callable[..., subprocess.Popen[str]]

# Prints that it runs and what ended it. Further requests while it ends are ignored.
PROGRAM = """
import os, signal, sys, time
from lfr_site import interrupts
with interrupts.interruptible(make=int(sys.argv[1]) if len(sys.argv) > 1 else None):
    try:
        print("running", os.getpid(), flush=True)
        while True:
            time.sleep(0.1)
    except KeyboardInterrupt:
        for number in interrupts.ENDING:
            os.kill(os.getpid(), number)
        print("ended", flush=True)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command in the folder of the program; whatever is left of it is killed after the test."""
    started: list[subprocess.Popen[str]] = []

    # These tests may run under a `make`, which tells its children to print the folders that they enter.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }

    def start(*command: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
            )
        )
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "Makefile").write_text(f"demo:\n\t@PYTHONPATH={BASE_DIR} exec {sys.executable} program.py $$PPID\n")
    return ["env", f"PYTHONPATH={BASE_DIR}", sys.executable, "program.py"]


def _running(process: subprocess.Popen[str]) -> int:
    """Return the program's process id once it runs."""
    assert process.stdout is not None
    word, pid = process.stdout.readline().split()
    assert word == "running"
    return int(pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_job_started_with_sigint_ignored_ends_on_request(
    program: list[str], start: Start, number: signal.Signals
) -> None:
    process = start("sh", "-c", 'trap "" INT TERM HUP; exec "$@"', "sh", *program)
    _running(process)
    process.send_signal(number)
    assert process.communicate(timeout=60)[0] == "ended\n"
    assert process.returncode == 0


def test_sigint_to_make_alone_ends_its_recipe(program: list[str], start: Start) -> None:
    process = start("make", "demo")
    _running(process)
    process.send_signal(signal.SIGINT)
    assert "ended\n" in process.communicate(timeout=60)[0]
    assert process.returncode == -signal.SIGINT


def test_a_program_that_ends_normally_is_not_killed_by_the_alarm(
    program: list[str], tmp_path: Path, start: Start
) -> None:
    text = f"from lfr_site import interrupts\nwith interrupts.interruptible({os.getpid()}):\n    pass\n"
    (tmp_path / "program.py").write_text(text + "import signal\nprint(signal.getitimer(signal.ITIMER_REAL)[0])\n")
    process = start(*program)
    assert (process.communicate(timeout=60)[0], process.returncode) == ("0.0\n", 0)


HOLDS_BACK = """
import os, signal
from lfr_site import interrupts
try:
    with interrupts.held_back():
        for number in (signal.SIGINT, signal.SIGINT):
            os.kill(os.getpid(), number)
        print("whole", flush=True)
    print("never reached")
except KeyboardInterrupt:
    print("ended")
"""


def test_work_that_must_not_stop_halfway_is_finished(program: list[str], tmp_path: Path, start: Start) -> None:
    (tmp_path / "program.py").write_text(HOLDS_BACK)
    assert start(*program).communicate(timeout=60)[0].split() == ["whole", "ended"]


def test_a_recipe_does_not_outlive_its_make(program: list[str], start: Start) -> None:
    process = start("make", "demo")
    _running(process)
    process.kill()
    assert "ended\n" in process.communicate(timeout=60)[0]


def test_a_make_that_ignores_sigint_does_not_end_the_recipe(program: list[str], start: Start) -> None:
    """A signal to `make` alone is lost; one to the recipe, or to both, is not."""
    process = start("sh", "-c", 'trap "" INT; exec make demo')
    pid = _running(process)
    process.send_signal(signal.SIGINT)
    assert process.poll() is None
    subprocess.run(["kill", "-INT", str(pid)], check=True)
    assert "ended\n" in process.communicate(timeout=60)[0]
    assert process.returncode == 0
