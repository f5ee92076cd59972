"""Keys of photographs and alerts: one a list and one a period, outside the database, so that destroying the key
destroys what it encrypted.

The cryptography is that of the library `cryptography` (Fernet: AES-128 in CBC mode, HMAC-SHA256). A key that was
rotated keeps its older values until everything has been encrypted anew.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import hmac
import os
import re
from pathlib import Path
from typing import IO, Protocol

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

    def names(self) -> list[str]:
        """Every key there is."""


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
        # The values before are wiped once the new ones are in their place: a stop in between loses none.
        with contextlib.ExitStack() as stack:
            before = stack.enter_context(path.open("r+b")) if path.exists() else None
            new.replace(path)
            self._sync_folder()
            if before is not None:
                _wipe(before)

    def values(self, name: str) -> list[bytes]:
        path = self._path(name)
        while True:
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                return []
            # Opened just before it was replaced and wiped: the new one is there.
            if b"\0" not in data:
                return data.splitlines()

    def destroy(self, name: str) -> None:
        path = self._path(name)
        for each in (path.with_suffix(".new"), path):
            if each.exists():
                with each.open("r+b") as stream:
                    _wipe(stream)
                each.unlink(missing_ok=True)
                self._sync_folder()

    def names(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.key"))

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"“{name}” is no key's name")
        return self._folder / f"{name}.key"

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _wipe(stream: IO[bytes]) -> None:
    """Overwrite in place. A disk that writes elsewhere (an SSD) keeps the old block for a while all the same."""
    stream.write(b"\0" * os.fstat(stream.fileno()).st_size)
    stream.flush()
    os.fsync(stream.fileno())


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
    found = opened(name, data)
    if not hmac.compare_digest(hashlib.sha256(found).hexdigest(), sha256):
        raise KeyGone("This is not the photograph that was kept here")
    return found


def opened(name: str, data: bytes) -> bytes:
    """What was encrypted, for who knows by its content that it is the right one.

    Raises:
        KeyGone: the key was destroyed, or this is not what it encrypted.
    """
    try:
        return _fernet(name).decrypt(base64.urlsafe_b64encode(data))
    except InvalidToken as error:
        raise KeyGone(f"The key {name} does not open this") from error


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
    """The same for the same reference in the same scope; not to be found out without the ledger's key.

    Raises:
        KeyGone: the ledger's key is missing. Another one would make pseudonyms that nobody's question finds.
    """
    values = store().values(LEDGER)
    if not values:
        raise KeyGone("The ledger's key is missing: restore it into the key store")
    plain = " ".join(reference.upper().split())
    # The oldest value: pseudonyms cannot be made anew, because what they stand for is gone.
    return hmac.new(values[-1], f"{scope}\n{plain}".encode(), hashlib.sha256).hexdigest()


def _fernet(name: str) -> MultiFernet:
    values = store().values(name)
    if not values:
        raise KeyGone(f"There is no key {name}")
    return MultiFernet([Fernet(value) for value in values])
