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

from alerts import evidence, receipts
from alerts.models import Alert
from alerts.receipt_codes import ALPHABET, LENGTH, new_code, normalised, shown
from cases import links
from core.errors import Refused
from lfr_site import receipts as page
from tests.cast import Cast, act, client_of, make_alert, make_case, make_live_deployment


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
    assert "They will be deleted by" in text
    named = ("pc4471", "Test Person", "T/", alert.deployment.name, alert.deployment.places, str(alert.pk)[:8])
    assert [word for word in named if word in text] == []
    assert (answer.headers["Cache-Control"], answer.headers["X-Robots-Tag"]) == ("no-store", "noindex")
    Alert.objects.filter(pk=alert.pk).update(
        purged_at=timezone.now(), sealed=None, person=None, photograph=None, track="", key_name=""
    )
    assert "Deleted on" in _read(alert.receipt).content.decode()


def test_it_says_what_is_held_and_what_is_open(cast: Cast) -> None:
    alert = _engaged(cast)
    assert "The outcome is not recorded yet." in _read(alert.receipt).content.decode()
    evidence.hold(
        alert, reason="A complaint", review_on=timezone.localdate() + dt.timedelta(days=9), actor=cast.authority
    )
    assert "Kept as evidence" in _read(alert.receipt).content.decode()
    act(alert, "check_identity", "confirm", "arrest", cast=cast)
    assert "confirmed your identity and arrested you" in _read(alert.receipt).content.decode()


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


def test_codes_cannot_be_tried_out(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    alert = _engaged(cast)
    tries = [_read(new_code(), REMOTE_ADDR="2001:db8::1").status_code for _ in range(page.MOST_FROM_ONE)]
    assert set(tries) == {404}
    # Another address of the same network, and the right code.
    refused = _read(alert.receipt, REMOTE_ADDR="2001:db8::2")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert _read(alert.receipt, REMOTE_ADDR="192.0.2.7").status_code == 200
    # From everywhere together.
    monkeypatch.setattr(page, "MOST_FROM_ALL", page.MOST_FROM_ONE + 2)
    assert [_read(new_code(), REMOTE_ADDR=f"192.0.2.{n}").status_code for n in (8, 9)] == [404, 429]


def test_without_the_counter_no_code_is_read(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    alert = _engaged(cast)

    def gone(url: str) -> redis.Redis:
        return redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)

    monkeypatch.setattr(page, "_valkey", gone)
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
