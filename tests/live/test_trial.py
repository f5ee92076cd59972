"""Two days like the trial of October 2023, from the application to the closed record, by the people whose work it is.

Southend, then Chelmsford, with equipment that another force lent: five possible matches, three arrests, for rape,
robbery and an outstanding warrant. The people are invented; the photographs are of people who gave them for research.
What this test moves is the second day: the database is told that it is now.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from demo import scene
from lfr_site import services
from recognition.engine import Engine
from recognition.open_set import photographs
from tests.cast import LONDON, NO_LONDON, portrait_jpeg
from tests.live.browsing import CHROMIUM, NO_CHROMIUM, Cast, chromium, confirm_identity, write_film
from tests.live.system import LONDON_TIME, LiveSystem, eventually, live_system, put_documents_in_force, seal_list

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM),
    pytest.mark.skipif(not LONDON.is_dir(), reason=NO_LONDON),
]

STAFF = "Staff Volunteer"
SOUTHEND = ("Rowan Ash", "Jamie Holt", "Alex Wren")
CHELMSFORD = ("Kim Farrow", "Sam Birch")
OUTCOMES = {
    "Rowan Ash": ("Arrested", "Rape and serious sexual offences"),
    "Jamie Holt": ("Arrested", "Robbery"),
    "Alex Wren": ("No action", "Already dealt with"),
    "Kim Farrow": ("Arrested", "Outstanding warrant"),
    "Sam Birch": ("Other disposal", "Words of advice"),
}
WALK_S = 3.0


@pytest.fixture(scope="module")
def faces() -> dict[str, list[Path]]:
    """Each invented name, and photographs of somebody: the first is enrolled, in the others they walk."""
    known = list(photographs(LONDON).values())
    return dict(zip((STAFF, *SOUTHEND, *CHELMSFORD), known, strict=False))


@pytest.fixture(scope="module")
def browser(
    faces: dict[str, list[Path]], engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """Its camera sees the member of staff first, then each of the others, one after the other."""
    walkers = []
    for number, (name, pictures) in enumerate(faces.items()):
        front = scene.matching(pictures[1:], "*front*") or pictures[1:]
        looks = tuple(look for path in front if (look := scene.cutout(engine, path)) is not None)
        walkers.append(scene.Walker(name, looks, 0.5 + number * WALK_S, WALK_S, 0.5, 1.0))
    street = scene.Street(walkers, label="")
    with chromium(write_film(street, tmp_path_factory.mktemp("film") / "street.mjpeg")) as browser:
        yield browser


@pytest.fixture(scope="module")
def system() -> Iterator[LiveSystem]:
    with live_system(
        LFR_WATCHLIST_RETENTION_MINUTES="0", LFR_ALERT_RETENTION_MINUTES="0", LFR_BLUE_PASSES="1"
    ) as running:
        yield running


def test_two_days(browser: Browser, system: LiveSystem, faces: dict[str, list[Path]]) -> None:
    people = Cast(browser, system)
    commander, operator = people.sign_in("commander"), people.sign_in("operator")
    camera, officer = people.sign_in("operator"), people.sign_in("officer")
    authority, compliance = people.sign_in("authority"), people.sign_in("compliance")

    _threshold(compliance, people.sign_in("owner"), people.sign_in("system_admin"), authority, system)
    deployment = _apply(people.sign_in("watchlist_admin"), system)
    _authorise(authority, system, deployment)
    commander.goto(system.url + deployment)
    commander.get_by_label("Channel").select_option("Force website")
    commander.get_by_label("Address or place").fill("The force's news page")
    yesterday = dt.datetime.now(LONDON_TIME) - dt.timedelta(hours=25)
    commander.get_by_label("Published at").fill(f"{yesterday:%Y-%m-%dT%H:%M}")
    commander.get_by_role("button", name="Record public notice").click()
    _receive_kit(commander)

    day = Day(system, deployment, faces)
    day.prepare(commander, authority, "Southend", SOUTHEND)
    day.test(commander, camera)
    _go_live(commander)
    day.run(camera, operator, officer, SOUTHEND, commander)
    _pause_and_resume(commander, system, deployment)
    _end_period(commander, system, deployment)
    expect(commander.locator("h1 .badge")).to_have_text("Public notice given")

    _next_day(system)
    day.prepare(commander, authority, "Chelmsford", CHELMSFORD)
    day.test(commander, camera)
    _go_live(commander)
    day.run(camera, operator, officer, CHELMSFORD, commander)
    _end_period(commander, system, deployment)
    expect(commander.locator("h1 .badge")).to_have_text("Ended")

    _close(commander, authority, system, deployment)
    _record(compliance, system, deployment)
    _read_receipts(browser, system, day.receipts)
    assert people.complaints == []


def _threshold(compliance: Page, owner: Page, proposer: Page, authority: Page, system: LiveSystem) -> None:
    """Nothing was measured: the risk is recorded and countersigned, then a threshold proposed and approved."""
    put_documents_in_force(system)
    for page in (compliance, owner, proposer, authority):
        page.goto(f"{system.url}/thresholds/")
    expect(compliance.get_by_text("Nothing can be authorised until a compliance officer")).to_be_visible()
    compliance.get_by_text("Record a risk, because nothing was measured").click()
    form = compliance.locator("form[action='/evidence/risk/']")
    form.get_by_label("Title").fill("Two days with a small list")
    form.get_by_label("Why the risk is accepted").fill("People wanted for grave harm; officers check identity.")
    form.get_by_label("Lowest threshold").fill("0.6")
    form.get_by_label("Highest threshold").fill("0.8")
    form.get_by_label("Until").fill(f"{dt.datetime.now(LONDON_TIME) + dt.timedelta(days=60):%Y-%m-%d}")
    form.get_by_role("button", name="Record risk").click()
    owner.reload()
    owner.get_by_role("button", name="Countersign").click()
    expect(owner.get_by_text("In force", exact=True).first).to_be_visible()
    proposer.get_by_label("People on the list").fill("873")
    proposer.get_by_role("button", name="Calculate").click()
    expect(proposer.get_by_text("This is more than the ceiling allows.")).to_be_visible()
    proposer.get_by_label("Reason").fill("The lowest rate that the calibration can show")
    proposer.get_by_role("button", name="Propose threshold").click()
    authority.reload()
    authority.get_by_label("Reason").fill("Two days, a list of five")
    authority.get_by_role("button", name="Approve threshold").click()
    expect(authority.get_by_text("New applications can use it")).to_be_visible()


def _apply(page: Page, system: LiveSystem) -> str:
    """Typed, saved by itself, drawn on the plan, and handed in."""
    now = dt.datetime.now(LONDON_TIME)
    tomorrow = now + dt.timedelta(days=1)
    page.goto(f"{system.url}/deployments/")
    page.get_by_role("link", name="New deployment").click()
    page.get_by_label("Name").fill("Southend and Chelmsford")
    page.get_by_role("button", name="Start application").click()
    expect(page.get_by_role("button", name="Submit for authority")).to_be_disabled()
    page.get_by_label("Use case").select_option("Crime hotspot")
    for label, text in _APPLICATION.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Intelligence valid until").fill(f"{now + dt.timedelta(days=20):%Y-%m-%d}")
    page.get_by_label("Place of worship").check()
    for allowed in ("Wanted by the courts", "Serious: violence", "Amber: arrest or enforce"):
        page.get_by_label(allowed).check()
    page.get_by_label("Threshold requested").select_option(index=1)
    page.get_by_role("button", name="Add period").click()
    first, second = page.locator(".period-fields").all()
    for block, place, start, end, name in (
        (first, "Southend High Street", now - dt.timedelta(minutes=2), now + dt.timedelta(hours=2), "Pier"),
        (second, "Chelmsford, Bond Street", tomorrow, tomorrow + dt.timedelta(hours=3), "Market"),
    ):
        block.get_by_label("Place").fill(place)
        block.get_by_label("Approaches").fill("Both ends of the street")
        block.get_by_label("Alternative route").fill("By the parallel street")
        block.get_by_label("Start").fill(f"{start:%Y-%m-%dT%H:%M}")
        block.get_by_label("End").fill(f"{end:%Y-%m-%dT%H:%M}")
        block.get_by_label("Name").fill(name)
    unmarked = [re.compile(f"not on the plan: {name}") for name in ("Pier", "Market")]
    expect(page.locator("#problems li")).to_have_text(unmarked)
    # What was typed is there when the page is opened again.
    page.reload()
    expect(page.get_by_label("Why now", exact=True)).to_have_value(_APPLICATION["Why now"])
    expect(page.get_by_text("False alerts", exact=False).first).to_be_attached()
    for number in range(2):
        page.get_by_role("link", name="Draw cameras and zones on the plan").nth(number).click()
        _draw(page)
        page.get_by_role("link", name="Southend and Chelmsford").click()
    expect(page.locator("#complete")).to_be_visible()
    page.get_by_role("button", name="Submit for authority").click()
    expect(page.locator("h1 .badge")).to_have_text("Awaiting authority")
    return "/deployments/" + page.url.split("/deployments/")[1]


def _draw(page: Page) -> None:
    # Where the board lies is known once its picture is there.
    page.wait_for_load_state("load")
    area = page.locator(".board svg").bounding_box()
    assert area is not None
    for x, y in ((0.5, 0.9), (0.2, 0.2), (0.8, 0.2), (0.8, 0.7), (0.2, 0.7)):
        page.mouse.click(area["x"] + area["width"] * x, area["y"] + area["height"] * y)
    page.get_by_role("button", name="Save zone").click()
    expect(page.locator("#hint")).to_have_text("Every camera is on the plan.")


def _authorise(page: Page, system: LiveSystem, deployment: str) -> None:
    page.goto(system.url + deployment)
    expect(page.get_by_text("among 9,000 faces with a watchlist of 20")).to_be_visible()
    page.get_by_label("Reasons: necessity and proportionality").fill(
        "Two towns, some hours, people wanted for grave harm"
    )
    page.get_by_label("Conditions (optional)").fill("Stop if an assembly forms")
    page.get_by_role("button", name="Authorise").click()
    expect(page.locator("h1 .badge")).to_have_text("Authorised")
    address = page.get_by_role("link", name="Written Authority Document").get_attribute("href")
    answer = page.request.get(system.url + str(address))
    assert answer.body().startswith(b"%PDF-")
    digest = hashlib.sha256(answer.body()).hexdigest()
    made = "SELECT count(*) FROM audit_entry WHERE action = 'deployment.document_made' AND data->>'sha256' = '{}'"
    assert system.sql(made.format(digest)) == [(1,)]


def _receive_kit(page: Page) -> None:
    page.get_by_text("Register equipment or a medium").click()
    page.get_by_label("What it is").select_option("Equipment lent by another force")
    page.get_by_label("Description").fill("Van with two cameras")
    page.get_by_label("Serial or asset number").fill("SWP/LFR/2")
    page.get_by_label("Lender").fill("South Wales Police")
    page.get_by_role("button", name="Add to register").click()
    expect(page.get_by_text("SWP/LFR/2")).to_be_visible()


class Day:
    """A period: the readiness checks, the recognition test, and what the cameras find."""

    def __init__(self, system: LiveSystem, deployment: str, faces: dict[str, list[Path]]) -> None:
        self._system, self._deployment, self._faces = system, deployment, faces
        self.receipts: list[str] = []

    def prepare(self, page: Page, authority: Page, place: str, wanted: tuple[str, ...]) -> None:
        """Lists by the pages' own posts; the rest in the browser."""
        blue = {"category": "staff", "legal_basis": "consent", "source": "consent", "list_name": f"Blue, {place}"}
        seal_list(self._system, self._pictures((STAFF,)), **blue)
        seal_list(self._system, self._pictures(wanted), list_name=f"{place}, high harm")
        page.goto(self._system.url + self._deployment)
        for who, team in (("operator (LFR operator)", ""), ("officer (Engagement officer)", "Alpha 1")):
            page.get_by_label("Operator or officer").select_option(who)
            page.get_by_label("Team or call sign").fill(team)
            page.get_by_role("button", name="Post to deployment").click()
        page.get_by_role("link", name="Readiness checks").click()
        expect(page.get_by_role("heading", name=place)).to_be_visible()
        expect(page.locator(".checks .no")).not_to_have_count(0)
        page.get_by_label("Watchlist", exact=True).select_option(f"{place}, high harm")
        page.get_by_role("button", name="Attach watchlist").click()
        expect(page.get_by_text("The authorising officer has not confirmed the watchlist yet")).to_be_visible()
        authority.goto(page.url)
        authority.get_by_role("button", name="Confirm watchlist").click()
        expect(authority.get_by_text("Confirmed", exact=True)).to_be_visible()
        page.get_by_label("Blue watchlist").select_option(f"Blue, {place}")
        page.get_by_role("button", name="Attach blue watchlist").click()
        page.get_by_label("Approach", exact=True).select_option("Both ends of the street")
        page.get_by_label("Location of the sign").fill("Lamp posts 4 and 11")
        page.get_by_label("Metres from the zone").fill("100")
        page.get_by_label("Photograph of the sign").set_input_files(
            {"name": "sign.jpg", "mimeType": "image/jpeg", "buffer": portrait_jpeg()}
        )
        page.get_by_role("button", name="Record sign").click()
        page.get_by_label("What was briefed and by whom").fill("Powers, under-18 rule, look-alikes")
        page.get_by_role("button", name="Record briefing").click()
        page.get_by_label("Officers present").fill("6")
        page.get_by_role("button", name="Save count").click()
        page.get_by_role("button", name="Compare clocks").click()
        expect(page.locator(".checks .no")).to_have_count(1, timeout=30_000)
        # Not before staff were recognised.
        page.get_by_role("button", name="Mark as ready").click()
        expect(page.get_by_text("0 of 1 passes")).to_be_visible()
        page.go_back()

    def test(self, page: Page, camera: Page) -> None:
        """The member of staff walks past and is recognised; nobody else is compared with anybody."""
        page.get_by_role("button", name="Start test").click()
        before, found = self._count("deployments_recognition"), self._alerts()
        self._stream(camera)
        assert eventually(lambda: self._count("deployments_recognition") > before, patience=30)
        page.get_by_role("button", name=STAFF).first.click()
        camera.get_by_role("button", name="Stop streaming").click()
        expect(page.locator(".checks .no")).to_have_count(0)
        assert self._alerts() == found

    def run(self, camera: Page, operator: Page, officer: Page, wanted: tuple[str, ...], commander: Page) -> None:
        """Everybody sought walks past once, is judged by the operator and met by the officer."""
        operator.goto(f"{self._system.url}{self._deployment}console/")
        officer.goto(f"{self._system.url}{self._deployment}handset/")
        expect(operator.locator("#line")).to_have_text("Connected")
        before = self._alerts()
        self._stream(camera)
        tile = commander.locator(".cameras-now img").first
        expect(tile).to_have_attribute("src", re.compile("^blob:"), timeout=15_000)
        assert tile.evaluate("async (image) => { await image.decode(); return image.naturalWidth }") == 48
        assert eventually(lambda: self._alerts() == before + len(wanted), patience=40)
        camera.get_by_role("button", name="Stop streaming").click()
        for name in wanted:
            card = operator.locator(".alert-card[data-decidable]")
            expect(card.get_by_role("button", name="Same person")).to_be_enabled(timeout=15_000)
            judged = card.get_attribute("data-id")
            assert not any(each in card.inner_text() for each in wanted)
            operator.keyboard.press("4")
            operator.keyboard.press("s")
            expect(operator.locator(f"#alert-{judged}")).to_contain_text("Referred to officers")
            officer.locator(f"[data-open='{judged}']").click()
            met = officer.locator(f".street-card[data-id='{judged}']")
            for step in ("On my way", "Speaking to the person", "Checking identity"):
                met.get_by_role("button", name=step, exact=True).click()
            confirm_identity(met)
            shown = met.locator(".revealed strong").inner_text()
            outcome, code = OUTCOMES[shown]
            met.locator("summary", has_text=outcome).click()
            met.get_by_label(code, exact=True).check()
            met.get_by_role("button", name=f"Record: {outcome.lower()}").click()
            expect(met.locator(".state-now")).to_contain_text(outcome.lower())
            assert name in wanted
            self.receipts.append(met.locator(".receipt b").inner_text())
        assert self._alerts() == before + len(wanted)

    def _stream(self, camera: Page) -> None:
        camera.goto(self._system.url + self._deployment)
        now = "SELECT id FROM deployments_period WHERE starts_at <= now() AND ends_at > now() AND ended_at IS NULL"
        ((own,),) = self._system.sql(f"SELECT id FROM deployments_camera WHERE period_id IN ({now})")
        camera.locator(f"a[href='/cameras/{own}/']").click()
        camera.get_by_role("button", name="Use this device's camera").click()
        expect(camera.locator("#state")).to_have_text("Streaming")

    def _pictures(self, names: tuple[str, ...]) -> dict[str, bytes]:
        return {name: self._faces[name][0].read_bytes() for name in names}

    def _count(self, table: str) -> int:
        return int(self._system.sql(f"SELECT count(*) FROM {table}")[0][0])

    def _alerts(self) -> int:
        return int(self._system.sql("SELECT count(*) FROM alerts_alert WHERE state <> 'blue'")[0][0])


