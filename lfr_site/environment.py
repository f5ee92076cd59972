"""Settings from the environment. An invalid value stops the start, with the setting's name and the reason."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

import core.retention
from recognition.quality import Limits
from transparency.verifier import COSIGNATURE, Key, NotVerified

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def text(name: str, default: str | None = None) -> str:
    """Return a setting that must not be empty."""
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set.")
    return value


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is “{value}”; it must be one of: {', '.join(allowed)}.")
    return value


def integer(name: str, default: int, lowest: int, highest: int) -> int:
    value = text(name, str(default))
    if not re.fullmatch(r"\d{1,9}", value) or not lowest <= int(value) <= highest:
        raise ImproperlyConfigured(f"{name} is “{value}”; it must be a whole number from {lowest} to {highest}.")
    return int(value)


def minutes(name: str, default: int, highest: int) -> dt.timedelta:
    """Return a duration given in whole minutes; 0 means at once."""
    return dt.timedelta(minutes=integer(name, default, 0, highest))


def retention(name: str, key: str) -> dt.timedelta:
    """Return the time of a line of the retention table, in minutes: its ceiling, unless the setting shortens it."""
    line = core.retention.line(key)
    highest = int((line.ceiling or core.retention.DAY).total_seconds() // 60)
    return minutes(name, highest, highest)


def written_folder(name: str, default: Path) -> Path:
    """Return a folder that the system writes; it need not exist yet."""
    value = os.environ.get(name, "").strip()
    return Path(value).expanduser() if value else default


def folder(name: str) -> Path | None:
    """Return an existing folder, or None if the setting is empty."""
    value = os.environ.get(name, "").strip()
    if not value:
        return None
    path = Path(value).expanduser()
    if not path.is_dir():
        raise ImproperlyConfigured(f"{name} is “{value}”, which is not a folder.")
    return path


def file(name: str, needed_by: str) -> Path | None:
    """Return an existing file, or None if the setting is empty. needed_by: if this is not empty, the file is needed."""
    value = os.environ.get(name, "").strip()
    if not value and needed_by:
        raise ImproperlyConfigured(f"{name} is not set; {needed_by} needs it.")
    if value and not Path(value).expanduser().is_file():
        raise ImproperlyConfigured(f"{name} is “{value}”, which is not a file.")
    return Path(value).expanduser().resolve() if value else None


def name(name: str, default: str) -> str:
    """Return the name of a key: without spaces and “+”."""
    value = text(name, default)
    if "+" in value or re.search(r"\s", value):
        raise ImproperlyConfigured(f"{name} is “{value}”; it must not contain spaces or “+”.")
    return value


def witnesses(name: str) -> tuple[tuple[str, str], ...]:
    """Return witnesses as (key, address) from `VKEY URL`, separated by commas; none if the setting is empty."""
    found = []
    for part in filter(None, (part.strip() for part in os.environ.get(name, "").split(","))):
        vkey, _, url = part.partition(" ")
        try:
            is_one = Key.read(vkey).kind == COSIGNATURE
        except NotVerified:
            is_one = False
        if not is_one or not url.strip().startswith(("https://", "http://")):
            raise ImproperlyConfigured(f"{name} contains “{part}”; enter the key of a witness and its address.")
        found.append((vkey, url.strip().rstrip("/")))
    return tuple(found)


def digest(name: str) -> str:
    """Return a SHA-256 in hexadecimal, or an empty string."""
    value = os.environ.get(name, "").strip().lower()
    if value and not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ImproperlyConfigured(f"{name} is “{value}”; it must be a SHA-256 of 64 hexadecimal digits.")
    return value


def networks(name: str) -> tuple[Network, ...]:
    """Return comma-separated IP networks in CIDR notation; none if the setting is empty."""
    value = os.environ.get(name, "").strip()
    return tuple(_network(name, part.strip()) for part in value.split(",")) if value else ()


def _network(name: str, value: str) -> Network:
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} contains “{value}”; enter networks such as 10.1.2.0/24.") from error
    if network.prefixlen == 0:
        raise ImproperlyConfigured(f"{name} contains “{value}”, which is every address; enter your own networks.")
    return network


def limits(name: str, defaults: Mapping[str, Limits]) -> dict[str, Limits]:
    """Return the limits below or above which a photograph is flagged or refused; the defaults for unnamed measures.

    The setting reads `measure=warn/block`, such as `width=60/24,sharpness=15/3`.
    """
    found = dict(defaults)
    for part in filter(None, (part.strip() for part in os.environ.get(name, "").split(","))):
        match = re.fullmatch(r"(\w+)=(\d+(?:\.\d+)?)(?:/(\d+(?:\.\d+)?))?", part)
        if match is None or match[1] not in defaults:
            raise ImproperlyConfigured(
                f"{name} contains “{part}”; enter measure=warn/block, separated by commas. "
                f"The measures are: {', '.join(defaults)}."
            )
        found[match[1]] = Limits(float(match[2]), float(match[3]) if match[3] else None)
    return found


def database(url: str) -> dict[str, Any]:
    """Return Django's connection settings for a libpq URL or connection string."""
    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}") from error
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    options = {key: value for key, value in parts.items() if key.startswith("ssl")}
    if set(parts) - set(names) - set(options) or "dbname" not in parts:
        raise ImproperlyConfigured(f"DATABASE_URL must name a database and may hold only {', '.join(names)} and ssl….")
    found: dict[str, Any] = {names[key]: value for key, value in parts.items() if key in names}
    return {**found, "OPTIONS": options} if options else found


def valkey(url: str, number: int) -> str:
    """Return the URL of one of Valkey's numbered databases."""
    if re.fullmatch(r"unix:///[^?]+", url):
        return f"{url}?db={number}"
    if re.fullmatch(r"rediss?://[^/?]+/?", url):
        return f"{url.rstrip('/')}/{number}"
    raise ImproperlyConfigured(f"VALKEY_URL is “{url}”; use unix:///path/to/socket or redis://host:port.")


def celery_broker(url: str) -> str:
    """Return the URL of Valkey's database 0 for Celery, which has another scheme for Unix sockets."""
    return (
        url.replace("unix://", "redis+socket://", 1) + "?virtual_host=0"
        if url.startswith("unix://")
        else valkey(url, 0)
    )
