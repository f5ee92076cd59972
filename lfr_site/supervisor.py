"""Everything an installation on one machine consists of, started in order, kept up, and stopped without a trace."""

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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from lfr_site import services
from lfr_site.server import HEARTBEAT_FD
from lfr_site.services import ServiceError

BASE_DIR = Path(__file__).resolve().parent.parent
READY_TIMEOUT_S = 60
NEEDED_DISK = 300 * 2**20
# A child that ends this often within this time cannot be kept up by starting it again.
RESTARTS, RESTART_WINDOW_S = 5, 30.0
# A web process whose event loop has not turned for so long hangs; what starts has longer. After steady minutes a hang
# of before counts for nothing.
SILENT_S, FIRST_BEAT_S, STEADY_S = 20.0, 90.0, 300.0

Say = Callable[[str], None]


@dataclass
class Child:
    """A process to keep up. heartbeat: the end of a pipe that it writes to while its event loop turns, if it does."""

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
        """Start it, with a new pipe to beat into."""
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
        """Whether it has not beaten for too long. The more often it has hung lately, the longer it is given."""
        if self.heartbeat is None:
            return False
        now = time.monotonic()
        with contextlib.suppress(BlockingIOError):
            while os.read(self.heartbeat, 4096):
                self.heard_at = now
        if now - self.launched_at > STEADY_S:
            self.hangs = 0
        return now - self.heard_at > SILENT_S * (1 << min(self.hangs, 3))


class Supervisor:
    """PostgreSQL, Valkey, the web server, the recognition workers, the clock and its worker, and what is added."""

    def __init__(self, data: Path, *, port: int, workers: int, say: Say, host: str = "localhost") -> None:
        """host: a name of this server that it answers to."""
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
        """Process ids of what runs, by name."""
        running = {type(service).__name__.lower(): service.process for service in self._services}
        running |= {child.name: child.process for child in self._children}
        return {name: process.pid for name, process in running.items() if process is not None}

    def start(self, seed: list[str] | None = None) -> None:
        """Bring everything up and wait until it answers. `seed` is a `manage.py` command to run before the web server.

        Raises:
            ServiceError: something did not come up; the message is for the person who started it.
        """
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            self._lock = services.lock(self.data)
            if self._lock is None:
                raise ServiceError(f"It is running already, with its data in {self.data}. Stop that one first.")
            free = shutil.disk_usage(self.data).free
            if free < NEEDED_DISK:
                raise ServiceError(
                    f"Only {free // 2**20} MB are free where {self.data} lies; {NEEDED_DISK // 2**20} MB are needed."
                )
            self._check_port()
            services.private_folder(self._logs)
            for service in self._services:
                self._say(f"starting {type(service).__name__}")
                service.start()
            self._say("preparing the database and the model weights")
            self.manage("prepare")
            if seed:
                self._say("seeding invented people")
                self.manage(*seed)
            for child in self._children:
                self._launch(child)
            self._say("waiting for the web server and the recognition workers")
            self._wait_until_ready()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise ServiceError(f"The disk that holds {self.data} is full.") from error
            raise

    def add(self, name: str, *arguments: str) -> None:
        """Start and keep up one more `manage.py` command."""
        child = Child(name, [sys.executable, str(BASE_DIR / "manage.py"), *arguments])
        self._children.append(child)
        self._launch(child)

    def manage(self, *arguments: str) -> None:
        """Run a `manage.py` command to its end.

        Raises:
            ServiceError: it failed; what it said last is in the message.
        """
        command = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
        process = subprocess.Popen(
            command, env=self.environment, cwd=BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with process:
            try:
                output, errors = process.communicate()
            except KeyboardInterrupt:
                # It may hold this back until the database is whole (`prepare`).
                services.stop(process, signal.SIGTERM, patience_s=READY_TIMEOUT_S)
                raise
        with services.open_log(self._logs / "manage.log") as log:
            log.write(output + errors)
        if process.returncode != 0:
            last = (errors or output).decode(errors="replace").strip().splitlines()[-3:]
            raise ServiceError(f"`manage.py {' '.join(arguments)}` failed:\n  " + "\n  ".join(last))

    def tend(self) -> None:
        """Start again what has ended; what keeps ending, less often. Call it every second or so.

        Raises:
            ServiceError: a service does not come up again, or while starting, something keeps ending.
        """
        for service in self._services:
            if service.process is not None and service.process.poll() is not None:
                self._say(f"{type(service).__name__} ended; starting it again")
                service.start()
        for child in self._children:
            if child.process is None:
                continue
            if child.process.poll() is None:
                if not child.hangs_now():
                    continue
                self._say(f"“{child.name}” has not turned for {SILENT_S:.0f} s or more; ending it")
                child.hangs += 1
                child.process.kill()
                child.process.wait()
            now = time.monotonic()
            child.deaths = tuple(at for at in child.deaths if now - at < RESTART_WINDOW_S)
            if len(child.deaths) < RESTARTS:
                child.deaths = (*child.deaths, now)
                self._say(f"“{child.name}” ended with {child.process.returncode}; starting it again")
                self._launch(child)
            elif not self._is_ready:
                raise ServiceError(f"“{child.name}” keeps ending; see {self._logs / child.name}.log")

    def stop(self) -> None:
        """Stop everything, the last started first."""
        running = [child.process for child in reversed(self._children) if child.process is not None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in running:
            services.stop(process, signal.SIGTERM, patience_s=5)
        for service in reversed(self._services):
            service.stop()
        # Without the lock, what lies there belongs to another, running supervisor.
        if self._lock is not None:
            shutil.rmtree(services.runtime_folder(self.data), ignore_errors=True)
            self._lock.close()

    @contextlib.contextmanager
    def running(self, seed: list[str] | None = None) -> Iterator[Supervisor]:
        """Started on entry, stopped however the block ends."""
        try:
            self.start(seed)
            yield self
        finally:
            self.stop()

    def health(self) -> dict[str, Any]:
        """What /health/ says; empty while it does not answer."""
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
        """Whether everything that this supervisor starts works; what others left behind may still be called silent."""
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
                    f"Port {self.port} is taken by another program. Choose one: make demo PORT={self.port + 1}"
                ) from error

    def _web(self) -> Child:
        command = [sys.executable, "-m", "lfr_site.server", "--port", str(self.port)]
        # A thread for each request would otherwise keep what a picture once took: large blocks are given back at once.
        memory = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "262144"}
        return Child("web", command, {"LFR_DATABASE_POOL": "yes", **memory}, beats=True)

    def _recogniser(self, number: int) -> Child:
        # One thread a process: a native crash costs one frame of one camera, and the others go on.
        # It lives for one kind of task, and a new connection a frame would cost more than the search.
        environment = {"LFR_DATABASE_CONNECTION_SECONDS": "600"}
        return Child(f"worker-{number}", self._celery("frames", f"frames{number}", "solo"), environment)

    def _clock(self) -> list[Child]:
        beat = [sys.executable, "-m", "celery", "-A", "lfr_site.celery", "beat", "--loglevel", "WARNING", "--pidfile="]
        # Imports take minutes and every core that is idle; the clock has seconds.
        lists = Child("lists", self._celery("lists", "lists", "solo"))
        # Rewriting a table takes minutes, and deadlines must not wait for its locks.
        destruction = Child("destruction", self._celery("destruction", "destruction", "solo"))
        # A server outside that answers slowly holds up nobody here.
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
    """A port nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
