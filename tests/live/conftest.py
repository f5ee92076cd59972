from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.live.system import LiveSystem, live_system

# How long a page may take is the machine's affair: five seconds, Playwright's own bound, is short on a busy one.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def live() -> Iterator[LiveSystem]:
    """One system for all the tests that leave it as they found it. Its clock is short, so that ends can be watched."""
    short = {"LFR_WATCHLIST_RETENTION_MINUTES": "0", "LFR_ALERT_RETENTION_MINUTES": "0", "LFR_ANSWER_SECONDS": "20"}
    short |= {"LFR_REVIEW_SECONDS": "60", "LFR_ENGAGEMENT_MINUTES": "1", "LFR_UNDO_SECONDS": "9"}
    # Programs that tests listen with are on this machine.
    short |= {"LFR_OWN_NETWORKS": "127.0.0.0/8"}
    with live_system(**short) as system:
        yield system


@pytest.fixture(scope="session")
def searched() -> Iterator[LiveSystem]:
    """One whose every file is searched: for a list that was destroyed, and, by tests that come later, for strangers."""
    with live_system(LFR_WATCHLIST_RETENTION_MINUTES="0", LFR_ALERT_RETENTION_MINUTES="0") as system:
        yield system
