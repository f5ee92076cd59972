"""From enrolment to a decided alert to the destroyed list, in real browsers, by the people whose work it is."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from demo import scene
from lfr_site.supervisor import BASE_DIR
from recognition.engine import Engine
from recognition.imaging import encode_jpeg
from recognition.open_set import photographs
from tests.cast import portrait, portrait_jpeg
from tests.live.browsing import CHROMIUM, NO_CHROMIUM, Cast, chromium, confirm_identity, write_film
from tests.live.system import LiveSystem, authorise, eventually, put_threshold_in_force

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)


@pytest.fixture(scope="module")
def film(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera file in which the portrait walks up: JPEG after JPEG, 30 a second."""
    folder = tmp_path_factory.mktemp("film")
    pictures = photographs(scene.bundled_faces(folder / "faces"))["portrait"]
    looks = [look for path in pictures[1:] if (look := scene.cutout(engine, path)) is not None]
    assert looks
    street = scene.Street([scene.Walker("portrait", tuple(looks), 0.5, 6.0, 0.5, 1.0)], label="")
    return write_film(street, folder / "camera.mjpeg")


@pytest.fixture(scope="module")
def browser(film: Path) -> Iterator[Browser]:
    with chromium(film) as browser:
        yield browser


@pytest.fixture
def people(browser: Browser, live: LiveSystem) -> Iterator[Cast]:
    cast = Cast(browser, live)
    yield cast
    assert cast.complaints == []


def test_from_enrolment_to_destruction(people: Cast, live: LiveSystem) -> None:
    watchlist_admin, authority = people.sign_in("watchlist_admin", by_form=True), people.sign_in("authority")
    operator, officer = people.sign_in("operator"), people.sign_in("officer")

    listed = _compile(watchlist_admin)
    _approve(authority, listed)
    deployment = _start(live, operator, listed)

    watcher = people.sign_in("operator")
    watcher.goto(f"{live.url}{deployment}console/")
    expect(watcher.locator("#line")).to_have_text("Connected")
    camera = people.sign_in("operator")
    _stream(live, camera, live.url + deployment)

    _decide(operator, watcher, live.url + deployment)
    _conclude(officer, watcher, live.url + deployment)
    people_kept, alerts_kept = _kept(live, deployment)
    assert (people_kept, alerts_kept > 0) == (1, True)
    _end(people.sign_in("commander"), camera, live.url + deployment)
    assert eventually(lambda: _kept(live, deployment) == (0, 0), patience=60)
    _recorded(live, people.sign_in("compliance"), deployment)


