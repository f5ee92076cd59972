"""Two operators and an officer with a phone, in browsers of their own: every branch, two at once, lost connections."""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from recognition.imaging import encode_jpeg
from tests.cast import portrait, portrait_jpeg
from tests.live.browsing import CHROMIUM, NO_CHROMIUM, Cast, chromium, confirm_identity, violations
from tests.live.system import LiveDeployment, LiveSystem, Street, eventually, go_live

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    film = tmp_path_factory.mktemp("film") / "camera.mjpeg"
    film.write_bytes(encode_jpeg(portrait()))
    with chromium(film) as browser:
        yield browser


@pytest.fixture
def people(browser: Browser, live: LiveSystem) -> Iterator[Cast]:
    cast = Cast(browser, live)
    yield cast
    assert cast.complaints == []


@dataclass
class Scene:
    """A live deployment with a camera, two consoles and a handset."""

    live: LiveSystem
    deployment: LiveDeployment
    street: Street
    one: Page
    two: Page
    phone: Page

    @property
    def path(self) -> str:
        return f"{self.live.url}/deployments/{self.deployment.id}/"

    def raised(self) -> str:
        """Somebody walks past; the alert that both consoles show."""
        known = self.live.sql(_IDS.format(self.deployment.id))
        self.street.walk_past()
        new = set(self.live.sql(_IDS.format(self.deployment.id))) - set(known)
        assert len(new) == 1
        ((alert,),) = new
        for console in (self.one, self.two):
            expect(console.locator(f"#alert-{alert}")).to_be_visible()
        return str(alert)

    def judge(self, alert: str, *keys: str) -> None:
        """The first operator compares, by the keyboard alone."""
        # Whichever console was free has taken it up by itself.
        card = self.one.locator(f".alert-card[data-id='{alert}'][data-decidable]")
        if not card.is_visible():
            self.one.locator(f"#alert-{alert} button").click()
        expect(card.get_by_role("button", name="Same person")).to_be_enabled(timeout=15_000)
        for key in keys:
            self.one.keyboard.press(key)

    def street_card(self, alert: str) -> Locator:
        """The officer opens what was handed to them."""
        self.phone.locator(f"[data-open='{alert}']").click()
        return self.phone.locator(f".street-card[data-id='{alert}']")

    def both_say(self, alert: str, words: str) -> None:
        for console in (self.one, self.two):
            expect(console.locator(f"#alert-{alert}")).to_contain_text(words)


_IDS = "SELECT id FROM alerts_alert WHERE deployment_id = '{}'"


@pytest.fixture
def scene(live: LiveSystem, people: Cast) -> Iterator[Scene]:
    deployment = go_live(live, {"Street Portrait": portrait_jpeg()}, ("North", "South"))
    for name in ("operator2", "officer2"):
        team = {"team": "Bravo 2"} if name == "officer2" else {}
        live.user("commander").post(f"/deployments/{deployment.id}/staff/", {"user": live.id_of(name), **team})
    # As if a crowd had passed: among a handful of faces two false alerts would rightly shut the cameras.
    live.sql(f"UPDATE deployments_camera SET faces_seen = 5000 WHERE id = '{deployment.cameras[0]}' RETURNING 1")
    one, two, phone = (people.sign_in(name, phone=name == "officer") for name in ("operator", "operator2", "officer"))
    with Street.of(live, deployment.cameras[0]) as street:
        scene = Scene(live, deployment, street, one, two, phone)
        for page in (one, two):
            page.goto(f"{scene.path}console/")
            expect(page.locator("#line")).to_have_text("Connected")
        phone.goto(f"{scene.path}handset/")
        expect(phone.locator("#line")).to_have_text("Connected")
        yield scene
    live.user("commander").post(f"/deployments/{deployment.id}/end/", {"code": "done"})


def _press(card: Locator, *steps: str) -> None:
    for step in steps:
        card.get_by_role("button", name=step, exact=True).click()


