"""Requests to stop: by a signal, or by interrupting the `make` that started this process."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCH_EVERY_S = 0.5


@contextlib.contextmanager
def interruptible(make: int | None = None) -> Iterator[None]:
    """Raise KeyboardInterrupt in the main thread at the first request to stop; ignore later ones.

    SIGINT is caught explicitly, because a script's background job starts with it ignored. make: the process id of the
    `make` that started this process. If SIGINT is sent to `make` alone, it waits for its recipe without passing it on.
    """
    for number in ENDING:
        signal.signal(number, _end)
    if make is not None and _catches_interrupts(make):
        # A timer instead of a thread: children are forked from this process.
        signal.signal(signal.SIGALRM, lambda *_: None if _catches_interrupts(make) else _end())
        signal.setitimer(signal.ITIMER_REAL, WATCH_EVERY_S, WATCH_EVERY_S)
    try:
        yield
    finally:
        # Python restores the default handlers as it exits, and an alarm would then kill it.
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Defer requests to stop until the block is done, for work that must not stop halfway."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(number: int = signal.SIGINT, frame: FrameType | None = None) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    for each in (*ENDING, signal.SIGALRM):
        signal.signal(each, _do_nothing)
    raise KeyboardInterrupt


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Ignore further requests to stop. A handler, because children would inherit SIG_IGN."""


def _catches_interrupts(process: int) -> bool:
    """Return whether a process has a handler for SIGINT. GNU make removes its own once it is interrupted.

    Return False if the process has ended, and where there is no /proc.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
    fields = {name: value.strip() for name, _, value in (line.partition(":") for line in status.splitlines())}
    is_dead = fields.get("State", "Z").startswith(("Z", "X"))
    return not is_dead and bool(int(fields.get("SigCgt", "0"), 16) & 1 << (signal.SIGINT - 1))