def test_many_at_once(people: Cast, live: LiveSystem) -> None:
    page = people.sign_in("watchlist_admin")
    page.goto(f"{live.url}/watchlists/new/")
    page.get_by_label("Name").fill("County, warrants")
    page.get_by_label("Purpose").fill("Find people wanted on warrants")
    page.get_by_role("button", name="Create draft").click()
    page.get_by_role("link", name="Import people").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download template").click()
    header, example, *_ = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    wrong = example.replace("N/1042", "N/1043").replace("1994-03-09", "soon")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as stream:
        stream.writestr("1042_front.jpg", portrait_jpeg())
    table = "\r\n".join((header, example, wrong)).encode()
    page.get_by_label("People (CSV)").set_input_files({"name": "p.csv", "mimeType": "text/csv", "buffer": table})
    page.get_by_label("Photographs (ZIP)").set_input_files(
        {"name": "p.zip", "mimeType": "application/zip", "buffer": archive.getvalue()}
    )
    page.get_by_role("button", name="Read files").click()
    expect(page.get_by_text("Nobody has been added yet. 1 of 2 people can be added")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("row", name="N/1043")).to_contain_text("date_of_birth")
    expect(page.get_by_role("row", name="N/1042")).to_contain_text("“1042_side.jpg” is not in the ZIP")
    page.get_by_role("button", name="Add 1 to the list").click()
    expect(page.get_by_text("Finished")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Go to the list").click()
    expect(page.get_by_role("link", name="Alex Fenwick")).to_be_visible()
    page.get_by_role("button", name="Discard draft").click()
    expect(page.get_by_text("will be destroyed shortly")).to_be_visible()


def _compile(page: Page) -> str:
    page.get_by_role("link", name="Watchlists").click()
    page.get_by_role("link", name="Create watchlist").click()
    page.get_by_label("Name").fill("Southend, high harm")
    page.get_by_label("Purpose").fill("Find people wanted for robbery")
    page.get_by_role("button", name="Create draft").click()
    expect(page.get_by_role("button", name="Mark as complete")).to_be_disabled()

    page.get_by_role("link", name="Add a person").click()
    photograph = page.locator("input[type=file]")
    photograph.set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"})
    expect(page.locator("#verdict")).to_contain_text("is not a picture")
    two = encode_jpeg(np.concatenate([portrait(), portrait()[:, ::-1]], axis=1))
    photograph.set_input_files({"name": "two.jpg", "mimeType": "image/jpeg", "buffer": two})
    expect(page.locator("#verdict")).to_contain_text("2 faces")
    page.get_by_role("button", name="Face 2 of 2").click()
    expect(page.locator("#verdict")).to_contain_text("Check that the right one is marked")
    page.get_by_role("button", name="Use this computer's camera").click()
    page.get_by_role("button", name="Take photograph").click()
    expect(page.locator("#verdict p").first).not_to_contain_text("Checking")
    photograph.set_input_files({"name": "one.jpg", "mimeType": "image/jpeg", "buffer": portrait_jpeg()})
    expect(page.locator("#verdict")).to_contain_text("One clear face")
    expect(page.locator("#report tr")).to_have_count(7)
    _draw_a_frame(page)
    page.get_by_label("Source").select_option("Driving licence")
    page.get_by_label("Why the force may hold it").fill("Custody record EK/1")
    page.get_by_label("Name").fill("Alex Fenwick")
    page.get_by_label("Nominal reference").fill("N/1")
    page.get_by_label("Date of birth", exact=True).fill("2011-03-09")
    page.get_by_label("Category", exact=True).select_option("Wanted by the courts")
    page.get_by_label("Offence or harm").fill("Robbery")
    page.get_by_label("Seriousness").select_option("Serious: violence, robbery, burglary, weapons, supply of drugs")
    page.get_by_label("Category of data subject").select_option("Suspected of an offence")
    page.get_by_label("Legal basis").select_option("Warrant of arrest")
    page.get_by_label("Warrant or order").fill("Basildon Crown Court, 4 September")
    page.get_by_label("Response").select_option("Amber: arrest or enforce")
    page.get_by_label("Expected action").fill("Arrest on the warrant")
    page.get_by_label("Weapons").check()
    page.get_by_label("it is of this person").check()
    page.get_by_role("button", name="Add to list").click()
    expect(page.get_by_role("alert")).to_contain_text("You cannot use a driving licence photograph")
    photograph.set_input_files({"name": "one.jpg", "mimeType": "image/jpeg", "buffer": portrait_jpeg()})
    page.get_by_label("Source").select_option("Custody photograph")
    page.get_by_label("Why it may be kept").select_option("Convicted of the offence it was taken for")
    page.get_by_role("button", name="Add to list").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter the rationale for a person under 18")
    photograph.set_input_files({"name": "one.jpg", "mimeType": "image/jpeg", "buffer": portrait_jpeg()})
    page.get_by_label("Rationale for a person under 18").fill("Three robberies of other children")
    page.get_by_role("button", name="Add to list").click()
    expect(page.get_by_role("heading", name="Alex Fenwick")).to_be_visible()
    expect(page.get_by_text("The date of this photograph is not known")).to_be_visible()
    page.get_by_role("link", name="Southend, high harm").click()
    _correct(page)
    return _check(page)


def _draw_a_frame(page: Page) -> None:
    """By hand, around the portrait's head; and back to what the detector found."""
    page.get_by_role("button", name="Draw frame by hand").click()
    area = page.locator("#preview").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] * 0.3, area["y"] + area["height"] * 0.05)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.6, area["y"] + area["height"] * 0.45, steps=5)
    page.mouse.up()
    expect(page.locator("#verdict")).to_contain_text("One clear face")
    expect(page.get_by_role("button", name="The frame you drew")).to_be_visible()