def _record(card: Locator, act: str, code: str) -> None:
    form = card.locator(f"[data-act={act}]")
    form.locator("summary").click()
    form.get_by_label(code, exact=True).check()
    form.locator("button").click()


def test_every_branch_that_ends_with_somebody_else(scene: Scene) -> None:
    alert = scene.raised()
    scene.judge(alert)
    scene.one.get_by_label("Blurred or too small").check()
    scene.one.keyboard.press("c")
    scene.both_say(alert, "Inconclusive")
    scene.two.locator(f"#alert-{alert} button").click()
    card = scene.two.locator(f".alert-card[data-id='{alert}']")
    expect(card).to_contain_text("operator found this inconclusive")
    card.get_by_role("button", name="Differs").nth(6).click()
    card.get_by_role("button", name="Not the same").click()
    scene.both_say(alert, "Operator: not the same")
    for steps, ends in (
        (("Not the person",), "Officer: not the same"),
        (("Speaking to the person", "Not the person: release"), "Not the person: released"),
    ):
        _in_the_street(scene, ends, *steps)
    assert _results(scene) == {"op_false": 1, "officer_false": 1, "not_same": 1}


def test_every_other_branch(scene: Scene) -> None:
    for steps, ends in (
        (("On my way", "Not located"), "Not located"),
        (("On my way", "Speaking to the person", "Not located"), "Not located"),
        (("Speaking to the person", "Checking identity", "Not the person: release"), "Not the person: released"),
    ):
        _in_the_street(scene, ends, *steps)
    _in_the_street(scene, "No engagement", record=("no_engagement", "Doubt about the likeness"))
    met = ("On my way", "Speaking to the person", "Checking identity")
    for act, code, ends in (
        ("arrest", "Robbery", "Same person: arrested"),
        ("other", "Summons or charge by post", "Same person: other disposal"),
        ("no_action", "Already dealt with", "Same person: no action"),
    ):
        _in_the_street(scene, ends, *met, record=(act, code))
    assert _results(scene) == {
        "not_located": 2,
        "not_same": 1,
        "no_engagement": 1,
        "arrested": 1,
        "other": 1,
        "no_action": 1,
    }
    expect(scene.one.locator('[data-count="done"]')).to_have_text("7")


def _in_the_street(scene: Scene, ends: str, *steps: str, record: tuple[str, str] | None = None) -> None:
    """Handed to the officer, who takes these steps; both consoles say how it ended."""
    alert = scene.raised()
    scene.judge(alert, "4", "s")
    card = scene.street_card(alert)
    _press(card, *steps)
    if record is not None:
        if "Checking identity" in steps:
            confirm_identity(card)
        _record(card, *record)
    scene.both_say(alert, ends)


def _results(scene: Scene) -> dict[str, int]:
    counted = "SELECT state, count(*) FROM alerts_alert WHERE deployment_id = '{}' GROUP BY 1"
    return dict(scene.live.sql(counted.format(scene.deployment.id)))


_PRESS = "document.querySelector('.decisions [data-key={}]')?.click()"


def test_two_look_at_one_alert_and_the_first_to_judge_it_counts(scene: Scene) -> None:
    alert = scene.raised()
    scene.judge(alert)
    scene.two.locator(f"#alert-{alert} button").click()
    card = scene.two.locator(f".alert-card[data-id='{alert}']")
    expect(card.get_by_role("button", name="Same person")).to_be_enabled()
    card.get_by_role("button", name="Alike").first.click()
    for key in "77":
        scene.one.keyboard.press(key)
    # Both press before either can have heard of the other.
    scene.one.evaluate(_PRESS.format("n"))
    scene.two.evaluate(_PRESS.format("s"))
    judged = f"SELECT name FROM alerts_act WHERE alert_id = '{alert}' AND name IN ('same', 'not_same')"
    assert eventually(lambda: len(scene.live.sql(judged)) == 1)
    ((first,),) = scene.live.sql(judged)
    loser, ends = (scene.two, "Operator: not the same") if first == "not_same" else (scene.one, "Referred to officers")
    expect(loser.locator("#card-error")).to_contain_text(re.compile("acted first|A colleague has already decided"))
    scene.both_say(alert, ends)
    assert len(scene.live.sql(judged)) == 1


