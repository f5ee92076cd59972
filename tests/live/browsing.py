"""Real browsers of people who are signed in."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from demo import scene
from recognition.imaging import encode_jpeg
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


def write_film(street: scene.Street, path: Path) -> Path:
    """Write the film of a street, until everybody has passed, as the camera file for `chromium`."""
    # Ten pictures a second, each shown for three of Chromium's: composing them is what takes long.
    pictures = (encode_jpeg(street.frame(number / 10)[0], 85) for number in range(round(10 * (street.seconds + 1))))
    path.write_bytes(b"".join(picture * 3 for picture in pictures))
    return path


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA on a page as it is now."""
    options = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{rule['id']}: {node['html'][:160]} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


class Cast:
    """Browser windows of people who are signed in. What their consoles complain of is kept."""

    def __init__(self, browser: Browser, live: LiveSystem) -> None:
        self._browser, self._live = browser, live
        self.complaints: list[str] = []

    def sign_in(self, name: str, *, phone: bool = False, dark: bool = False, by_form: bool = False) -> Page:
        """In a window of their own; on a phone it is held upright. In the session that this person has already, unless
        they fill in the form.
        """
        context = self._browser.new_context(
            viewport={"width": 390, "height": 844} if phone else {"width": 1366, "height": 800},
            has_touch=phone,
            color_scheme="dark" if dark else "light",
        )
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{name}: {error}"))
        page.on("console", lambda line: self._hear(name, line.type, line.text))
        if not by_form:
            key, value = self._live.user(name).cookie.split("=")
            context.add_cookies([{"name": key, "value": value, "url": self._live.url}])
            return page
        page.goto(self._live.url)
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name=f"Welcome, {name}")).to_be_visible()
        return page

    def _hear(self, name: str, kind: str, text: str) -> None:
        # A refused form or photograph is an answer, and Chromium writes those down as errors; and a line that was cut.
        if kind == "error" and "status of 4" not in text and "ERR_INTERNET_DISCONNECTED" not in text:
            self.complaints.append(f"{name}: {text}")


def confirm_identity(card: Locator) -> None:
    """Record on a handset's card that the person's identity was confirmed, and how."""
    card.locator("summary", has_text="Identity confirmed").click()
    card.get_by_label("Identity document").check()
    card.get_by_role("button", name="Record: identity confirmed").click()
