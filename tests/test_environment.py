from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from lfr_site import environment
from lfr_site.supervisor import BASE_DIR

GOOD = {
    "LFR_ENV": "production",
    "LFR_SECRET_KEY": "v8Zr2kQwX0cY5nB7tJm1LpDg3HsFa9RuEi6OxTqWzNyKbVjC4M",
    "LFR_HOSTS": "lfr.example.police.uk",
    "LFR_FORCE": "Example Constabulary",
    "DATABASE_URL": "postgresql://lfr:secret@db.example:5433/lfr",
    "VALKEY_URL": "redis://valkey.example:6379",
}
SHOW = """
from django.conf import settings as s
print(s.DATABASES['default']['HOST'], s.CELERY_BROKER_URL, s.SESSION_COOKIE_SECURE, s.DEBUG)
"""


def _settings(tmp_path: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    names = {key: value for key, value in os.environ.items() if not key.startswith("LFR_")}
    full = {**names, **GOOD, "LFR_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "lfr_site.settings", **changes}
    kept = {key: value for key, value in full.items() if value != "(unset)"}
    return subprocess.run(
        [sys.executable, "-c", SHOW], env=kept, cwd=BASE_DIR, capture_output=True, text=True, check=False
    )


def test_production_starts_with_all_settings(tmp_path: Path) -> None:
    done = _settings(tmp_path)
    assert done.stdout.split() == ["db.example", "redis://valkey.example:6379/0", "True", "False"], done.stderr


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("LFR_SECRET_KEY", "(unset)", "LFR_SECRET_KEY must be a random text"),
        ("LFR_SECRET_KEY", "short", "50 characters"),
        ("LFR_SECRET_KEY", "a" * 80, "random text"),
        ("LFR_HOSTS", "(unset)", "LFR_HOSTS is not set"),
        ("LFR_HOSTS", "*", "not allowed"),
        ("LFR_TRUSTED_PROXIES", "the proxy", "enter networks such as"),
        ("LFR_TRUSTED_PROXIES", "10.1.2.3/24", "enter networks such as"),
        ("LFR_TRUSTED_PROXIES", "10.1.2.3,", "enter networks such as"),
        ("LFR_TRUSTED_PROXIES", "10.1.2.3,::/0", "every address"),
        ("LFR_FORCE", "(unset)", "LFR_FORCE is not set"),
        ("LFR_AUDIT_RETENTION_DAYS", "2191", "from 2192 to"),
        ("LFR_DRAFT_RETENTION_DAYS", "32", "from 1 to 31"),
        ("LFR_LOG_ORIGIN", "our log", "must not contain spaces"),
        ("LFR_WITNESSES", "https://witness.example", "enter the key of a witness and its address"),
        ("LFR_WITNESSES", "witness.example+00000000+AAAA https://witness.example", "enter the key of a witness"),
        ("LFR_TIMESTAMP_URL", "https://tsa.example", "LFR_TIMESTAMP_ROOTS is not set"),
        ("LFR_TIMESTAMP_ROOTS", "/no/such/file.pem", "is not a file"),
        ("LFR_ENV", "staging", "must be one of: production, demo"),
        ("LFR_WATCHLIST_RETENTION_MINUTES", "1441", "from 0 to 1440"),
        ("LFR_WATCHLIST_RETENTION_MINUTES", "-5", "whole number"),
        ("LFR_ALERT_RETENTION_MINUTES", "a day", "whole number"),
        ("LFR_WEIGHTS", "/does/not/exist", "not a folder"),
        ("LFR_OWN_NETWORKS", "10.1.0.0/33", "enter networks such as"),
        ("LFR_OWN_NETWORKS", "10.1.0.0/16 10.2.0.0/16", "enter networks such as"),
        ("LFR_OWN_NETWORKS", "10.1.0.0/16,10.2.3.4/16", "10.2.3.4/16"),
        ("LFR_OWN_NETWORKS", "records.example", "enter networks such as"),
        ("LFR_OWN_NETWORKS", "0.0.0.0/0", "every address"),
        ("LFR_OWN_NETWORKS", "::/0", "every address"),
        ("DATABASE_URL", "not a url", "DATABASE_URL"),
        ("VALKEY_URL", "memcached://x", "VALKEY_URL"),
    ],
)
def test_a_weak_or_wrong_setting_stops_the_start(tmp_path: Path, name: str, value: str, says: str) -> None:
    done = _settings(tmp_path, **{name: value})
    assert done.returncode != 0
    assert "ImproperlyConfigured" in done.stderr
    assert says in done.stderr.strip().splitlines()[-1]


def test_a_demonstration_makes_and_keeps_its_own_key(tmp_path: Path) -> None:
    for _ in range(2):
        assert _settings(tmp_path, LFR_ENV="demo", LFR_SECRET_KEY="(unset)").returncode == 0
    key = tmp_path / "secret_key"
    assert len(key.read_text()) > 50
    assert key.stat().st_mode & 0o077 == 0


def test_urls() -> None:
    assert environment.valkey("unix:///run/valkey.sock", 2) == "unix:///run/valkey.sock?db=2"
    assert environment.celery_broker("unix:///run/valkey.sock") == "redis+socket:///run/valkey.sock?virtual_host=0"
    assert environment.database("postgresql:///lfr?host=/run/pg&user=lfr") == {
        "NAME": "lfr",
        "HOST": "/run/pg",
        "USER": "lfr",
    }
    assert environment.database("postgresql://h/lfr?sslmode=verify-full")["OPTIONS"] == {"sslmode": "verify-full"}
    with pytest.raises(ImproperlyConfigured, match="may hold only"):
        environment.database("postgresql:///lfr?application_name=x")


def test_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.networks("LFR_X") == ()
    monkeypatch.setenv("LFR_X", "10.1.2.3, 2001:db8::/32")
    assert environment.networks("LFR_X") == (IPv4Network("10.1.2.3/32"), IPv6Network("2001:db8::/32"))


def test_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LFR_X", "90")
    assert environment.minutes("LFR_X", 1, 100) == dt.timedelta(minutes=90)
