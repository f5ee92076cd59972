"""Time and memory needed for hostile files and very large photographs.

    python -m benchmarks.hostile [--only WORDS] [--json]

Each file is generated and read in a new process: a picture by recognition.photographs, like an upload; an archive by
watchlists.importfile, like an import. Memory: the peak resident memory of the reading process and of its decoder, each
alone and both together.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.hostile_files import ARCHIVES, PICTURES
from recognition import photographs
from recognition.imaging import UnreadableImage


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    if options.read is not None:
        print(json.dumps(_read(options.read, options.archive)))
        return
    rows = []
    for name, make in {**PICTURES, **ARCHIVES}.items():
        if options.only in name:
            rows.append({"file": name, **_measured(make(), archive=name in ARCHIVES)})
            if not options.json:
                print(json.dumps(rows[-1]))
    if options.json:
        print(json.dumps(rows))


def _measured(data: bytes, *, archive: bool) -> dict[str, Any]:
    """Measure the reading of a file in a separate process."""
    with tempfile.NamedTemporaryFile(prefix="lfr-hostile-") as file:
        file.write(data)
        file.flush()
        command = [sys.executable, "-m", "benchmarks.hostile", "--read", file.name, *(["--archive"] if archive else [])]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    return {"bytes": len(data), **json.loads(run.stdout)}


def _read(path: Path, archive: bool) -> dict[str, Any]:
    read = _archive_reader() if archive else _upload
    data = path.read_bytes()
    with _watched() as seen:
        began, cpu = time.perf_counter(), _cpu_seconds()
        message = read(data)
        seconds = time.perf_counter() - began
    photographs.end_decoder()
    return {
        "taken": not message,
        "said": message,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(_cpu_seconds() - cpu, 2),
        "reader_mb": round(_memory_mb(os.getpid())["VmHWM"]),
        "decoder_mb": round(seen["decoder"]),
        "peak_mb": round(seen["both"]),
    }


def _upload(data: bytes) -> str:
    """Return why the file is refused; empty if it is accepted."""
    try:
        photographs.read_upload(data, photographs.MOST_ASKED_FOR)
    except UnreadableImage as error:
        return str(error)
    return ""


def _archive_reader() -> Callable[[bytes], str]:
    os.environ.update(LFR_ENV="demo", DJANGO_SETTINGS_MODULE="lfr_site.settings")
    import django

    django.setup()
    from watchlists.importfile import BadFile, PhotographArchive

    def read(data: bytes) -> str:
        try:
            return _upload(PhotographArchive(io.BytesIO(data)).read("one.jpg"))
        except BadFile as error:
            return str(error)

    return read


@contextlib.contextmanager
def _watched() -> Iterator[dict[str, float]]:
    """Record the peak resident MB of the decoder, by the kernel's count, and of both processes together.

    Both are read every two milliseconds, because the decoder may be ended while it reads the file.
    """
    seen = {"decoder": 0.0, "both": 0.0}
    over = threading.Event()

    def look() -> None:
        pid = photographs.decoder_pid()
        decoder = _memory_mb(pid) if pid is not None else {}
        seen["decoder"] = max(seen["decoder"], decoder.get("VmHWM", 0))
        seen["both"] = max(seen["both"], _memory_mb(os.getpid())["VmRSS"] + decoder.get("VmRSS", 0))

    def watch() -> None:
        while not over.wait(0.002):
            look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
        look()


def _memory_mb(pid: int) -> dict[str, float]:
    """Return VmHWM and VmRSS in MB; empty if the process has ended."""
    with contextlib.suppress(OSError):
        lines = [line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
        return {line[0][:-1]: int(line[1]) * 1024 / 1e6 for line in lines if line[0] in ("VmHWM:", "VmRSS:")}
    return {}


def _cpu_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="Only files whose name contains this text.")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--archive", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="Print one line.")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