def test_a_console_that_was_cut_off_misses_nothing(scene: Scene) -> None:
    scene.two.context.set_offline(True)
    expect(scene.two.locator("#lost")).to_be_visible(timeout=20_000)
    expect(scene.two.locator("#line")).to_have_text("Connection lost")
    raised = []
    for _ in range(2):
        scene.street.walk_past()
        ((alert,),) = scene.live.sql(f"{_IDS.format(scene.deployment.id)} ORDER BY raised_at DESC LIMIT 1")
        raised.append(alert)
        scene.judge(str(alert), "7", "7", "n")
        expect(scene.one.locator(f"#alert-{alert}")).to_contain_text("Operator: not the same")
        expect(scene.two.locator(f"#alert-{alert}")).to_have_count(0)
    scene.two.context.set_offline(False)
    expect(scene.two.locator("#line")).to_have_text("Connected", timeout=20_000)
    expect(scene.two.locator("#lost")).to_be_hidden()
    for alert in raised:
        expect(scene.two.locator(f"#alert-{alert}")).to_contain_text("Operator: not the same")


def test_a_handset_without_a_connection_keeps_what_was_done_and_says_so(scene: Scene) -> None:
    alert = scene.raised()
    scene.judge(alert, "4", "s")
    card = scene.street_card(alert)
    _press(card, "On my way")
    expect(card.locator(".revealed")).to_have_text("Street Portrait")
    scene.phone.context.set_offline(True)
    _press(card, "Speaking to the person")
    expect(scene.phone.locator("#outbox")).to_contain_text("Not sent yet: Speaking to the person")
    expect(card.get_by_role("img", name="Face from the camera")).to_be_visible()
    card.locator("[data-act=release]").get_by_label("Leaflet given").check()
    _press(card, "Not the person: release")
    expect(scene.phone.locator("#outbox")).to_contain_text("Not the person: release")
    scene.phone.wait_for_timeout(4000)
    # The page may even be closed: what was done is sent by the next one.
    scene.phone.goto("about:blank")
    scene.phone.context.set_offline(False)
    scene.phone.goto(f"{scene.path}handset/")
    scene.both_say(alert, "Not the person: released")
    expect(scene.phone.locator("#outbox")).to_have_text("Everything has been sent")
    acts = scene.live.sql(
        f"SELECT name, leaflet, extract(epoch FROM recorded_at - done_at) FROM alerts_act WHERE alert_id = '{alert}'"
        " AND name IN ('engage', 'release') ORDER BY id"
    )
    assert [(name, leaflet) for name, leaflet, _ in acts] == [("engage", None), ("release", True)]
    assert all(3 < late < 60 for _, _, late in acts)


# How far the clock of a phone is set ahead: minutes, more than anybody may be spoken to without a reminder.
AHEAD, BEHIND = dt.timedelta(minutes=7), dt.timedelta(minutes=-7)


def _set_clock(page: Page, by: dt.timedelta) -> None:
    page.clock.set_system_time(dt.datetime.now(dt.UTC) + by)


def _spoken_to_for(scene: Scene, alert: str) -> float:
    spent = f"SELECT extract(epoch FROM clock_timestamp() - engaged_at) FROM alerts_alert WHERE id = '{alert}'"
    return float(scene.live.sql(spent)[0][0])


def _tells_how_long(scene: Scene, alert: str) -> bool:
    """Whether the handset's timer says what the database says, as near as whole seconds and a tick allow."""
    words = scene.phone.locator(f".street-card[data-id='{alert}'] .state-since").inner_text()
    minutes, _, seconds = words.removesuffix(" s").rpartition(":")
    return abs(int(minutes or 0) * 60 + int(seconds) - _spoken_to_for(scene, alert)) < 2


