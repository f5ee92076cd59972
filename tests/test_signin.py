"""Limits on sign-in attempts, which cannot be used to lock out other users."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
from django.conf import settings as django_settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client

from audit.models import Entry
from lfr_site import signin
from lfr_site.accounts import add_user
from lfr_site.asgi import application
from lfr_site.signin import Attempt, wait_after
from tests.cast import Cast

PASSWORD = "a-long-password"
OFFICE, ELSEWHERE = "192.0.2.1", "198.51.100.66"


class CountingHasher(MD5PasswordHasher):
    """A fast hasher that counts the passwords it hashes."""

    algorithm = "counting"
    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).hashed += 1
        return super().encode(password, salt)


@pytest.fixture(autouse=True)
def valkey() -> Iterator[redis.Redis]:
    """Return a client of the Valkey that holds the counts, without counts."""
    with redis.Redis.from_url(django_settings.VALKEY_SIGN_IN_URL, decode_responses=True) as client:
        client.flushdb()
        yield client


@pytest.fixture(autouse=True)
def fast_hasher(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["tests.test_signin.CountingHasher"]


@pytest.fixture(autouse=True)
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make waits so long that none ends during a test on a slow machine."""
    monkeypatch.setattr(signin, "FIRST_WAIT_S", signin.LONGEST_WAIT_S)


@pytest.fixture
def cast(cast: Cast) -> Cast:
    _give_passwords(cast)
    return cast


def _give_passwords(cast: Cast) -> None:
    for user in (cast.operator, cast.officer):
        user.set_password(PASSWORD)
        user.save()


def _post(name: str, password: str = "wrong", address: str = ELSEWHERE, **extra: Any) -> Any:
    fields = {"login": name, "password": password}
    return Client().post("/accounts/login/", fields, REMOTE_ADDR=address, **extra)


def _signs_in(name: str, address: str, password: str = PASSWORD) -> bool:
    answer = _post(name, password, address)
    return bool(answer.status_code == 302 and answer.url == "/")


def _guess(times: int, name: str = "operator", address: str = ELSEWHERE, **extra: Any) -> list[int]:
    """Return the response statuses of this many wrong passwords."""
    return [_post(name, address=address, **extra).status_code for _ in range(times)]


def _checked(times: int, **extra: Any) -> int:
    """Return how many of this many wrong passwords were checked."""
    before = CountingHasher.hashed
    _guess(times, **extra)
    return CountingHasher.hashed - before


def _end_waits(valkey: redis.Redis) -> None:
    valkey.delete("none", *valkey.keys("signin:wait:*"))


def _entries(action: str) -> list[dict[str, Any]]:
    return list(Entry.objects.filter(action=action).in_order().values_list("data", flat=True))


# Nobody can lock out another user.


def test_wrong_passwords_at_one_address_do_not_affect_other_addresses(cast: Cast) -> None:
    assert _guess(40) == [200] * 6 + [429] * 34
    assert not _signs_in("operator", ELSEWHERE)
    assert _signs_in("operator", OFFICE)
    # All users of a force may share one address.
    assert _signs_in("officer", ELSEWHERE)


def test_the_host_header_is_ignored(cast: Cast) -> None:
    before = CountingHasher.hashed
    for port in range(9000, 9040):
        _post("operator", headers={"host": f"localhost:{port}"})
    for host in ("127.0.0.1", "[::1]", "localhost"):
        _post("operator", headers={"host": host})
    assert CountingHasher.hashed - before == 6


def test_address_headers_are_ignored_by_django(cast: Cast) -> None:
    before = CountingHasher.hashed
    for number in range(20):
        _post("operator", headers={"x-forwarded-for": f"203.0.113.{number}", "x-real-ip": f"203.0.113.{number}"})
    assert CountingHasher.hashed - before == 6


def test_one_ipv6_subscriber_counts_as_one_address(cast: Cast) -> None:
    before = CountingHasher.hashed
    for number in range(20):
        _post("operator", address=f"2001:db8:1:2::{number:x}")
    assert CountingHasher.hashed - before == 6
    assert _signs_in("operator", "2001:db8:1:3::1")


