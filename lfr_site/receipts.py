"""The public page that answers a receipt: live, without sign-in, and with a limit on how many codes can be tried.

It is the only public page that asks the database. Nobody is written down who asks, and no code is logged.
"""

from __future__ import annotations

import functools

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from redis.backoff import NoBackoff
from redis.retry import Retry

from alerts import receipts
from alerts.receipt_codes import normalised
from lfr_site.addresses import counted_as
from lfr_site.signin import address_of
from reports import public_site

WINDOW_S = 60
# In a window: from one address or network, and from all together.
MOST_FROM_ONE, MOST_FROM_ALL = 12, 300

# Returns 1 if another code may be tried. A try that is refused does not count.
_ADMIT = """
for place, key in ipairs(KEYS) do
    if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[place]) then return 0 end
end
for _, key in ipairs(KEYS) do
    if redis.call('INCR', key) == 1 then redis.call('EXPIRE', key, ARGV[#ARGV]) end
end
return 1
"""


@require_GET
@login_not_required
def receipt(request: HttpRequest, code: str = "") -> HttpResponse:
    """Answer the code of an address (as in the QR code) or of the form (`?code=…`)."""
    typed = (code or request.GET.get("code", ""))[:40]
    if not typed:
        return _page(request)
    if not normalised(typed):
        return _page(request, typed=typed, problem="Enter the 12 letters and digits of the receipt.", status=422)
    admitted = _admit(address_of(request))
    if admitted is None:
        answer = _page(request, typed=typed, problem="Receipts cannot be read now. Try again later.", status=503)
        answer.headers["Retry-After"] = str(WINDOW_S)
        return answer
    if not admitted:
        answer = _page(request, typed=typed, problem="Too many codes were tried. Try again in a minute.", status=429)
        answer.headers["Retry-After"] = str(WINDOW_S)
        return answer
    alert = receipts.find(typed)
    if alert is None:
        return _page(request, typed=typed, problem="There is no receipt with this code. Compare it again.", status=404)
    return _page(request, found=receipts.receipt_of(alert), result=public_site.address_of_result(alert.deployment))


def _page(request: HttpRequest, *, status: int = 200, **context: object) -> HttpResponse:
    common = public_site.context_of_pages()
    answer = render(request, "public/receipt.html", {**common, "root": "/public/", **context}, status=status)
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


def _admit(address: str) -> bool | None:
    """Return whether this address may try a code; None if that cannot be counted: then nobody may."""
    keys = (f"receipt:{counted_as(address)}", "receipt:all")
    try:
        return bool(_valkey(settings.VALKEY_SIGN_IN_URL).eval(_ADMIT, 2, *keys, MOST_FROM_ONE, MOST_FROM_ALL, WINDOW_S))
    except redis.RedisError:
        return None


@functools.lru_cache(maxsize=2)
def _valkey(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1))