def _go_live(page: Page) -> None:
    page.get_by_role("button", name="Mark as ready").click()
    page.get_by_role("button", name="Go live").click()
    expect(page.locator(".gauges .badge")).to_have_text("Live")
    expect(page.locator(".clock")).not_to_have_text("–")


def _pause_and_resume(page: Page, system: LiveSystem, deployment: str) -> None:
    page.goto(f"{system.url}{deployment}command/")
    page.get_by_label("Reason").first.select_option("Community tension")
    page.get_by_label("What happened").first.fill("A crowd gathers at the van")
    page.get_by_role("button", name="Pause deployment").click()
    expect(page.locator(".gauges .badge").first).to_have_text("Paused")
    expect(page.locator(".timeline")).to_contain_text("community tension (A crowd gathers at the van)")
    page.get_by_role("button", name="Resume deployment").click()
    expect(page.locator(".gauges .badge").first).to_have_text("Live")
    page.locator("[name=count]").fill("5")
    page.get_by_role("button", name="Save count").click()
    expect(page.locator(".gauges")).to_contain_text("at least 4 needed")


def _end_period(page: Page, system: LiveSystem, deployment: str) -> None:
    page.goto(f"{system.url}{deployment}command/")
    page.get_by_role("button", name="End period").click()
    assert eventually(lambda: system.sql("SELECT count(*) FROM deployments_deployment WHERE state = 'live'") == [(0,)])