def _correct(page: Page) -> None:
    """Change particulars on two tabs: the second is told."""
    page.get_by_role("link", name="Alex Fenwick").click()
    second = page.context.new_page()
    second.goto(page.url)
    for tab in (page, second):
        tab.get_by_role("link", name="Change particulars").click()
    page.get_by_label("Warrant or order").fill("No. 23/1184, Basildon Crown Court")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("No. 23/1184")).to_be_visible()
    second.get_by_label("Warrant or order").fill("Another")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("alert")).to_contain_text("Another user has changed this entry")
    second.close()
    page.get_by_role("link", name="Southend, high harm").click()


def _check(page: Page) -> str:
    listed = page.url
    page.get_by_role("button", name="Mark as complete").click()
    expect(page.get_by_text("Open flags:")).to_be_visible()
    expect(page.get_by_role("button", name="Submit for approval")).to_be_disabled()
    page.get_by_label("Show").select_option("With open flags")
    page.get_by_role("button", name="Apply filters").click()
    page.get_by_role("region", name="People on this list").get_by_role("link", name="Alex Fenwick").click()
    expect(page.get_by_role("heading", name="Alex Fenwick")).to_be_visible()
    # Other tests' lists hold the same portrait under other references: those are flagged as well.
    for left in range(page.get_by_role("button", name="Accept flag").count(), 0, -1):
        page.get_by_label("Reason for accepting this flag").first.fill("Compared with footage of May")
        page.get_by_role("button", name="Accept flag").first.click()
        expect(page.get_by_role("button", name="Accept flag")).to_have_count(left - 1)
    page.goto(listed)
    page.get_by_role("checkbox", name="Alex Fenwick is still sought").check()
    page.locator("#source-ticked").select_option("Court or warrants register")
    page.get_by_role("button", name="Confirm ticked people are still sought").click()
    expect(page.get_by_text("People confirmed as still sought: 1")).to_be_visible()
    page.get_by_role("button", name="Submit for approval").click()
    expect(page.get_by_text("An authorising officer will decide")).to_be_visible()
    return page.url


def _approve(page: Page, listed: str) -> None:
    page.goto(listed)
    page.get_by_label("Reason").fill("Necessary for the purpose")
    page.get_by_role("button", name="Approve and seal").click()
    expect(page.get_by_text("Enter your reason for each person under 18, or return the list")).to_be_visible()
    page.goto(listed)
    page.get_by_label("Why Alex Fenwick must be sought in this way").fill("Missing for nine days and at risk")
    page.get_by_label("Reason").fill("Necessary for the purpose")
    page.get_by_role("button", name="Approve and seal").click()
    expect(page.locator("h1 .badge")).to_have_text("Sealed")


def _start(live: LiveSystem, operator: Page, listed: str) -> str:
    """From the application to the live cameras, by the pages' own posts; tests.live.test_trial does it in browsers."""
    put_threshold_in_force(live)
    deployment = live.user("watchlist_admin").apply_for(["North", "South"], 50)
    authorise(live, deployment)
    live.user("commander").prepare(deployment, listed.rstrip("/").rsplit("/", 1)[-1])
    operator.goto(f"{live.url}/deployments/{deployment}/")
    expect(operator.locator("h1 .badge")).to_have_text("Live")
    operator.get_by_role("link", name="Open the console").click()
    expect(operator.locator("#line")).to_have_text("Connected")
    return f"/deployments/{deployment}/"


