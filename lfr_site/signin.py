"""Limits on password attempts, by account and address together, so that nobody can lock out another user.

Failures are counted in Valkey, because there are several web processes. After five failures, each further failure is
followed by a wait, twice as long as the one before; during a wait no password is checked. A count belongs to one
account at one address: it affects neither the same account at another address nor another account at this address.

Unknown usernames are counted in the same way, so that a wait does not reveal which names exist. They share a fixed
number of counts for each address, so that invented names take a limited amount of memory. They are not written to the
audit log, because they may be passwords typed into the wrong field.

A check takes a core for part of a second and anybody can request one, so each process makes one check at a time.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import redis
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from audit.actions import Action
from audit.journal import record
from core import retention
from core.actors import System
from core.machine import JournalData
from lfr_site import counters
from lfr_site.addresses import UNKNOWN, counted_as
from lfr_site.models import User

logger = logging.getLogger(__name__)

SOMEBODY = System("somebody")

FREE_FAILURES = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 4, 15 * 60
# From the last attempt. Longer than the longest wait; otherwise a wait would lead to five free attempts.
COUNT_LIFE_S = int(retention.period("sign_in").total_seconds())
# Counts of one address for all unknown usernames.
UNKNOWN_NAME_COUNTS = 1024

BUSY_RETRY_S = 5
# lfr_site.lanes admits few anonymous requests at once, so only two or three wait here.
CHECK_PATIENCE_S = 10.0
checking = threading.Lock()

# Returns the milliseconds left of a wait, 0 if a password may be checked, and the attempts refused so far. An attempt
# counts as failed before its password is checked, so that simultaneous attempts are all counted.
_COUNT = """
local wait, count = KEYS[1], KEYS[2]
local is_try, life, waits = ARGV[1] == '1', ARGV[2], #ARGV - 2
local left = redis.call('PTTL', wait)
if left <= 0 and not is_try then return {0, 0} end
local number = redis.call('HINCRBY', count, left > 0 and 'refused' or 'failed', 1)
redis.call('EXPIRE', count, life)
if left > 0 then return {left, number} end
local pause = tonumber(ARGV[2 + math.min(number, waits)])
if pause > 0 then redis.call('SET', wait, '1', 'EX', pause) end
return {0, 0}
"""


class TryLater(ValidationError):
    """The password was not checked. status: HTTP status of the response; seconds: time until the next attempt."""

    def __init__(self, message: str, *, status: int, seconds: int) -> None:
        super().__init__(message)
        self.status, self.seconds = status, seconds


@dataclass(frozen=True)
class Wait:
    """A refused attempt. seconds: time left to wait; refused: attempts refused so far, including this one."""

    seconds: int
    refused: int


@dataclass(frozen=True)
class Attempt:
    """A sign-in attempt. user: the user with the name typed, if any; username: the user's, else as typed."""

    user: User | None
    username: str
    address: str

    @classmethod
    def of(cls, typed: str, request: HttpRequest) -> Attempt:
        user = user_named(typed)
        return cls(user, user.username if user else normalised(typed), address_of(request))

    @property
    def keys(self) -> tuple[str, str]:
        """Valkey keys of the wait and of the count."""
        if self.user is not None:
            account = f"user:{self.user.pk}"
        else:
            digest = salted_hmac(__name__, self.username.lower(), algorithm="sha256").hexdigest()
            account = f"name:{int(digest, 16) % UNKNOWN_NAME_COUNTS}"
        where = f"{account}:{counted_as(self.address)}"
        return f"signin:wait:{where}", f"signin:count:{where}"


def wait_after(failures: int) -> int:
    """Return the seconds to wait after this many failures in a row."""
    if failures <= FREE_FAILURES:
        return 0
    doublings = min(failures - FREE_FAILURES - 1, LONGEST_WAIT_S.bit_length())
    return min(FIRST_WAIT_S << doublings, LONGEST_WAIT_S)


def normalised(name: str) -> str:
    """Return a name without surrounding spaces and with Unicode's compatibility forms replaced, as names are stored."""
    return unicodedata.normalize("NFKC", name).strip()


def user_named(name: str) -> User | None:
    """Return the user with this name in any spelling: capitals, spaces around it, full-width letters."""
    wanted = normalised(name)
    # The database may treat more letters as equal than Python does, such as the dotless i and I.
    found = [user for user in User.objects.filter(username__iexact=wanted) if user.username.lower() == wanted.lower()]
    return found[0] if len(found) == 1 else None


def address_of(request: HttpRequest | None) -> str:
    """Return the client's address, or UNKNOWN, for a command for example."""
    return UNKNOWN if request is None else str(request.META.get("REMOTE_ADDR", UNKNOWN))


@contextlib.contextmanager
def permitted(attempt: Attempt) -> Iterator[None]:
    """Wait for a turn and count the attempt as failed; the block then checks the password.

    Raises:
        TryLater: the password cannot be checked now.
    """
    _refuse(attempt, _counted(attempt, is_try=False))
    if not checking.acquire(timeout=CHECK_PATIENCE_S):
        raise TryLater("The system is busy. Try again in a moment.", status=503, seconds=BUSY_RETRY_S)
    try:
        _refuse(attempt, _counted(attempt, is_try=True))
        yield
    finally:
        checking.release()


def succeeded(attempt: Attempt) -> None:
    """Clear the count of this account at this address."""
    try:
        counters.attempts().delete(*attempt.keys)
    except redis.RedisError as error:
        logger.warning("Failed sign-ins could not be cleared: Valkey does not answer (%s)", error)


def _counted(attempt: Attempt, *, is_try: bool) -> Wait | None:
    """Return the current wait, if any, and count the attempt as refused; otherwise count a try as failed."""
    arguments = [int(is_try), COUNT_LIFE_S, *_waits()]
    try:
        found = counters.attempts().eval(_COUNT, 2, *attempt.keys, *arguments)
    except redis.RedisError as error:
        # Sign-in must not depend on Valkey; passwords are still checked one at a time.
        logger.warning("Sign-ins are not counted: Valkey does not answer (%s)", error)
        return None
    left_ms, refused = cast("tuple[int, int]", found)
    return Wait(math.ceil(left_ms / 1000), refused) if left_ms else None


def _refuse(attempt: Attempt, wait: Wait | None) -> None:
    if wait is None:
        return
    _note_refused(attempt, wait.refused)
    raise TryLater(
        f"Too many attempts from this address. Try again in {in_words(wait.seconds)}.", status=429, seconds=wait.seconds
    )


def _note_refused(attempt: Attempt, refused: int) -> None:
    """Write an audit entry for refused attempts 1, 2, 4, 8 and so on of a count.

    If every refusal had an entry, anybody could fill the audit log and delay the entries of alerts.
    """
    if attempt.user is None or refused & (refused - 1):
        return
    data: JournalData = {"address": attempt.address, "refused": refused}
    with transaction.atomic():
        record(Action.SIGN_IN_REFUSED, actor=SOMEBODY, target=attempt.user, data=data)


def in_words(seconds: int) -> str:
    """Return a duration as text: in seconds, or from two minutes on in minutes, rounded up."""
    number, unit = (seconds, "second") if seconds < 120 else (math.ceil(seconds / 60), "minute")
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _waits() -> list[int]:
    """Return the waits after the first failure, the second and so on, until they no longer grow."""
    waits = [wait_after(1)]
    while waits[-1] < LONGEST_WAIT_S:
        waits.append(wait_after(len(waits) + 1))
    return waits
