"""What every page knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def house(request: HttpRequest) -> dict[str, Any]:
    """The force's name, and whether this is a demonstration."""
    return {"force": settings.LFR_FORCE, "is_demo": settings.IS_DEMO}
