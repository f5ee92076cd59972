"""Starts all processes of an installation on one machine in order, restarts those that end, and stops them all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from lfr_site import services
from lfr_site.server import HEARTBEAT_FD
from lfr_site.services import ServiceError

BASE_DIR = Path(__file__).resolve().parent.parent
READY_TIMEOUT_S = 60
NEEDED_DISK = 300 * 2**20
# Most restarts of a child within a window of seconds.
RESTARTS, RESTART_WINDOW_S = 5, 30.0
# Seconds without a heartbeat after which a web process counts as hung: while it runs, and while it starts. After
# STEADY_S seconds, earlier hangs no longer count.
SILENT_S, FIRST_BEAT_S, STEADY_S = 20.0, 90.0, 300.0

Say = Callable[[str], None]


@dataclass
class Child:
    """A process to keep running. heartbeat: the reading end of its heartbeat pipe, if it has one."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    beats: bool = False
    process: subprocess.Popen[bytes] | None = None
    deaths: tuple[float, ...] = ()
    heartbeat: int | None = None
    launched_at: float = 0.0
    heard_at: float = 0.0
    hangs: int = 0

    def launch(self, log: Path, environment: dict[str, str]) -> None:
        """Start the process, with a new heartbeat pipe if it sends heartbeats."""
        environment = {**environment, **self.environment}
        if not self.beats:
            self.process = services.spawn(self.command, log=log, environment=environment)
            return
        if self.heartbeat is not None:
            os.close(self.heartbeat)
        self.heartbeat, written = os.pipe()
        os.set_blocking(self.heartbeat, False)
        environment[HEARTBEAT_FD] = str(written)
        try:
            self.process = services.spawn(self.command, log=log, environment=environment, pass_fds=(written,))
        finally:
            os.close(written)
        self.launched_at = time.monotonic()
        self.heard_at = self.launched_at + FIRST_BEAT_S - SILENT_S

    def hangs_now(self) -> bool:
        """Return whether the last heartbeat is too long ago. Each recent hang doubles the time, up to eightfold."""
        if self.heartbeat is None:
            return False
        now = time.monotonic()
        with contextlib.suppress(BlockingIOError):
            while os.read(self.heartbeat, 4096):
                self.heard_at = now
        if now - self.launched_at > STEADY_S:
            self.hangs = 0
        return now - self.heard_at > SILENT_S * (1 << min(self.hangs, 3))


# What is run once the services run, and what is said of it.
PREPARE = (("preparing the database and the model weights", ["prepare"]),)


