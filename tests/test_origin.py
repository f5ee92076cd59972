"""Only pages of the same host and port can open a socket."""

from __future__ import annotations

from typing import Any

import pytest

from lfr_site.origin import is_same_origin


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("https://lfr.force.example", "lfr.force.example", True),
        ("https://lfr.force.example:443", "lfr.force.example", True),
        ("https://lfr.force.example", "lfr.force.example:443", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        # Another program on this machine.
        ("http://localhost:9000", "localhost:8000", False),
        ("http://localhost", "localhost:8000", False),
        ("http://localhost:8000", "localhost", False),
        ("https://lfr.force.example:8443", "lfr.force.example", False),
        ("http://127.0.0.1:8000", "localhost:8000", False),
        ("https://elsewhere.example", "lfr.force.example", False),
        ("https://elsewhere.example", "elsewhere.example", False),
        ("https://lfr.force.example.elsewhere.example", "lfr.force.example", False),
        ("https://lfr.force.example@elsewhere.example", "lfr.force.example", False),
        ("null", "localhost:8000", False),
        ("", "localhost:8000", False),
        ("http://localhost:8000", "", False),
        ("file://localhost:8000", "localhost:8000", False),
        ("http://localhost:port", "localhost:8000", False),
        ("http://[", "localhost:8000", False),
    ],
)
def test_an_origin_is_host_and_port(origin: str, host: str, allowed: bool, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "lfr.force.example", "[::1]"]
    assert is_same_origin(origin, host) is allowed