def test_all_spellings_of_a_name_share_a_count_and_sign_in(cast: Cast) -> None:
    spellings = ["operator", "Operator", "OPERATOR", "  operator ", "ｏｐｅｒａｔｏｒ", "ＯＰＥＲＡＴＯＲ"]
    assert [_post(name).status_code for name in [*spellings, *spellings]] == [200] * 6 + [429] * 6
    assert all(_signs_in(name, OFFICE) for name in spellings)


def test_simultaneous_attempts_are_counted_individually() -> None:
    attempt, checked, start = Attempt(None, "operator", ELSEWHERE), [], threading.Barrier(20)

    def guess() -> None:
        start.wait()
        with signin.permitted(attempt):
            checked.append(1)

    with ThreadPoolExecutor(20) as pool:
        tries = [pool.submit(guess) for _ in range(20)]
    assert len(checked) == 6
    assert sum(isinstance(done.exception(), signin.TryLater) for done in tries) == 14


def test_two_users_cannot_have_spellings_of_one_name(cast: Cast) -> None:
    with pytest.raises(ValueError, match="already"):
        add_user(username="ＯＰＥＲＡＴＯＲ", password=PASSWORD, role="LFR operator")


# Waits.


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (1, 0), (5, 0), (6, 4), (7, 8), (8, 16), (13, 512), (14, 900), (15, 900), (10**9, 900)],
)
def test_a_wait_doubles_up_to_a_quarter_of_an_hour(
    monkeypatch: pytest.MonkeyPatch, failures: int, seconds: int
) -> None:
    monkeypatch.setattr(signin, "FIRST_WAIT_S", 4)
    assert wait_after(failures) == seconds


def test_the_wait_grows_with_each_failure(cast: Cast, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signin, "FIRST_WAIT_S", 100)
    waits = []
    for _ in range(9):
        _guess(1)
        waits.append(max((valkey.ttl(key) for key in valkey.keys("signin:wait:*")), default=0))
        _end_waits(valkey)
    expected = [0, 0, 0, 0, 0, 100, 200, 400, 800]
    assert all(wait - 60 < found <= wait for wait, found in zip(expected, waits, strict=True)), waits


def test_the_page_says_when_to_try_again(cast: Cast, valkey: redis.Redis) -> None:
    _guess(6)
    valkey.expire(valkey.keys("signin:wait:*")[0], 600)
    answer = _post("operator", PASSWORD)
    assert answer.status_code == 429
    assert "Too many attempts from this address. Try again in 10 minutes." in answer.content.decode()
    assert 540 < int(answer.headers["Retry-After"]) <= 600


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "1 second"), (40, "40 seconds"), (119, "119 seconds"), (121, "3 minutes")]
)
def test_the_text_of_a_wait(seconds: int, words: str) -> None:
    assert signin.in_words(seconds) == words


def test_after_a_wait_the_password_is_checked_again(cast: Cast, valkey: redis.Redis) -> None:
    _guess(6)
    assert _checked(5) == 0
    _end_waits(valkey)
    assert _checked(5) == 1
    _end_waits(valkey)
    assert _signs_in("operator", ELSEWHERE)


def test_a_success_clears_only_the_count_of_its_account_and_address(cast: Cast) -> None:
    _guess(5)
    _guess(5, "officer")
    _guess(5, address=OFFICE)
    assert _signs_in("operator", ELSEWHERE)
    assert _checked(10) == 6
    assert _checked(10, name="officer") == 1
    assert _checked(10, address=OFFICE) == 1


def test_every_key_expires(cast: Cast, valkey: redis.Redis) -> None:
    _guess(8)
    _guess(8, "nobody-of-this-name")
    lives = {key: valkey.ttl(key) for key in valkey.keys("*")}
    assert len(lives) == 4
    for key, life in lives.items():
        longest = signin.LONGEST_WAIT_S if ":wait:" in key else signin.COUNT_LIFE_S
        assert 0 < life <= longest


# Unknown usernames.


def test_an_unknown_username_gets_the_same_answer_at_the_same_cost(cast: Cast) -> None:
    assert _guess(8, "nobody-of-this-name") == _guess(8)
    assert _checked(1, name="nobody-of-that-name") == 1
    assert _checked(1, name="officer") == 1


