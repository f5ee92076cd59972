"""Real browsers of people who are signed in."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.live.system import PASSWORD, LiveSystem

CHROMIUM = shutil.which("chromium")
NO_CHROMIUM = "skipped: no chromium on this machine (apt install chromium)"

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --use-fake-ui-for-media-stream --use-fake-device-for-media-stream"
)


@contextlib.contextmanager
def chromium(film: Path) -> Iterator[Browser]:
    """One whose camera shows this film: JPEG after JPEG, 30 a second, from its start each time it is opened."""
    with sync_playwright() as playwright:
        flags = [*FLAGS.split(), f"--use-file-for-fake-video-capture={film}"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


class Cast:
    """Browser windows of people who are signed in. What their consoles complain of is kept."""

    def __init__(self, browser: Browser, live: LiveSystem) -> None:
        self._browser, self._live = browser, live
        self.complaints: list[str] = []

    def sign_in(self, name: str) -> Page:
        page = self._browser.new_context(viewport={"width": 1366, "height": 800}).new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{name}: {error}"))
        page.on("console", lambda line: self._hear(name, line.type, line.text))
        page.goto(self._live.url)
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name=f"Good to see you, {name}")).to_be_visible()
        return page

    def _hear(self, name: str, kind: str, text: str) -> None:
        # A refused form or photograph is an answer, and Chromium writes those down as errors.
        if kind == "error" and "status of 4" not in text:
            self.complaints.append(f"{name}: {text}")