# Keeps every reminder that is shown, even for a moment.
_KEEP_REMINDERS = """() => {
  const reminder = document.getElementById("reminder");
  window.reminders = [];
  new MutationObserver(() => { if (!reminder.hidden) window.reminders.push(reminder.textContent); })
    .observe(reminder, { attributes: true, childList: true });
}"""


def _reminded_early(scene: Scene, alert: str) -> list[str]:
    """What the handset has reminded of, while the minute after which it may is not over."""
    reminders: list[str] = scene.phone.evaluate("window.reminders")
    return reminders if _spoken_to_for(scene, alert) < 59 else []


def test_a_phone_whose_clock_is_wrong_or_set_meanwhile_tells_the_right_time(scene: Scene, people: Cast) -> None:
    alert = scene.raised()
    scene.phone.clock.install(time=dt.datetime.now(dt.UTC) + AHEAD)
    scene.phone.goto(f"{scene.path}handset/")
    expect(scene.phone.locator("#line")).to_have_text("Connected")
    scene.phone.evaluate(_KEEP_REMINDERS)
    # The list comes seconds after the server made it; what is pressed then is answered at once.
    line = scene.phone.context.new_cdp_session(scene.phone)
    line.send("Network.emulateNetworkConditions", _line(latency=3000))
    scene.judge(alert, "4", "s")
    card = scene.street_card(alert)
    expect(card).to_be_visible(timeout=20_000)
    line.send("Network.emulateNetworkConditions", _line(latency=0))
    _press(card, "Speaking to the person")
    expect(card.locator(".state-now")).to_have_text("Engagement in progress", timeout=20_000)
    assert eventually(lambda: _tells_how_long(scene, alert))
    assert _reminded_early(scene, alert) == []
    for by in (BEHIND, AHEAD):
        _set_clock(scene.phone, by)
        # Several of the page's looks at its timers.
        scene.phone.wait_for_timeout(1500)
        assert _reminded_early(scene, alert) == []
        assert eventually(lambda: _tells_how_long(scene, alert))
    _acts_without_a_connection(scene, alert, card)
    _press(card, "Not the person: release")
    scene.both_say(alert, "Not the person: released")
    _compares_clocks(scene, people.sign_in("commander"))


def _acts_without_a_connection(scene: Scene, alert: str, card: Locator) -> None:
    """What is done then is told by how long ago it was, though the clock is set before it is sent."""
    scene.phone.context.set_offline(True)
    before = scene.live.sql("SELECT clock_timestamp()")[0][0]
    _press(card, "Checking identity")
    expect(card.locator(".state-now")).to_contain_text("not sent yet")
    after = scene.live.sql("SELECT clock_timestamp()")[0][0]
    _set_clock(scene.phone, BEHIND)
    scene.phone.context.set_offline(False)
    expect(scene.phone.locator("#outbox")).to_have_text("Everything has been sent", timeout=20_000)
    acts = f"SELECT done_at FROM alerts_act WHERE alert_id = '{alert}' AND name = 'check_identity'"
    assert eventually(lambda: len(scene.live.sql(acts)) == 1)
    ((done,),) = scene.live.sql(acts)
    tolerance = dt.timedelta(seconds=2)
    assert before - tolerance < done < after + tolerance


def _line(*, latency: int) -> dict[str, object]:
    """A line of Chromium's on which every answer comes so many milliseconds later."""
    return {"offline": False, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}