def test_unknown_usernames_take_a_limited_number_of_keys(
    cast: Cast, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "UNKNOWN_NAME_COUNTS", 4)
    for number in range(40):
        _post(f"nobody-{number}")
    assert len(valkey.keys("signin:count:*")) <= 4
    assert _signs_in("operator", ELSEWHERE)


def test_unknown_usernames_are_neither_in_the_audit_log_nor_in_valkey(cast: Cast, valkey: redis.Redis) -> None:
    _guess(8, "my-password-by-mistake")
    assert not Entry.objects.exists()
    assert not [key for key in valkey.keys("*") if "mistake" in key]


# The audit log.


def test_a_failure_under_any_spelling_is_audited_with_its_address(cast: Cast) -> None:
    for name in ("operator", "OPERATOR", " operator", "ｏｐｅｒａｔｏｒ"):
        _post(name)
    entries = Entry.objects.filter(action="user.sign_in_failed")
    assert list(entries.values_list("target_id", flat=True)) == [str(cast.operator.pk)] * 4
    assert _entries("user.sign_in_failed") == [{"address": ELSEWHERE, "account_is_active": True}] * 4


def test_any_password_of_an_inactive_account_is_audited_and_counted(cast: Cast) -> None:
    cast.operator.is_active = False
    cast.operator.save()
    assert not _signs_in("operator", ELSEWHERE)
    assert _post("operator", PASSWORD).url == "/accounts/inactive/"
    assert _entries("user.sign_in_failed") == [{"address": ELSEWHERE, "account_is_active": False}] * 2
    assert [_post("operator", PASSWORD).status_code for _ in range(6)] == [302] * 4 + [429] * 2


def test_refused_attempts_are_audited_at_doubling_counts(cast: Cast) -> None:
    _guess(6 + 20)
    entries = Entry.objects.filter(action="user.sign_in_refused")
    assert set(entries.values_list("target_id", flat=True)) == {str(cast.operator.pk)}
    assert _entries("user.sign_in_refused") == [
        {"address": ELSEWHERE, "refused": number} for number in (1, 2, 4, 8, 16)
    ]
    assert len(_entries("user.sign_in_failed")) == 6


# Failures and overload.


def test_without_valkey_sign_in_works_and_logs_a_warning(
    cast: Cast, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.VALKEY_SIGN_IN_URL = "unix:///nowhere/valkey.sock?db=3"
    with caplog.at_level(logging.WARNING, "lfr_site.signin"):
        assert _guess(7) == [200] * 7
        assert _signs_in("operator", ELSEWHERE)
    assert "Valkey does not answer" in caplog.text


def test_attempts_wait_during_a_check_and_are_refused_after_a_while(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "CHECK_PATIENCE_S", 0.01)
    before = CountingHasher.hashed
    with signin.checking:
        answer = _post("operator", PASSWORD, OFFICE)
    assert answer.status_code == 503
    assert "The system is busy. Try again in a moment." in answer.content.decode()
    assert answer.headers["Retry-After"] == "5"
    assert CountingHasher.hashed == before
    # It does not count as their failure.
    assert _checked(10, address=OFFICE) == 6


async def test_the_web_server_takes_the_address_of_the_peer(db: None, valkey: redis.Redis) -> None:
    statuses = [await _post_at_the_door(f"203.0.113.{number}") for number in range(8)]
    assert statuses == [200] * 6 + [429] * 2
    assert {str(key).rsplit(":", 1)[1] for key in valkey.keys("*")} == {"192.0.2.50"}


async def _post_at_the_door(forwarded_for: str) -> int:
    """Return the status of a wrong password sent through the whole web server from 192.0.2.50 with this header."""
    token = "x" * 32
    body = urlencode({"login": "nobody", "password": "wrong", "csrfmiddlewaretoken": token}).encode()
    headers = {
        "host": "localhost",
        "cookie": f"csrftoken={token}",
        "content-type": "application/x-www-form-urlencoded",
        "content-length": str(len(body)),
        "x-forwarded-for": forwarded_for,
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/accounts/login/",
        "query_string": b"",
        "client": ("192.0.2.50", 4711),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    incoming.put_nowait({"type": "http.request", "body": body})
    answer: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        answer.append(message)

    await application(scope, incoming.get, send)
    return int(answer[0]["status"])
