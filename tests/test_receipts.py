"""The receipt of an engagement: its code, what it tells, what it never tells, and the limit on tries."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
import redis
from django.conf import settings
from django.test import Client
from django.utils import timezone

from alerts import evidence, operations, receipts
from alerts.choices import NoAction
from alerts.models import Alert
from alerts.receipt_codes import ALPHABET, LENGTH, new_code, normalised, shown
from cases import links
from core.errors import Refused
from lfr_site import counters
from lfr_site import receipts as page
from tests.cast import Cast, act, client_of, end, make_alert, make_case, make_live_deployment


@pytest.fixture(autouse=True)
def no_tries() -> None:
    valkey = redis.Redis.from_url(settings.VALKEY_SIGN_IN_URL)
    valkey.delete(*(valkey.keys("receipt:*") or ["receipt:none"]))


def _engaged(cast: Cast, *steps: str) -> Alert:
    return act(make_alert(make_live_deployment(cast)), "same", "acknowledge", "engage", *steps, cast=cast)


def _read(code: str, **changes: Any) -> Any:
    return Client(**changes).get(f"/receipt/{code}/")


def test_a_code_cannot_be_guessed_or_misread() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET)
    assert not set("01ILOU") & set(ALPHABET)
    assert LENGTH * math.log2(len(ALPHABET)) > 58
    codes = {new_code() for _ in range(1000)}
    assert len(codes) == 1000
    code = codes.pop()
    assert normalised(f" {shown(code).lower()} ") == code
    assert [normalised(wrong) for wrong in ("", code[1:], code + "A", "0" * 12, "ß" * 12, "\0" * 12)] == [""] * 6


def test_it_tells_the_decision_its_duration_and_what_was_deleted_and_names_nobody(cast: Cast) -> None:
    type(cast.officer).objects.filter(pk=cast.officer.pk).update(username="pc4471")
    alert = _engaged(cast, "release")
    assert alert.engaged_at is not None
    Alert.objects.filter(pk=alert.pk).update(ended_at=alert.engaged_at + dt.timedelta(minutes=7))
    answer = _read(shown(alert.receipt))
    text = answer.content.decode()
    assert "you are not the person suggested, and let you go" in text
    assert "7 minutes" in text
    assert "Not known" not in text
    assert "They will be deleted by" in text
    named = ("pc4471", "Test Person", "T/", alert.deployment.name, alert.deployment.places, str(alert.pk)[:8])
    assert [word for word in named if word in text] == []
    assert (answer.headers["Cache-Control"], answer.headers["X-Robots-Tag"]) == ("no-store", "noindex")
    Alert.objects.filter(pk=alert.pk).update(
        purged_at=timezone.now(), sealed=None, person=None, photograph=None, track="", key_name=""
    )
    assert "Deleted on" in _read(alert.receipt).content.decode()


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (Alert.State.OFFICER_NOT_SAME, "you are not the person suggested"),
        (Alert.State.NOT_LOCATED, "ended before your identity was established"),
        (Alert.State.UNRESOLVED, "No outcome of the conversation could be recorded."),
    ],
)
def test_every_result_has_its_words(cast: Cast, state: str, says: str) -> None:
    alert = _engaged(cast)
    Alert.objects.filter(pk=alert.pk).update(state=state, ended_at=timezone.now())
    assert says in _read(alert.receipt).content.decode()


def test_an_overdue_purge_is_said_to_be_overdue(cast: Cast) -> None:
    alert = _engaged(cast)
    long_ago = timezone.now() - dt.timedelta(days=2)
    Alert.objects.filter(pk=alert.pk).update(raised_at=long_ago, received_at=long_ago)
    assert "They were due to be deleted by" in _read(alert.receipt).content.decode()


def test_it_says_what_is_held_and_what_is_open(cast: Cast) -> None:
    alert = _engaged(cast)
    assert "The outcome is not recorded yet." in _read(alert.receipt).content.decode()
    evidence.hold(
        alert, reason="A complaint", review_on=timezone.localdate() + dt.timedelta(days=9), actor=cast.authority
    )
    assert "Kept as evidence" in _read(alert.receipt).content.decode()
    act(alert, "check_identity", "confirm", "arrest", cast=cast)
    assert "confirmed your identity and arrested you" in _read(alert.receipt).content.decode()


def test_a_length_that_was_recorded_afterwards_is_not_told(cast: Cast) -> None:
    alert = _engaged(cast)
    end(alert.deployment, cast)
    alert.refresh_from_db()
    operations.code(alert, "no_action", NoAction.values[0], identity_method="document", actor=cast.commander)
    text = _read(alert.receipt).content.decode()
    assert "took no further action" in text
    assert "Not known: the end was recorded afterwards." in text


def test_nothing_is_told_of_a_possible_match_about_which_nobody_was_spoken_to(cast: Cast) -> None:
    alert = act(make_alert(make_live_deployment(cast)), "same", cast=cast)
    assert _read(alert.receipt).status_code == 404
    assert receipts.find(alert.receipt) is None
    with pytest.raises(ValueError, match="nobody was spoken to"):
        receipts.receipt_of(alert)


def test_wrong_codes_get_a_clear_error(cast: Cast) -> None:
    assert Client().get("/receipt/").status_code == 200
    assert (_read("nonsense").status_code, Client().get("/receipt/?code=%00").status_code) == (422, 422)
    answer = Client().get("/receipt/", {"code": shown(new_code())})
    assert answer.status_code == 404
    assert "There is no receipt with this code." in answer.content.decode()
    assert Client().post("/receipt/", {"code": new_code()}).status_code == 405


def test_codes_cannot_be_tried_out(cast: Cast) -> None:
    alert = _engaged(cast)
    tries = [_read(new_code(), REMOTE_ADDR="2001:db8::1").status_code for _ in range(page.MOST_MISSES)]
    assert set(tries) == {404}
    # Another address of the same network, and the right code.
    refused = _read(alert.receipt, REMOTE_ADDR="2001:db8::2")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert _read(alert.receipt, REMOTE_ADDR="192.0.2.7").status_code == 200


def test_many_people_behind_one_address_can_read_theirs(cast: Cast) -> None:
    alert = _engaged(cast)
    assert {_read(alert.receipt).status_code for _ in range(3 * page.MOST_MISSES)} == {200}


def test_neither_codes_nor_addresses_are_kept(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    alert, wrong = _engaged(cast), new_code()
    for code in (wrong, alert.receipt, "nonsense"):
        _read(code, REMOTE_ADDR="198.51.100.4")
    for _ in range(page.MOST_MISSES):
        _read(wrong, REMOTE_ADDR="198.51.100.4")
    assert _read(alert.receipt, REMOTE_ADDR="198.51.100.4").status_code == 429
    assert not [code for code in (wrong, alert.receipt, "nonsense") if code in caplog.text]
    names = redis.Redis.from_url(settings.VALKEY_SIGN_IN_URL).keys("receipt:*")
    assert len(names) == 1
    assert b"198.51" not in names[0]


def test_without_the_counter_no_code_is_read(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    alert = _engaged(cast)

    def gone() -> redis.Redis:
        return redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)

    monkeypatch.setattr(counters, "attempts", gone)
    assert _read(alert.receipt).status_code == 503


def test_officers_show_the_code_and_print_the_leaflet(cast: Cast) -> None:
    alert = _engaged(cast)
    client = client_of(cast.officer)
    card = client.get(f"/alerts/{alert.pk}/").content.decode()
    assert shown(alert.receipt) in card
    assert '<svg viewBox="0 0 ' in card
    for address in (f"/alerts/{alert.pk}/leaflet/", "/leaflet/"):
        assert client.get(address).content.startswith(b"%PDF")
    assert shown(alert.receipt) not in client_of(cast.operator).get(f"/alerts/{alert.pk}/").content.decode()


def test_a_complaint_is_linked_by_the_receipt(cast: Cast) -> None:
    alert, case = _engaged(cast), make_case(cast, "complaint")
    with pytest.raises(Refused, match="no receipt with this code"):
        links.link_receipt(case, code=new_code(), actor=cast.compliance)
    answer = client_of(cast.compliance).post(f"/cases/{case.number}/receipt/", {"code": shown(alert.receipt).lower()})
    assert answer.status_code == 302
    case.refresh_from_db()
    assert (case.deployment, case.alerts.get()) == (alert.deployment, alert)