def _compares_clocks(scene: Scene, commander: Page) -> None:
    """By the commander's device, whose clock is right, and then is not."""
    ((period,),) = scene.live.sql(f"SELECT id FROM deployments_period WHERE deployment_id = '{scene.deployment.id}'")
    for by, says in ((dt.timedelta(), "device is within 0."), (AHEAD, "at least 4")):
        commander.clock.install(time=dt.datetime.now(dt.UTC) + by)
        commander.goto(f"{scene.live.url}/periods/{period}/")
        commander.get_by_role("button", name="Compare clocks").click()
        expect(commander.locator(".messages")).to_contain_text(says, timeout=30_000)


def test_what_was_handed_to_others_and_taken_back_leaves_the_handset(scene: Scene) -> None:
    alert = scene.raised()
    scene.judge(alert)
    scene.one.get_by_label("If the same person, refer to").select_option("Team Bravo 2")
    scene.one.keyboard.press("Escape")
    scene.one.locator(".features button").first.click()
    scene.one.get_by_role("button", name="Same person").click()
    scene.both_say(alert, "to Bravo 2")
    scene.phone.wait_for_timeout(1500)
    expect(scene.phone.locator(f"[data-open='{alert}']")).to_have_count(0)
    # Nobody of the team answers: then it is everybody's, and every console says so.
    expect(scene.phone.locator(f"[data-open='{alert}']")).to_be_visible(timeout=40_000)
    scene.both_say(alert, "no response yet")
    # Who is about to hand it on is left alone with it, whatever comes in.
    scene.two.goto(scene.path)
    scene.one.locator(f"#alert-{alert} button").click()
    expect(scene.one.locator(".hand-over")).to_contain_text("No officer has responded")
    with Street.of(scene.live, scene.deployment.cameras[1]) as south:
        south.walk_past()
    expect(scene.one.locator("[data-count=waiting]")).to_have_text("1")
    scene.one.wait_for_timeout(1500)
    expect(scene.one.locator(".alert-card")).to_have_attribute("data-id", alert)
    scene.judge(str(scene.one.locator("[data-rows=waiting] li").get_attribute("data-id")), "7", "7", "n")
    scene.two.goto(f"{scene.path}console/")
    _press(scene.street_card(alert), "Not located")
    scene.both_say(alert, "Not located")
    other = scene.raised()
    scene.judge(other, "4", "s")
    expect(scene.phone.locator(f"[data-open='{other}']")).to_be_visible()
    card = scene.street_card(other)
    expect(card).to_be_visible()
    expect(scene.one.get_by_role("button", name="Undo decision")).to_be_visible()
    scene.one.keyboard.press("z")
    expect(card).to_have_count(0)
    expect(scene.phone.locator("#refused")).to_contain_text("no longer with you")
    scene.judge(other, "7", "7", "n")


def test_an_act_that_comes_too_late_is_shown_as_not_recorded(scene: Scene) -> None:
    alert = scene.raised()
    scene.judge(alert, "4", "s")
    card = scene.street_card(alert)
    scene.phone.context.set_offline(True)
    _press(card, "On my way")
    expect(scene.phone.locator("#outbox")).to_contain_text("Not sent yet: On my way")
    answer = scene.live.user("officer2").post(f"/alerts/{alert}/acts/acknowledge/")
    assert answer.status_code == 200, answer.text
    scene.phone.context.set_offline(False)
    expect(scene.phone.locator("#refused")).to_contain_text("Not recorded: On my way", timeout=15_000)
    expect(scene.phone.locator("#refused")).to_contain_text("officer2")
    expect(scene.phone.locator("#outbox")).to_have_text("Everything has been sent")
    expect(card.get_by_role("button", name="Speaking to the person", exact=True)).to_be_hidden()
    scene.live.user("officer2").post(f"/alerts/{alert}/acts/lost/")
    scene.both_say(alert, "Not located")