class Supervisor:
    """Runs PostgreSQL, Valkey, the web server, all workers, the scheduler, and commands that are added."""

    def __init__(self, data: Path, *, port: int, workers: int, say: Say, host: str = "localhost") -> None:
        """host: a host name that the site accepts."""
        self.data = data.resolve()
        self.port = port
        self._workers = workers
        self._host = host
        self._say = say
        self._logs = self.data / "logs"
        paths = [str(BASE_DIR), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.environment = {
            **os.environ,
            "LFR_DATA": str(self.data),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUNBUFFERED": "1",
        }
        self._services: list[services.Postgres | services.Valkey] = []
        if "DATABASE_URL" not in os.environ:
            self._services.append(services.Postgres(self.data, self._logs / "postgres.log"))
        if "VALKEY_URL" not in os.environ:
            self._services.append(services.Valkey(self.data, self._logs / "valkey.log"))
        self._children = [self._web(), *(self._recogniser(index + 1) for index in range(workers)), *self._clock()]
        self._lock: IO[str] | None = None
        self._is_ready = False

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the running processes, by name."""
        running = {type(service).__name__.lower(): service.process for service in self._services}
        running |= {child.name: child.process for child in self._children}
        return {name: process.pid for name, process in running.items() if process is not None}

    def start(self, before: Sequence[tuple[str, list[str]]] = PREPARE) -> None:
        """Start everything and wait until it answers.

        before: `manage.py` commands to run once the services run, each with what to say of it.

        Raises:
            ServiceError: something did not start; the message is for the person who started the system.
        """
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            self._lock = services.lock(self.data)
            if self._lock is None:
                raise ServiceError(f"The system is already running with its data in {self.data}. Stop it first.")
            free = shutil.disk_usage(self.data).free
            if free < NEEDED_DISK:
                raise ServiceError(
                    f"The disk that holds {self.data} has only {free // 2**20} MB free. "
                    f"Free {NEEDED_DISK // 2**20} MB or more."
                )
            self._check_port()
            services.private_folder(self._logs)
            for service in self._services:
                self._say(f"starting {type(service).__name__}")
                service.start()
            for words, command in before:
                self._say(words)
                self.manage(*command)
            for child in self._children:
                self._launch(child)
            self._say("waiting for the web server and the recognition workers")
            self._wait_until_ready()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise ServiceError(f"The disk that holds {self.data} is full. Free some space.") from error
            raise

    def add(self, name: str, *arguments: str) -> None:
        """Start one more `manage.py` command and keep it running."""
        self.add_program(name, str(BASE_DIR / "manage.py"), *arguments)

    def add_program(self, name: str, *arguments: str) -> None:
        """Start one more program under this Python and keep it running."""
        child = Child(name, [sys.executable, *arguments])
        self._children.append(child)
        self._launch(child)

    def manage(self, *arguments: str) -> None:
        """Run a `manage.py` command and wait for it to end.

        Raises:
            ServiceError: the command failed; the message contains the last lines of its output.
        """
        command = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
        process = subprocess.Popen(
            command, env=self.environment, cwd=BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with process:
            try:
                output, errors = process.communicate()
            except KeyboardInterrupt:
                # The command may defer the signal until the database is complete (`prepare`).
                services.stop(process, signal.SIGTERM, patience_s=READY_TIMEOUT_S)
                raise
        with services.open_log(self._logs / "manage.log") as log:
            log.write(output + errors)
        if process.returncode != 0:
            last = (errors or output).decode(errors="replace").strip().splitlines()[-3:]
            raise ServiceError(f"`manage.py {' '.join(arguments)}` failed:\n  " + "\n  ".join(last))

    def tend(self) -> None:
        """Restart what has ended or hangs, and what keeps ending less often. Call this about every second.

        Raises:
            ServiceError: a service does not restart, or a process keeps ending while the system starts.
        """
        for service in self._services:
            if service.process is not None and service.process.poll() is not None:
                self._say(f"{type(service).__name__} ended; restarting it")
                service.start()
        for child in self._children:
            if child.process is None:
                continue
            if child.process.poll() is None:
                if not child.hangs_now():
                    continue
                self._say(f"“{child.name}” has sent no heartbeat for {SILENT_S:.0f} s or more; stopping it")
                child.hangs += 1
                child.process.kill()
                child.process.wait()
            now = time.monotonic()
            child.deaths = tuple(at for at in child.deaths if now - at < RESTART_WINDOW_S)
            if len(child.deaths) < RESTARTS:
                child.deaths = (*child.deaths, now)
                self._say(f"“{child.name}” ended with status {child.process.returncode}; restarting it")
                self._launch(child)
            elif not self._is_ready:
                raise ServiceError(f"“{child.name}” keeps ending. See {self._logs / child.name}.log")

    def stop(self) -> None:
        """Stop everything, in reverse order."""
        running = [child.process for child in reversed(self._children) if child.process is not None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in running:
            services.stop(process, signal.SIGTERM, patience_s=5)
        for service in reversed(self._services):
            service.stop()
        # Without the lock, the folder belongs to another supervisor that is running.
        if self._lock is not None:
            shutil.rmtree(services.runtime_folder(self.data), ignore_errors=True)
            self._lock.close()

    @contextlib.contextmanager
    def running(self, before: Sequence[tuple[str, list[str]]] = PREPARE) -> Iterator[Supervisor]:
        """Start on entry, and stop however the block ends. before: as for `start`."""
        try:
            self.start(before)
            yield self
        finally:
            self.stop()

    def health(self) -> dict[str, Any]:
        """Return the report of /health/; empty if it does not answer."""
        try:
            url, headers = f"http://127.0.0.1:{self.port}/health/", {"Host": self._host}
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with contextlib.suppress(ValueError):
                return dict(json.load(error))
        except (OSError, ValueError):
            pass
        return {}

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        health: dict[str, Any] = {}
        while time.monotonic() < deadline:
            self.tend()
            health = self.health()
            if self._is_up(health):
                self._is_ready = True
                return
            time.sleep(0.2)
        raise ServiceError(f"Not everything answered within {READY_TIMEOUT_S} seconds: {health or 'no web server'}.")

    def _is_up(self, health: dict[str, Any]) -> bool:
        """Return whether everything that this supervisor started works; an earlier run's parts may be silent."""
        parts = health.get("parts", {}).values()
        answers = health.get("database") == health.get("broker") == "ok"
        return answers and health["workers"] >= self._workers and all(part.get("running") for part in parts)

    def _launch(self, child: Child) -> None:
        child.launch(self._logs / f"{child.name}.log", self.environment)

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise ServiceError(
                    f"Another program uses port {self.port}. Choose another port: make demo PORT={self.port + 1}"
                ) from error

    def _web(self) -> Child:
        command = [sys.executable, "-m", "lfr_site.server", "--port", str(self.port)]
        # Large blocks are returned to the system at once; otherwise each thread would keep the memory of a picture.
        memory = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "262144"}
        return Child("web", command, {"LFR_DATABASE_POOL": "yes", **memory}, beats=True)

    def _recogniser(self, number: int) -> Child:
        # One thread in each process, so that a native crash costs only one frame of one camera.
        # The database connection is kept, because a new one for each frame would cost more than the search.
        environment = {"LFR_DATABASE_CONNECTION_SECONDS": "600"}
        return Child(f"worker-{number}", self._celery("frames", f"frames{number}", "solo"), environment)

    def _clock(self) -> list[Child]:
        beat = [sys.executable, "-m", "celery", "-A", "lfr_site.celery", "beat", "--loglevel", "WARNING", "--pidfile="]
        # Imports take minutes and every idle core; scheduled tasks must run within seconds.
        lists = Child("lists", self._celery("lists", "lists", "solo"))
        # Rewriting a table takes minutes, and deadlines must not wait for its locks.
        destruction = Child("destruction", self._celery("destruction", "destruction", "solo"))
        # A slow server of a subscriber must not delay other tasks.
        notifications = Child("notifications", self._celery("notifications", "notifications", "solo"))
        return [
            Child("clock", self._celery("clock", "clock", "solo")),
            destruction,
            lists,
            notifications,
            Child("beat", beat),
        ]

    def _celery(self, queue: str, name: str, pool: str) -> list[str]:
        command = [sys.executable, "-m", "celery", "-A", "lfr_site.celery", "worker", "-Q", queue, "-n", f"{name}@%h"]
        command += ["--pool", pool, "--concurrency", "1", "--loglevel", "INFO"]
        return [*command, "--without-gossip", "--without-mingle", "--without-heartbeat"]


def available_port() -> int:
    """Return a port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
