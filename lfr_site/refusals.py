"""Refusals of pages and acts to a signed-in user, as entries in the audit log.

A page that a user may not open is not offered to them, so each refusal is somebody who tried an address, or whose roles
changed in between. Of repeated refusals of the same page within an hour, the first, second, fourth, eighth and so on
are entries, each with the number so far: nobody can fill the log.
"""

from __future__ import annotations

import logging

import redis
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from audit.actions import Action
from audit.journal import record
from core.machine import JournalData
from lfr_site.addresses import UNKNOWN
from lfr_site.signin import valkey

logger = logging.getLogger(__name__)

COUNT_LIFE_S = 60 * 60


def note_refused(request: HttpRequest) -> None:
    """Record that the user of a request was refused, if one is signed in."""
    user = request.user
    if not user.is_authenticated:
        return
    match = request.resolver_match
    page = str(match.view_name) if match is not None else ""
    count = _count(f"refused:{user.pk}:{request.method}:{page}")
    if count & (count - 1):
        return
    data: JournalData = {
        "page": page,
        "method": request.method,
        "refused": count,
        "address": str(request.META.get("REMOTE_ADDR", UNKNOWN)),
        **{name: str(value)[:40] for name, value in (match.kwargs if match is not None else {}).items()},
    }
    with transaction.atomic():
        record(Action.ACCESS_REFUSED, actor=user, target=user, data=data)


def _count(key: str) -> int:
    try:
        pipe = valkey(settings.VALKEY_SIGN_IN_URL).pipeline()
        pipe.incr(key)
        pipe.expire(key, COUNT_LIFE_S, nx=True)
        return int(pipe.execute()[0])
    except redis.RedisError as error:
        logger.warning("Refusals are not counted: Valkey does not answer (%s)", error)
        return 1
