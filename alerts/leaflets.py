"""The leaflet for somebody who was spoken to, as PDF: what happened, what is kept, their rights, and the receipt."""

from __future__ import annotations

import tempfile
from pathlib import Path

import segno
from django.conf import settings

from core import retention
from deployments.documents import compile_pdf

TEMPLATE = Path(__file__).resolve().parent / "typeset" / "leaflet.typ"


def leaflet_pdf(address: str, code: str = "") -> bytes:
    """Return the leaflet. address: of the page of receipts. code: as people read it; empty for a blank one."""
    data = {
        "force": settings.LFR_FORCE,
        "marking": "Demonstration" if settings.IS_DEMO else "",
        "title": "Why an officer spoke to you",
        "sections": _sections(),
        "code": code,
        "how": "Scan the code, or enter it at" if code else "The officer writes your code here. Enter it at",
        "address": address,
    }
    with tempfile.TemporaryDirectory(prefix="lfr-leaflet-") as folder:
        segno.make(address, error="m").save(str(Path(folder) / "address.svg"), scale=4, border=1)
        return compile_pdf(TEMPLATE, data, Path(folder))


def _sections() -> list[dict[str, object]]:
    alert, stranger = retention.line("alert"), retention.line("stranger")
    return [
        {
            "heading": "What happened",
            "paragraphs": [
                "Cameras here compare faces with a watchlist. The system found that you look similar to somebody on "
                "it: a possible match. A person then compared the faces, and the officer decided.",
            ],
        },
        {
            "heading": "What is kept",
            "paragraphs": [
                f"The pictures and the score of the possible match are deleted {alert.kept}. {alert.besides}",
                f"The face of anybody who matches nobody is {stranger.kept}. How you were dealt with is recorded "
                "without your name.",
            ],
        },
        {
            "heading": "Your rights",
            "paragraphs": [
                "You can ask whether you are or were on a watchlist, and what is held about you (Data Protection Act "
                "2018, section 45).",
                f"You can complain to {settings.LFR_FORCE}, which acknowledges it within 30 days (section 164A), and "
                "to the Information Commissioner: ico.org.uk, 0303 123 1113. Give the code of your receipt. Complain "
                "soon: pictures that are not held as evidence are deleted.",
            ],
        },
    ]
