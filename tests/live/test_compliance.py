"""What compliance officers, publishers and the public ask, in a real browser: each answer in four clicks at most."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cast import portrait_jpeg
from tests.live.browsing import CHROMIUM, NO_CHROMIUM, Cast, chromium, violations
from tests.live.system import LiveSystem

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
MOST_CLICKS = 4


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    film = tmp_path_factory.mktemp("film") / "camera.mjpeg"
    film.write_bytes(portrait_jpeg())
    with chromium(film) as browser:
        yield browser


@pytest.fixture
def people(browser: Browser, live: LiveSystem) -> Iterator[Cast]:
    cast = Cast(browser, live)
    yield cast
    assert cast.complaints == []


def _clicked(page: Page, *names: str) -> None:
    """Press links and buttons by their names, from wherever the page is."""
    assert len(names) <= MOST_CLICKS
    for name in names:
        page.get_by_role("link", name=name, exact=True).or_(page.get_by_role("button", name=name, exact=True)).click()


def test_each_question_of_compliance_is_answered_in_four_clicks(people: Cast, live: LiveSystem) -> None:
    page = people.sign_in("compliance")
    page.goto(live.url)
    _clicked(page, "Retention", "Retention report")
    expect(page.get_by_role("heading", name="Destroyed")).to_be_visible()
    assert violations(page) == []
    with page.expect_download() as download:
        _clicked(page, "Download PDF")
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")

    page.goto(live.url)
    _clicked(page, "Audit log")
    page.locator("select[name=actor]").select_option(label="operator")
    _clicked(page, "Apply filters", "Make audit report")
    expect(page.get_by_role("heading", name="Who did what")).to_be_visible()
    expect(page.get_by_text("User: operator")).to_be_visible()

    page.goto(live.url)
    _clicked(page, "Equality")
    expect(page.get_by_role("heading", name="Officer-defined ethnicity").first).to_be_visible()
    assert violations(page) == []

    page.goto(live.url)
    _clicked(page, "Publication")
    expect(page.get_by_role("heading", name="To publish")).to_be_visible()
    assert violations(page) == []


def test_a_complaint_is_taken_from_its_arrival_to_its_answer(people: Cast, live: LiveSystem) -> None:
    page = people.sign_in("compliance")
    page.goto(live.url)
    _clicked(page, "Cases", "Open a case", "Complaint")
    page.get_by_label("How it arrived").select_option("Letter")
    page.get_by_label("Name of the person").fill("Robin Vale")
    page.get_by_label("How to reach them").fill("1 High Street")
    page.get_by_label("What they ask").fill("Nobody told me why I was stopped.")
    assert violations(page) == []
    _clicked(page, "Open case")
    expect(page.get_by_text("days left")).to_be_visible()
    page.get_by_text("Acknowledge", exact=True).click()
    page.get_by_label("Letter", exact=True).first.fill("Thank you for telling us.")
    assert violations(page) == []
    _clicked(page, "Make letter and acknowledge")
    expect(page.get_by_text("Done in time")).to_be_visible()
    _clicked(page, "Write the answer")
    page.get_by_label("Outcome").select_option("Upheld")
    page.get_by_label("Letter", exact=True).fill("You are right, and we are sorry.")
    assert violations(page) == []
    with page.expect_popup() as preview:
        _clicked(page, "Preview letter")
    preview.value.close()
    expect(page.get_by_label("Letter", exact=True)).to_have_value("You are right, and we are sorry.")
    _clicked(page, "Answer and close")
    expect(page.locator("h1 .badge")).to_have_text("Answered")
    reference = page.locator(".crumbs").inner_text().split()[-1]

    # Everything about one complaint, from the first page.
    page.goto(live.url)
    _clicked(page, "Cases", "Closed", reference)
    expect(page.get_by_text("Nobody told me why I was stopped.")).to_be_visible()
    with page.expect_download() as download:
        _clicked(page, "Download case file (PDF)")
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")


def test_compliance_answers_a_field_of_the_transparency_record(people: Cast, live: LiveSystem) -> None:
    page = people.sign_in("compliance")
    page.goto(live.url)
    _clicked(page, "Publication", "Algorithmic transparency record")
    field = page.locator("[id='field-1.4']")
    field.get_by_text("Answer", exact=True).click()
    field.get_by_label("Contact e-mail").fill("lfr@force.example")
    assert violations(page) == []
    field.get_by_role("button", name="Keep answer").click()
    expect(page.get_by_text("Answer to 1.4 kept.")).to_be_visible()
    expect(field.get_by_text("lfr@force.example").first).to_be_visible()
    expect(field.get_by_text("Change answer")).to_be_visible()


def test_a_table_that_somebody_drops_is_checked(people: Cast, live: LiveSystem) -> None:
    page = people.sign_in("compliance", dark=True)
    page.goto(f"{live.url}/records/check/")
    table = (
        "date,location,alerts,true_confirmed,true_unconfirmed,false_confirmed,false_unconfirmed\n01/02/24,A,3,1,1,0,0\n"
    )
    page.get_by_label("Table of results").set_input_files(
        {"name": "t.csv", "mimeType": "text/csv", "buffer": table.encode()}
    )
    _clicked(page, "Check table")
    expect(page.get_by_text("1 + 1 + 0 + 0 = 2, but 3 alerts.")).to_be_visible()
    assert violations(page) == []


def test_the_public_reads_its_pages_without_sign_in_or_script(browser: Browser, live: LiveSystem) -> None:
    context = browser.new_context(java_script_enabled=True, viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{live.url}/public/")
    expect(page.get_by_role("heading", name="Coming deployments")).to_be_visible()
    for name in (
        *("Results", "When it was not used", "What the words and figures mean", "How long what is kept"),
        *("Algorithmic transparency record", "How to ask whether you were on a watchlist", "How to complain"),
        "Requests, complaints and breaches",
    ):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert violations(page) == [], name
        assert page.evaluate("document.scripts.length") == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    context.close()