def test_nothing_moves_under_a_thumb_and_a_double_tap_is_one_act(scene: Scene) -> None:
    alert = scene.raised()
    scene.judge(alert, "4", "s")
    card = scene.street_card(alert)
    scene.phone.context.set_offline(True)
    card.get_by_role("button", name="On my way").dblclick()
    expect(scene.phone.locator("#outbox")).to_contain_text("Not sent yet: On my way")
    button = card.get_by_role("button", name="Speaking to the person", exact=True)
    unsent = button.bounding_box()
    scene.phone.context.set_offline(False)
    expect(scene.phone.locator("#outbox")).to_have_text("Everything has been sent", timeout=15_000)
    expect(card.locator(".revealed")).to_have_text("Street Portrait")
    assert button.bounding_box() == unsent
    acts = f"SELECT name FROM alerts_act WHERE alert_id = '{alert}' AND name <> 'open' ORDER BY id"
    assert scene.live.sql(acts) == [("same",), ("acknowledge",)]
    # Whose posting is ended goes on looking at nobody.
    posting = scene.live.sql(
        f"SELECT id FROM deployments_posting WHERE deployment_id = '{scene.deployment.id}' AND ended_at IS NULL"
        f" AND user_id = {scene.live.id_of('officer')}"
    )[0][0]
    scene.live.user("commander").post(f"/postings/{posting}/withdraw/")
    expect(scene.phone.locator("#line")).to_have_text("Signed out, or not posted here", timeout=15_000)
    expect(card).to_have_count(0)
    # And somebody else can be sent.
    scene.one.locator(f"#alert-{alert} button").click()
    expect(scene.one.locator(".hand-over")).to_contain_text("officer is responding. If they cannot come")
    scene.one.get_by_role("button", name="Refer again").click()
    scene.both_say(alert, "Referred to officers")
    scene.live.user("officer2").post(f"/alerts/{alert}/acts/lost/")
    scene.both_say(alert, "Not located")


def test_what_is_left_is_reminded_of_expires_and_is_coded_corrected_and_held(scene: Scene, people: Cast) -> None:
    met = scene.raised()
    scene.judge(met, "4", "s")
    card = scene.street_card(met)
    _press(card, "Speaking to the person")
    expect(card.locator(".state-now")).to_have_text("Engagement in progress")
    with Street.of(scene.live, scene.deployment.cameras[1]) as south:
        south.walk_past()
    rows = scene.live.sql(f"{_IDS.format(scene.deployment.id)} AND id <> '{met}'")
    ((left,),) = rows
    # A minute passes: somebody is still being spoken to, and nobody has judged the other.
    expect(scene.phone.locator("#reminder")).to_contain_text("Is it still necessary?", timeout=75_000)
    for console in (scene.one, scene.two):
        expect(console.locator(f"[data-rows=late] #alert-{left}")).to_be_visible(timeout=20_000)
    card.locator("[data-act=release]").get_by_label("Reason").select_option("A relative of the person sought")
    _press(card, "Not the person: release")
    scene.both_say(met, "Not the person: released")

    commander = people.sign_in("commander")
    commander.goto(f"{scene.path}alerts/")
    expect(commander.get_by_text("Record the outcome")).to_have_count(0)
    one, other = (commander.locator(f"#alert-{alert}") for alert in (met, left))
    # The other one too, so that its faces are there to compare however long this takes.
    for row, reason in ((one, "Complaint about the stop"), (other, "To be compared")):
        row.get_by_text("Hold as evidence").click()
        row.get_by_label("What this is evidence of").fill(reason)
        row.get_by_label("Date of review").fill("2099-01-31")
        row.get_by_role("button", name="Place hold", exact=True).click()
        expect(row.get_by_text("Held as evidence")).to_be_visible()
    scene.live.user("commander").post(f"/deployments/{scene.deployment.id}/end/", {"code": "done"})
    # Not before: until the deployment has ended, a false alert counts against the ceiling.
    commander.goto(f"{scene.path}alerts/")
    one.get_by_text("Correct the outcome", exact=True).first.click()
    one.get_by_label("Outcome").select_option("Not located")
    one.get_by_label("Reason", exact=True).fill("The wrong button")
    one.get_by_role("button", name="Save correction", exact=True).click()
    expect(one.locator(".acts-done li")).to_have_count(5)
    expect(one.locator(".acts-done li").last).to_contain_text("Outcome corrected: not located")
    commander.goto(f"{scene.path}alerts/?show=open")
    other.get_by_text("Record the outcome").click()
    other.get_by_label("Outcome").select_option("Not the same (found in review)")
    other.get_by_role("button", name="Record outcome").click()
    expect(other.get_by_role("heading")).to_contain_text("Not the same (found in review)")
    _release(commander, scene, "To be compared")
    # Both purge times pass; what is held stays, and is let go.
    gone = f"SELECT purged_at IS NOT NULL FROM alerts_alert WHERE id = '{left}'"
    assert eventually(lambda: scene.live.sql(gone) == [(True,)], patience=100)
    assert scene.live.sql(f"SELECT count(*) FROM alerts_shot WHERE alert_id = '{met}'")[0][0] == 2
    _release(commander, scene, "Complaint about the stop")
    kept = f"SELECT count(*) FROM alerts_shot WHERE alert_id = '{met}'"
    assert eventually(lambda: scene.live.sql(kept) == [(0,)], patience=40)


