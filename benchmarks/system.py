"""The whole system, run by `manage.py start` in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from lfr_site import services
from lfr_site.supervisor import BASE_DIR, available_port


@dataclass(frozen=True)
class RunningSystem:
    """A running system. url: its address; supervisor: the process that runs all the others."""

    url: str
    data: Path
    supervisor: psutil.Process

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time so far by kind of process, and that of this process as the load."""
        kinds = {"lfr_site.server": "web", "frames": "workers", "celery": "clock"}
        kinds |= {"valkey": "valkey", "postgres": "postgres"}
        spent = dict.fromkeys([*kinds.values(), "load"], 0.0)
        for process in (*self.supervisor.children(recursive=True), psutil.Process()):
            with contextlib.suppress(psutil.NoSuchProcess):
                command = " ".join(process.cmdline())
                kind = next((kind for word, kind in kinds.items() if word in command), "load")
                spent[kind] += sum(process.cpu_times()[:2])
        return spent

    def memory(self) -> tuple[int, float]:
        """Return the number of processes and their resident memory in MB, with shared memory counted in each."""
        family = [self.supervisor, *self.supervisor.children(recursive=True)]
        total = 0
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return len(family), total / 2**20


@contextlib.contextmanager
def running_system(workers: int = 2) -> Iterator[RunningSystem]:
    """Start a system, connect this process's Django to it, and stop it however the block ends."""
    data = Path(tempfile.mkdtemp(prefix="lfr-benchmark-"))
    data.chmod(0o711)
    os.environ.update(
        LFR_ENV="demo", LFR_BLUE_PASSES="0", LFR_DATA=str(data), DJANGO_SETTINGS_MODULE="lfr_site.settings"
    )
    port = available_port()
    command = [sys.executable, str(BASE_DIR / "manage.py"), "start", "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            print(line.rstrip(), file=sys.stderr)
            if "ready at" in line:
                break
        else:
            raise SystemExit("The system did not start.")
        import django

        django.setup()
        yield RunningSystem(f"http://localhost:{port}", data, psutil.Process(process.pid))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        services.forget(data)


def processor() -> str:
    """Return the processor's name, its number of cores, and its features that matter to the runtime."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    info = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = info.get("flags", "").split()
    features = [each for each in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16") if each in flags]
    return f"{info.get('model name', 'unknown')}, {os.cpu_count()} cores, {' '.join(features) or 'no AVX2'}"