def _next_day(system: LiveSystem) -> None:
    with psycopg.connect(services.database_url(system.data), autocommit=True) as connection:
        connection.execute(
            "UPDATE deployments_period SET starts_at = now() - interval '1 minute', "
            "ends_at = now() + interval '2 hours' WHERE place LIKE 'Chelmsford%'"
        )
    # The signed terms have the time of the second day too.
    signed = system.manage("shell", "--no-imports", "-c", _SIGN_AGAIN)
    assert signed.returncode == 0, signed.stderr


_SIGN_AGAIN = """
from django.db import transaction
from deployments import executable
from deployments.models import Amendment, Deployment
from lfr_site.models import User
with transaction.atomic():
    executable.sign(Deployment.objects.get(), Amendment.AUTHORISED, actor=User.objects.get(username="authority"))
"""


def _close(commander: Page, authority: Page, system: LiveSystem, deployment: str) -> None:
    commander.goto(system.url + deployment)
    expect(commander.get_by_text("Equipment and media not wiped: 1")).to_be_visible()
    commander.get_by_text("Record wiping", exact=True).click()
    commander.get_by_label("What was wiped and how this was checked").fill("Both disks overwritten; read back empty")
    commander.get_by_label("Witness").fill("PS 4471")
    commander.get_by_role("button", name="Record as wiped").click()
    commander.get_by_label("Review", exact=True).fill("The objective was met; one pause for a crowd, over in a minute.")
    commander.get_by_label("Were removable media used?").select_option("No")
    commander.get_by_role("button", name="Begin review").click()
    expect(commander.get_by_text("Signs not taken down: 2")).to_be_visible()
    for number in range(2):
        commander.get_by_role("link", name="Readiness and signs").nth(number).click()
        commander.get_by_role("button", name="Record as taken down").click()
        commander.get_by_label("Cards handed out").fill("140")
        commander.get_by_role("button", name="Save number").click()
        commander.goto(system.url + deployment)
    certified = "SELECT count(*) FROM watchlists_certificate"
    assert eventually(lambda: system.sql(certified)[0][0] == 4, patience=120)
    authority.goto(system.url + deployment)
    expect(authority.get_by_text("Every possible match has an outcome")).to_be_visible()
    expect(authority.get_by_role("link", name="Cancellation Report")).to_be_visible()
    authority.get_by_role("button", name="Close deployment").click()
    expect(authority.locator("h1 .badge")).to_have_text("Closed")


