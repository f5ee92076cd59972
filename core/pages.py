"""Helpers for pages that show lists."""

from __future__ import annotations

from django.http import HttpRequest


def query_of(request: HttpRequest, *without: str) -> str:
    """Return the query of a request without the number of the page, for links to the other pages of a list.

    without: further parameters to leave out.
    """
    kept = request.GET.copy()
    for name in ("page", *without):
        kept.pop(name, None)
    return kept.urlencode()
