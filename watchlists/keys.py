"""Keys of photographs: one a list, outside the database, so that destroying the key destroys what it encrypted.

The cryptography is that of the library `cryptography` (Fernet: AES-128 in CBC mode, HMAC-SHA256). A key that was
rotated keeps its older values until everything has been encrypted anew.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import os
import re
from pathlib import Path
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.module_loading import import_string

LEDGER = "ledger"
_NAME = re.compile(r"[a-z]+(-[0-9a-f-]{36})?")


class KeyGone(Exception):
    """There is no key of this name any more, or it is not the one that was used."""


class KeyStore(Protocol):
    """Where keys are kept: `LFR_KEY_STORE` names a class like `KeyFolder`."""

    def put(self, name: str, values: list[bytes]) -> None:
        """Keep a key's values, newest first, in place of those before; durably, before this returns."""

    def values(self, name: str) -> list[bytes]:
        """A key's values, newest first; empty when there is none."""

    def destroy(self, name: str) -> None:
        """Make a key unrecoverable. One that is not there is no error."""


class KeyFolder:
    """A file a key, readable by its owner only, in `LFR_KEYS`: not in the database, and not in its backups."""

    def __init__(self) -> None:
        self._folder = Path(settings.LFR_KEYS)

    def put(self, name: str, values: list[bytes]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(name)
        new = path.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(b"\n".join(values))
            stream.flush()
            os.fsync(stream.fileno())
        self._wipe(path)
        new.replace(path)
        self._sync_folder()

    def values(self, name: str) -> list[bytes]:
        try:
            return self._path(name).read_bytes().splitlines()
        except FileNotFoundError:
            return []

    def destroy(self, name: str) -> None:
        path = self._path(name)
        if path.exists():
            self._wipe(path)
            path.unlink(missing_ok=True)
            self._sync_folder()

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"“{name}” is no key's name")
        return self._folder / f"{name}.key"

    def _wipe(self, path: Path) -> None:
        """Overwrite in place. A disk that writes elsewhere (an SSD) keeps the old block for a while all the same."""
        if path.exists():
            with path.open("r+b") as stream:
                stream.write(b"\0" * path.stat().st_size)
                stream.flush()
                os.fsync(stream.fileno())

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@functools.lru_cache(maxsize=1)
def store() -> KeyStore:
    found: KeyStore = import_string(settings.LFR_KEY_STORE)()
    return found


def create(name: str) -> None:
    """A new key; one that is there stays."""
    if not store().values(name):
        store().put(name, [Fernet.generate_key()])


def encrypted(name: str, data: bytes) -> bytes:
    """Raises KeyGone."""
    return base64.urlsafe_b64decode(_fernet(name).encrypt(data))


def decrypted(name: str, data: bytes, sha256: str) -> bytes:
    """What was encrypted, checked against its own hash: rows whose pictures were exchanged do not open.

    Raises:
        KeyGone: the key was destroyed, or this is not what it encrypted.
    """
    try:
        found = _fernet(name).decrypt(base64.urlsafe_b64encode(data))
    except InvalidToken as error:
        raise KeyGone(f"The key {name} does not open this") from error
    if not hmac.compare_digest(hashlib.sha256(found).hexdigest(), sha256):
        raise KeyGone("This is not the photograph that was kept here")
    return found


def renew(name: str) -> None:
    """Put a new value before the old ones: what is encrypted from now on uses it, and the old still open.

    Raises:
        KeyGone: there is no such key.
    """
    values = store().values(name)
    if not values:
        raise KeyGone(f"There is no key {name}")
    store().put(name, [Fernet.generate_key(), *values])


def forget_old(name: str) -> None:
    """Keep the newest value only: once everything has been encrypted anew."""
    store().put(name, store().values(name)[:1])


def destroy(name: str) -> None:
    """From here on nothing opens what this key encrypted."""
    store().destroy(name)


def fingerprint(name: str) -> str:
    """SHA-256 over a key's newest value: tells keys apart, and gives nothing away. Empty when there is none."""
    values = store().values(name)
    return hashlib.sha256(values[0]).hexdigest() if values else ""


def pseudonym(scope: str, reference: str) -> str:
    """The same for the same reference in the same scope; not to be found out without the ledger's key."""
    create(LEDGER)
    plain = " ".join(reference.upper().split())
    # The oldest value: pseudonyms cannot be made anew, because what they stand for is gone.
    return hmac.new(store().values(LEDGER)[-1], f"{scope}\n{plain}".encode(), hashlib.sha256).hexdigest()


def _fernet(name: str) -> MultiFernet:
    values = store().values(name)
    if not values:
        raise KeyGone(f"There is no key {name}")
    return MultiFernet([Fernet(value) for value in values])