def _stream(live: LiveSystem, page: Page, deployment: str) -> None:
    page.goto(deployment)
    page.get_by_role("link", name="Open North").click()
    page.get_by_role("button", name="Use this device's camera").click()
    expect(page.locator("#state")).to_have_text("Streaming")
    expect(page.locator("#in-view")).to_have_text("1", timeout=20_000)
    # It goes on streaming, as fast as this machine reads.
    read = f"SELECT frames_processed FROM deployments_camera WHERE id = '{page.url.rstrip('/').rsplit('/', 1)[-1]}'"
    assert eventually(lambda: live.sql(read)[0][0] >= 20, patience=60)
    assert float(page.locator("#fps").inner_text()) > 0
    drawn = "document.querySelector('#overlay').getContext('2d').getImageData(0, 0, 2000, 2000).data.some((v) => v > 0)"
    assert page.evaluate(drawn)


def _decide(operator: Page, watcher: Page, deployment: str) -> None:
    card = operator.locator(".alert-card")
    expect(card.get_by_role("heading", name="Possible match")).to_be_visible(timeout=30_000)
    expect(card.get_by_text("Under 18.")).to_be_visible()
    # Look first: who it may be, and how near it came, is said after the judgement.
    assert "Alex Fenwick" not in card.inner_html()
    for name in ("Face from the camera", "Photograph from the watchlist"):
        picture = card.get_by_role("img", name=name)
        assert picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth }") == 400
    for button in ("Same person", "Not the same", "Inconclusive"):
        expect(card.get_by_role("button", name=button)).to_be_in_viewport()
        expect(card.get_by_role("button", name=button)).to_be_enabled()
    shown = card.get_attribute("data-id")
    row = watcher.locator(f"#alert-{shown}")
    expect(row).to_contain_text("operator is comparing")
    operator.keyboard.press("s")
    expect(operator.locator("#card-error")).to_contain_text("at least one feature that is alike")
    operator.keyboard.press("4")
    operator.keyboard.press("s")
    expect(row).to_contain_text("Referred to officers")
    # Undone within seconds and decided again. Once that is final, name and score are shown.
    expect(operator.get_by_role("button", name="Undo decision")).to_be_visible()
    operator.keyboard.press("z")
    expect(row).to_contain_text("operator is comparing")
    expect(operator.get_by_role("button", name="Same person")).to_be_enabled()
    operator.keyboard.press("7")
    operator.keyboard.press("s")
    expect(row).to_contain_text("Referred to officers")
    expect(operator.locator(".revealed")).to_contain_text("Alex Fenwick", timeout=15_000)
    expect(operator.locator(".revealed")).to_contain_text("not a probability")
    # Sound: off is said, on is said, and the key does what the button does.
    expect(operator.locator("#sound")).to_contain_text("Sound is off")
    operator.keyboard.press("m")
    expect(operator.locator("#sound")).to_contain_text("Sound is on")


def _conclude(officer: Page, watcher: Page, deployment: str) -> None:
    officer.goto(deployment + "handset/")
    officer.locator("[data-kind=open] [data-open]").first.click()
    card = officer.locator(".street-card")
    assert "Alex Fenwick" not in card.inner_html()
    for step in ("On my way", "Speaking to the person", "Checking identity"):
        card.get_by_role("button", name=step, exact=True).click()
    confirm_identity(card)
    expect(card.locator(".revealed")).to_have_text("Alex Fenwick")
    arrest = card.locator("[data-act=arrest]")
    arrest.locator("summary").click()
    arrest.get_by_label("Robbery").check()
    arrest.get_by_label("Leaflet given").check()
    arrest.get_by_role("button", name="Record: arrested").click()
    expect(card.locator(".state-now")).to_have_text("Same person: arrested")
    expect(watcher.locator("li[data-state=arrested]").first).to_contain_text("arrested")


