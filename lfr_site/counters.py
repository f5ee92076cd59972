"""The connection to the part of Valkey that counts attempts: of sign-ins, and of wrong codes of receipts."""

from __future__ import annotations

import functools

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


def attempts() -> redis.Redis:
    """Return the connection. It gives up after a second, so that nobody waits for Valkey."""
    return _connected(settings.VALKEY_SIGN_IN_URL)


@functools.lru_cache(maxsize=2)
def _connected(url: str) -> redis.Redis:
    # Retry once, for a connection that was closed since it was last used.
    retry = Retry(NoBackoff(), 1)
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=retry)
