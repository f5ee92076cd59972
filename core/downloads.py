"""Responses that a browser saves as a file."""

from __future__ import annotations

from django.http import HttpResponse


def csv_download(text: str, name: str) -> HttpResponse:
    # The byte order mark tells spreadsheets that this is UTF-8.
    return download(("\ufeff" + text).encode(), name, "text/csv; charset=utf-8")


def download(content: bytes, name: str, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
