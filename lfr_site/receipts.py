"""The public page that answers a receipt: live, without sign-in, and with a limit on how many wrong codes can be tried.

It is the only public page that asks the database. Who asks is kept nowhere, and no code is logged.
"""

from __future__ import annotations

from typing import cast

import redis
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac
from django.views.decorators.http import require_GET

from alerts import receipts
from alerts.receipt_codes import normalised
from lfr_site import counters
from lfr_site.addresses import counted_as
from lfr_site.signin import address_of
from reports import public_site

WINDOW_S = 60
# Wrong codes from one address or network in a window. Right ones do not count: many people may share an address.
MOST_MISSES = 12


@require_GET
@login_not_required
def receipt(request: HttpRequest, code: str = "") -> HttpResponse:
    """Answer the code of an address (as in the QR code) or of the form (`?code=…`)."""
    typed = (code or request.GET.get("code", ""))[:40]
    if not typed:
        return _page(request)
    if not normalised(typed):
        return _page(request, typed=typed, problem="Enter the 12 letters and digits of the receipt.", status=422)
    who = address_of(request)
    try:
        if _misses(who) >= MOST_MISSES:
            return _later(request, typed, "Too many wrong codes were tried. Try again in a minute.", 429)
        alert = receipts.find(typed)
        if alert is None:
            _count_miss(who)
            problem = "There is no receipt with this code. Check it and try again."
            return _page(request, typed=typed, problem=problem, status=404)
    except redis.RedisError:
        return _later(request, typed, "The receipt service is not available. Try again later.", 503)
    return _page(request, found=receipts.receipt_of(alert), result=public_site.address_of_result(alert.deployment))


def _later(request: HttpRequest, typed: str, problem: str, status: int) -> HttpResponse:
    answer = _page(request, typed=typed, problem=problem, status=status)
    answer.headers["Retry-After"] = str(WINDOW_S)
    return answer


def _page(request: HttpRequest, *, status: int = 200, **context: object) -> HttpResponse:
    common = public_site.context_of_pages()
    answer = render(request, "public/receipt.html", {**common, "root": "/public/", **context}, status=status)
    answer.headers["X-Robots-Tag"] = "noindex"
    # Django would log the path of an answer of 400 and more, which may hold a code.
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer


def _key(address: str) -> str:
    """Return the key of an address's count: keyed, so that Valkey holds nobody's address."""
    return f"receipt:{salted_hmac(__name__, counted_as(address), algorithm='sha256').hexdigest()[:32]}"


def _misses(address: str) -> int:
    """Return how many wrong codes came from an address or network in this window."""
    return int(cast("bytes | None", counters.attempts().get(_key(address))) or 0)


def _count_miss(address: str) -> None:
    with counters.attempts().pipeline() as steps:
        steps.incr(_key(address))
        steps.expire(_key(address), WINDOW_S, nx=True)
        steps.execute()
