"""Take the pictures of the handbook from a demonstration: `make screenshots`.

The demonstration is started with a folder of its own and without photographs, so that the only face in any picture is
the public-domain portrait that scikit-image ships.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from lfr_site.supervisor import BASE_DIR, available_port

PICTURES = BASE_DIR / "docs" / "handbook" / "pictures"
DESK, PHONE = {"width": 1366, "height": 850}, {"width": 390, "height": 844}
PATIENCE_S = 180


@contextlib.contextmanager
def demonstration() -> Iterator[str]:
    """Start a demonstration in a folder of its own, yield its address, and stop it."""
    port = available_port()
    with tempfile.TemporaryDirectory(prefix="lfr-pictures-") as data:
        environment = {**os.environ, "LFR_ENV": "demo", "LFR_DATA": data}
        command = [sys.executable, str(BASE_DIR / "manage.py"), "demo", "--port", str(port), "--past", "6"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            try:
                _wait_for(f"http://localhost:{port}", process)
                yield f"http://localhost:{port}"
            finally:
                process.send_signal(signal.SIGINT)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(f"{url}/health/"):
            return
        time.sleep(0.5)
    raise SystemExit("The demonstration did not start.")


def _as(browser: Browser, url: str, username: str, size: dict[str, int]) -> Page:
    context = browser.new_context(base_url=url, viewport=size, color_scheme="light")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/accounts/login/")
    page.locator(f'button[value="{username}"]').click()
    page.wait_for_url("/")
    return page


def _first(page: Page, listing: str, link: str) -> None:
    page.goto(listing)
    page.locator(f"main table a[href^='{link}']").first.click()


def _operator(page: Page) -> None:
    page.get_by_role("link", name="Open the console").click()
    page.locator(".alert-row").first.wait_for(timeout=PATIENCE_S * 1000)
    page.locator(".alert-row").first.click()
    page.locator(".alert-card .pair img").first.wait_for()


def _refer(page: Page) -> None:
    """Refer a possible match, so that the handset has one."""
    _operator(page)
    for number in "1234":
        page.keyboard.press(number)
    page.get_by_role("button", name="Same person").click()


def _officer(page: Page) -> None:
    page.get_by_role("link", name="Open the handset").click()
    page.locator("[data-open]").first.wait_for(timeout=60_000)
    page.locator("[data-open]").first.click()
    page.locator(".street-card").wait_for()


# Page, user, what to do to get there.
SHOTS: tuple[tuple[str, str, dict[str, int], Callable[[Page], Any]], ...] = (
    ("operator", "operator", DESK, _operator),
    ("operator-deciding", "operator", DESK, _refer),
    ("engagement-officer", "officer", PHONE, _officer),
    ("commander", "commander", DESK, lambda page: page.get_by_role("link", name="Live operations").click()),
    ("watchlist-administrator", "admin", DESK, lambda page: _first(page, "/watchlists/", "/watchlists/")),
    ("authorising-officer", "authority", DESK, lambda page: _first(page, "/deployments/", "/deployments/")),
    ("publisher", "publisher", DESK, lambda page: page.goto("/publication/")),
    ("compliance-officer", "compliance", DESK, lambda page: _first(page, "/records/", "/records/")),
)


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with demonstration() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, username, size, reach in SHOTS:
            page = _as(browser, url, username, size)
            reach(page)
            page.wait_for_timeout(1500)
            page.screenshot(path=PICTURES / f"{name}.png")
            sys.stdout.write(f"{name}.png\n")
        browser.close()


if __name__ == "__main__":
    main()