def _end(commander: Page, camera: Page, deployment: str) -> None:
    commander.goto(f"{deployment}command/")
    commander.get_by_role("button", name="End period").click()
    expect(commander.locator("h1 .badge")).to_have_text("Ended")
    expect(camera.locator("#state")).to_have_text("Closed")
    # Said by the socket that is closed, or by the next one that is refused.
    expect(camera.locator("#problem")).to_have_text(
        re.compile(r"^The deployment(, or this period of it,)? has ended\.$")
    )


def _kept(live: LiveSystem, deployment: str) -> tuple[int, int]:
    """Of whom of the list anything is kept, and of how many alerts."""
    kept = "(a.sealed IS NOT NULL OR EXISTS (SELECT FROM alerts_shot s WHERE s.alert_id = a.id))"
    ((people,),) = live.sql("SELECT count(*) FROM watchlists_person WHERE name = 'Alex Fenwick'")
    ((alerts,),) = live.sql(
        f"SELECT count(*) FROM alerts_alert a WHERE deployment_id = '{deployment.split('/')[2]}' AND {kept}"
    )
    return people, alerts


def _recorded(live: LiveSystem, page: Page, deployment: str) -> None:
    page.goto(live.url)
    page.get_by_role("link", name="Records").click()
    with page.expect_download() as download:
        page.locator(f"a[href='/records/{deployment.split('/')[2]}.csv']").click()
    record, total = csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig")))
    assert (record["deployment"], record["watchlist_size"]) == ("Southend High Street", "1")
    assert total["period"] == "all"
    assert int(record["faces_seen"]) >= 1
    assert int(record["alerts"]) == sum(int(record[name]) for name in _RESULTS) >= 1
    assert record["outcome_arrest"] == "1"
    assert record["watchlist_destroyed"]

    page.get_by_role("link", name="Audit log").click()
    page.get_by_role("button", name="Verify the log").click()
    expect(page.get_by_text("The log is intact")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download audit log (CSV)").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert [int(row["number"]) for row in rows] == list(range(1, len(rows) + 1))
    actions = [row["action"] for row in rows]
    positions = [_last(actions, action) for action in _STORY]
    assert positions == sorted(positions)
    assert not any("Alex Fenwick" in value for row in rows for value in row.values())
    page.get_by_role("link", name="Export with proofs").click()
    page.get_by_label("Recipient").fill("The regulator")
    page.get_by_label("Purpose").fill("Inspection")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    verify = [sys.executable, "-I", str(BASE_DIR / "transparency" / "verifier.py"), str(download.value.path())]
    verified = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert verified.stdout.endswith("\nVERIFIED\n"), verified.stdout + verified.stderr
    page.get_by_role("link", name="Audit log").first.click()
    page.locator("#id_deployment").select_option(deployment.split("/")[2])
    page.get_by_role("button", name="Apply filters").click()
    page.get_by_role("link", name="Make audit report").click()
    expect(page.get_by_role("heading", name="Who did what")).to_be_visible()
    expect(page.get_by_role("cell", name="Outcome recorded").first).to_be_visible()


def _last(actions: list[str], action: str) -> int:
    return len(actions) - 1 - actions[::-1].index(action)


_RESULTS = ("true_confirmed", "true_unconfirmed", "false_confirmed", "false_unconfirmed", "unresolved", "still_open")
_STORY = (
    "person.added",
    "person.changed",
    "watchlist.compiled",
    "person.flag_accepted",
    "watchlist.people_current",
    "watchlist.checked",
    "watchlist.authorised",
    "watchlist.sealed",
    "deployment.created",
    "deployment.submitted",
    "deployment.authorised",
    "deployment.live",
    "camera.connected",
    "alert.referred",
    "alert.outcome",
    "deployment.ended",
    "watchlist.destroyed",
    "record.exported",
)
