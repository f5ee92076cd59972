"""Keeps every core busy until it is stopped: `python -m tests.busy`, for `make test-busy`."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys


def spin() -> None:
    """Count without end."""
    number = 0
    while os.getppid() != 1:
        number = (number * 1_103_515_245 + 12_345) % 2**31


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    for _ in range(os.cpu_count() or 1):
        multiprocessing.Process(target=spin, daemon=True).start()
    signal.pause()


if __name__ == "__main__":
    main()