def _release(page: Page, scene: Scene, reason: str) -> None:
    page.goto(f"{scene.live.url}/holds/")
    row = page.get_by_role("row", name=reason)
    row.get_by_text("Release this hold").click()
    row.get_by_role("textbox").fill("Settled")
    row.get_by_role("button", name="Release hold", exact=True).click()
    expect(page.get_by_role("row", name=reason)).to_have_count(0)


def test_sound_and_keys_are_announced(scene: Scene) -> None:
    page = scene.one
    expect(page.locator("#sound")).to_contain_text("Sound is off")
    page.keyboard.press("?")
    expect(page.get_by_text("same person, not the same, inconclusive")).to_be_visible()
    alert = scene.raised()
    expect(page).to_have_title(re.compile(r"^\(1\) Console"))
    scene.judge(alert)
    for key, name in (("+", "scale(1.4)"), ("-", "scale(1)")):
        page.keyboard.press(key)
        expect(page.locator(".probe img")).to_have_attribute("style", re.compile(re.escape(name)))
    page.keyboard.press("f")
    expect(page.locator(".pair")).to_have_attribute("data-flicker", re.compile("probe|reference"))
    page.keyboard.press("f")
    # No answer by default: Enter in a field gives none. And no letter does, once that is chosen.
    page.keyboard.press("4")
    page.get_by_label("Blurred or too small").press("Space")
    page.get_by_label("Blurred or too small").press("Enter")
    expect(page.locator("#card-error")).to_be_hidden()
    page.get_by_label("Blurred or too small").press("Space")
    page.get_by_role("button", name="Single-key shortcuts are on").click()
    page.keyboard.press("s")
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Single-key shortcuts are off").click()
    assert scene.live.sql(f"SELECT state FROM alerts_alert WHERE id = '{alert}'") == [("review",)]
    scene.judge(alert, "4", "7", "7", "n")


def test_no_barrier_is_found_on_console_and_handset_by_day_and_by_night(scene: Scene, people: Cast) -> None:
    alert = scene.raised()
    scene.judge(alert)
    commander = people.sign_in("commander", dark=True)
    night, phone = people.sign_in("operator2", dark=True), people.sign_in("officer2", phone=True, dark=True)
    assert violations(scene.one) == []
    night.goto(f"{scene.path}console/")
    night.locator(f"#alert-{alert} button").click()
    expect(night.locator(".alert-card")).to_be_visible()
    night.keyboard.press("?")
    for width, height in ((1366, 800), (1100, 620), (390, 844)):
        night.set_viewport_size({"width": width, "height": height})
        assert violations(night) == []
    scene.judge(alert, "4", "s")
    assert violations(scene.one) == []
    phone.goto(f"{scene.path}handset/")
    phone.locator(f"[data-open='{alert}']").click()
    expect(phone.locator(".street-card")).to_be_visible()
    for page in (phone, scene.phone):
        assert violations(page) == []
    _press(phone.locator(".street-card"), "Speaking to the person")
    expect(phone.locator(".street-card .state-now")).to_have_text("Engagement in progress")
    assert violations(phone) == []
    for path in ("alerts/", "", "console/"):
        commander.goto(f"{scene.path}{path}")
        assert violations(commander) == []
    for path in ("/holds/", "/figures/"):
        commander.goto(f"{scene.live.url}{path}")
        assert violations(commander) == []
    _press(phone.locator(".street-card"), "Not the person: release")
    assert eventually(lambda: scene.live.sql(f"SELECT state FROM alerts_alert WHERE id = '{alert}'") == [("not_same",)])