def _read_receipts(browser: Browser, system: LiveSystem, codes: list[str]) -> None:
    """What the people who were met read, without signing in: what was decided, and that nothing is left."""
    page = browser.new_page()
    found = []
    for code in codes:
        page.goto(f"{system.url}/receipt/{code}/")
        expect(page.get_by_text("Deleted on")).to_be_visible()
        found.append(page.locator("dd").first.inner_text())
        assert not any(name in page.content() for name in OUTCOMES)
    page.close()
    assert sum("arrested you" in words for words in found) == 3
    assert sum("took no further action" in words for words in found) == 1


def _record(page: Page, system: LiveSystem, deployment: str) -> None:
    """Counted from its own rows, after every name and face is gone."""
    page.goto(f"{system.url}/records/")
    page.get_by_role("link", name="Southend and Chelmsford", exact=True).click()
    tiles = {tile.locator("span").inner_text(): tile.locator("b").inner_text() for tile in page.locator(".tile").all()}
    assert (tiles["possible matches"], tiles["identity confirmed"], tiles["arrests"]) == ("5", "5", "3")
    for offence in ("Outstanding warrant", "Rape and serious sexual offences", "Robbery"):
        expect(page.get_by_role("row", name=f"{offence} 1", exact=True)).to_be_visible()
    expect(page.get_by_text("South Wales Police").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert [(row["period"], row["alerts"], row["outcome_arrest"]) for row in rows] == [
        ("1", "3", "2"),
        ("2", "2", "1"),
        ("all", "5", "3"),
    ]
    assert [row["test_recognised"] for row in rows] == ["1", "1", "2"]
    people = "SELECT count(*) FROM watchlists_person"
    assert system.sql(people) == [(0,)]
    assert system.manage("verify_journal").returncode == 0


_APPLICATION = {
    "Policing objective": "Find people wanted for rape, robbery and on warrants",
    "Why here": "The people sought have been seen in both streets since September",
    "Intelligence reference": "INT/23/4471",
    "Why now": "The autumn fair",
    "Criteria for the watchlist": "Wanted by a court, or circulated for arrest for grave harm",
    "Maximum number of people on the watchlist": "20",
    "Of these, maximum number under 18": "0",
    "Expected number of faces": "9000",
    "Expected number of people sought": "5",
    "Less intrusive means considered": "Patrols with photographs; visits to addresses",
    "Measures to limit collateral intrusion": "A church, outside the zone; no service then",
    "Article 8: private life": "Some hours, two pavements; strangers forgotten at once",
    "Article 10: expression": "No expression is observed",
    "Article 11: assembly": "None expected; stop if one forms",
    "Community impact assessment": "CIA/23/88, agreed with the advisory group",
    "Signs and notice": "At both ends and 100 m before; the force's site",
    "Minimum number of officers to respond": "4",
    "Reasons for this threshold": "The calibration's, for a list of this size",
    "Equipment lent by": "South Wales Police",
}
