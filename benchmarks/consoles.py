"""Time until a possible match is on the operators' screens, and possible matches lost.

    python -m benchmarks.consoles [--alerts 200] [--seconds 60] [--consoles 3] [--cut 30] [--json]

The running system and real browsers (Chromium), each with an operator's console of one deployment. Alerts are raised at
an even pace by the operation that workers call, for the people on the watchlist in turn. Milliseconds from the commit
until the browser received the message on its socket, and until the row was in the page. The second is what an operator
sees; the first is the baseline, because no page can be faster. In the middle of the run, the network of the last
console is cut for --cut seconds: its alerts of that time are counted as found or lost, but not timed. A queue shows its
first 200 alerts and the number of all; lost: those of the first 200 that are missing at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.stage import Stage, say, set_stage
from benchmarks.system import RunningSystem, running_system
from demo import scene
from recognition.open_set import photographs

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Each page records, by alert, when its socket received the message and when its row was in the page.
_NOTE = """
window.noted = { heard: {}, shown: {} };
const Plain = WebSocket;
window.WebSocket = class extends Plain {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data }) => {
      const { kind, id } = JSON.parse(data);
      if (kind === "alert.raised") noted.heard[id] ??= Date.now();
    });
  }
};
addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
  for (const row of document.querySelectorAll("li[data-id]")) noted.shown[row.dataset.id] ??= Date.now();
}).observe(document.body, { childList: true, subtree: true }));
"""
_QUEUE = '[data-rows="waiting"] > li'


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    # Every call raises a separate alert.
    os.environ["LFR_JOIN_SECONDS"] = "0"
    with running_system() as system:
        print(json.dumps(measure(system, options), indent=None if options.json else 2))


def measure(system: RunningSystem, options: argparse.Namespace) -> dict[str, Any]:
    """Raise alerts, observe the consoles and return the figures."""
    from playwright.sync_api import sync_playwright

    folder = options.faces or scene.bundled_faces(system.data / "faces")
    stage = set_stage({name: pictures[0] for name, pictures in list(photographs(folder).items())[:24]}, 2)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        pages = [_console(browser, system, stage) for _ in range(options.consoles)]
        say(f"{options.alerts} alerts in {options.seconds:g} s over {options.consoles} consoles")
        raising = _Raising(stage, options.alerts, options.seconds)
        raising.start()
        began = time.time()
        cut = _cut(pages[-1], began, options)
        raising.join()
        if raising.error is not None:
            raise raising.error
        pages[0].wait_for_timeout(8000)
        noted = [page.evaluate("window.noted") for page in pages]
        orders = [page.locator(_QUEUE).evaluate_all("rows => rows.map((row) => row.dataset.id)") for page in pages]
        counts = [page.locator('[data-count="waiting"]').inner_text() for page in pages]
        browser.close()
    return _result(raising.committed, noted, orders, counts, cut)


class _Raising(threading.Thread):
    """Raises alerts at an even pace. committed: time of each commit in ms since 1970, by alert id."""

    def __init__(self, stage: Stage, count: int, seconds: float) -> None:
        super().__init__()
        self._stage, self._count, self._pace = stage, count, seconds / count
        self.committed: dict[str, float] = {}
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._raise_all()
        except Exception as error:
            self.error = error

    def _raise_all(self) -> None:
        from django.db import connection
        from django.utils import timezone

        from alerts.places import Place
        from alerts.raising import Probe, raise_alerts
        from recognition.frame import Candidate
        from watchlists.models import Photograph

        listed = list(Photograph.objects.filter(person__in=self._stage.name_of).select_related("person"))
        jpegs = [photograph.face() for photograph in listed]
        from recognition.imaging import encode_jpeg

        began = time.monotonic()
        for number in range(self._count):
            time.sleep(max(began + number * self._pace - time.monotonic(), 0))
            photograph = listed[number % len(listed)]
            camera, _ = self._stage.cameras[number % len(self._stage.cameras)]
            box = (10, 10, 90, 110)
            face, place = encode_jpeg(jpegs[number % len(listed)]), Place.of_box(box, 1280, 720)
            probe = Probe(f"{number:032}", number, timezone.now(), box, place, face)
            candidate = Candidate(photograph.person_id, photograph.pk, 0.8)
            for alert in raise_alerts(camera.id, [(candidate, probe)]).raised:
                self.committed[str(alert.pk)] = time.time() * 1000
        connection.close()


def _console(browser: Any, system: RunningSystem, stage: Stage) -> Page:
    context = browser.new_context(viewport={"width": 1366, "height": 800})
    context.add_cookies([{"name": "sessionid", "value": stage.session, "url": system.url}])
    page: Page = context.new_page()
    page.add_init_script(_NOTE)
    page.goto(f"{system.url}/deployments/{stage.deployment.id}/console/")
    page.wait_for_selector('#line[data-state="on"]')
    return page


def _cut(page: Page, began: float, options: argparse.Namespace) -> tuple[float, float]:
    """Cut the network; return from when until when (ms since 1970), or twice 0.0 if it was not cut."""
    if not options.cut:
        return 0.0, 0.0
    page.wait_for_timeout(max((options.seconds - options.cut) / 2 - (time.time() - began), 0) * 1000)
    page.context.set_offline(True)
    start = time.time() * 1000
    page.wait_for_timeout(options.cut * 1000)
    page.context.set_offline(False)
    # Nothing can be received until the connection is restored.
    page.wait_for_selector('#line[data-state="on"]')
    return start, time.time() * 1000


def _result(
    committed: dict[str, float],
    noted: list[dict[str, dict[str, float]]],
    orders: list[list[str]],
    counts: list[str],
    cut: tuple[float, float],
) -> dict[str, Any]:
    from alerts.cards import SECTION_LENGTH
    from alerts.models import Alert

    wanted = [str(pk) for pk in Alert.objects.undecided().in_order().values_list("pk", flat=True)]
    timed = [
        (page["heard"].get(alert), page["shown"].get(alert), moment)
        for number, page in enumerate(noted)
        for alert, moment in committed.items()
        if not (number == len(noted) - 1 and cut[0] - 2000 <= moment <= cut[1])
    ]
    heard = [hear - moment for hear, _, moment in timed if hear is not None]
    shown = [show - moment for _, show, moment in timed if show is not None]
    ratio = np.percentile(shown, 95) / max(np.percentile(heard, 95), 1.0)
    return {
        "alerts": len(committed),
        "raised_in_s": round((max(committed.values()) - min(committed.values())) / 1000, 1),
        "lost": [len(set(wanted[:SECTION_LENGTH]) - set(order)) for order in orders],
        "while_cut_off": sum(cut[0] <= moment <= cut[1] for moment in committed.values()),
        "count_is_true": [count == str(len(wanted)) for count in counts],
        "order_kept": [order == wanted[: len(order)] for order in orders],
        "commit_to_heard_ms": _percentiles(heard),
        "commit_to_shown_ms": _percentiles(shown),
        "shown_over_heard_p95": round(float(ratio), 1),
    }


def _percentiles(values: list[float]) -> dict[str, int]:
    return {f"p{at}": round(float(np.percentile(values, at))) for at in (50, 95, 99)}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--consoles", type=int, default=3)
    parser.add_argument("--cut", type=float, default=30, help="Seconds without network; 0 for none.")
    parser.add_argument("--faces", type=Path, help="Folder of photographs (default: the bundled portrait).")
    parser.add_argument("--json", action="store_true", help="Print one line.")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