def _counts(scene: Scene, query: str, wanted: int) -> bool:
    return scene.live.sql(query) == [(wanted,)]


def test_a_poster_ends_with_one_alert_one_stand_down_and_cameras_on(scene: Scene, people: Cast) -> None:
    """A wanted face on a shop window, hidden now and then: each time it is matched again."""
    scene.street.walk_past(at=7)
    ((alert,),) = scene.live.sql(_IDS.format(scene.deployment.id))
    expect(scene.one.locator(f"#alert-{alert}")).to_be_visible()
    scene.judge(str(alert), "7", "7", "n")
    scene.both_say(str(alert), "Operator: not the same")
    for times in (1, 2, 3):
        scene.street.walk_past(at=7)
        expect(scene.two.locator(f"[data-rows=again] #alert-{alert}")).to_contain_text(f"{times}× again")
    # Until the decision is final nobody can build on it.
    expect(scene.one.get_by_role("button", name="Undo decision")).to_have_count(0, timeout=15_000)
    scene.two.locator(f"#alert-{alert} button").click()
    card = scene.two.locator(f".alert-card[data-id='{alert}']")
    expect(card.get_by_role("heading", name="Matched again at the same place, 3 times")).to_be_visible()
    # Somebody has looked: it is an ordinary row again.
    expect(scene.one.locator(f"[data-rows=done] #alert-{alert}")).to_be_visible()
    card.get_by_text("Stand this entry down in this part of the picture").click()
    card.get_by_label("What is matched there").select_option("picture")
    # The card is opened again, and then somebody walks past: it is replaced, and what was typed stays.
    for cause in ("opened", "walked past"):
        card.evaluate("shown => { shown.dataset.before = 'yes' }")
        if cause == "opened":
            scene.two.locator(f"#alert-{alert} button").click()
        else:
            scene.street.walk_past(at=7)
        expect(card).not_to_have_attribute("data-before", "yes", timeout=30_000)
        expect(card.get_by_label("What is matched there")).to_have_value("picture")
    card.get_by_role("button", name="Stand down here").click()
    expect(card).to_contain_text("Stood down here until")
    expect(scene.one.locator("#measured")).to_contain_text("Stood down, North", timeout=15_000)
    withheld = f"SELECT withheld FROM alerts_standdown WHERE alert_id = '{alert}'"
    for times in (1, 2):
        scene.street.walk_past(at=7)
        assert eventually(functools.partial(_counts, scene, withheld, times))
    commander = people.sign_in("commander")
    commander.goto(f"{scene.path}command/")
    commander.get_by_role("button", name="Confirm until").click()
    expect(commander.locator("#stood-down")).to_contain_text("confirmed by")
    # Somebody elsewhere in the picture is a possible match of their own.
    assert scene.raised() != alert
    assert len(scene.live.sql(_IDS.format(scene.deployment.id))) == 2
    ((state, false_alerts),) = scene.live.sql(
        f"SELECT state, false_governed FROM deployments_deployment WHERE id = '{scene.deployment.id}'"
    )
    assert (state, false_alerts) == ("live", 1)
