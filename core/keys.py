"""Encryption keys: one for each watchlist's photographs and one for each period's alerts.

They are kept outside the database, so that destroying a key destroys what it encrypted. The library `cryptography` does
the encryption (Fernet: AES-128 in CBC mode, HMAC-SHA256). A rotated key keeps its older values until everything has
been re-encrypted.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.module_loading import import_string

LEDGER = "ledger"
_sweepers: dict[str, Callable[[str, str], None]] = {}
_used: dict[str, Callable[[], Collection[str]]] = {}
_NAME = re.compile(r"[a-z]+(-[0-9a-f-]{36})?")


class KeyGone(Exception):
    """The key no longer exists, or it is not the key that was used."""


class KeyStore(Protocol):
    """A store of keys. `LFR_KEY_STORE` names a class that implements it, such as `KeyFolder`."""

    def put(self, name: str, values: list[bytes]) -> None:
        """Replace a key's values with these, newest first. They must be durable when this returns."""

    def values(self, name: str) -> list[bytes]:
        """Return a key's values, newest first, or an empty list if there is no such key."""

    def destroy(self, name: str) -> None:
        """Make a key unrecoverable. A missing key is not an error."""

    def names(self) -> list[str]:
        """Return the names of all keys."""


class KeyFolder:
    """A folder (`LFR_KEYS`) with one file for each key. Only the owner can read it. Keep it out of database backups."""

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
        # Wipe the old values only after the new ones are in place, so that an interruption loses nothing.
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
            # A zero byte means that the file was replaced and wiped while it was read: read the new one.
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
            raise ValueError(f"“{name}” is not a valid key name")
        return self._folder / f"{name}.key"

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _wipe(stream: IO[bytes]) -> None:
    """Overwrite a file in place. A disk that writes elsewhere (an SSD) still keeps the old block for a while."""
    stream.write(b"\0" * os.fstat(stream.fileno()).st_size)
    stream.flush()
    os.fsync(stream.fileno())


@functools.lru_cache(maxsize=1)
def store() -> KeyStore:
    found: KeyStore = import_string(settings.LFR_KEY_STORE)()
    return found


def create(name: str) -> None:
    """Create a key, unless there is one of this name already."""
    if not store().values(name):
        store().put(name, [Fernet.generate_key()])


def encrypted(name: str, data: bytes) -> bytes:
    """Encrypt data with a key.

    Raises:
        KeyGone: there is no such key.
    """
    return base64.urlsafe_b64decode(_fernet(name).encrypt(data))


def decrypted(name: str, data: bytes, sha256: str) -> bytes:
    """Decrypt data and check it against its hash, so that a picture swapped with another row's does not open.

    Raises:
        KeyGone: the key was destroyed, or it did not encrypt this data.
    """
    found = opened(name, data)
    if not hmac.compare_digest(hashlib.sha256(found).hexdigest(), sha256):
        raise KeyGone("This is not the photograph that was stored here")
    return found


def opened(name: str, data: bytes) -> bytes:
    """Decrypt data without checking a hash, for callers who can tell from the content that it is the right data.

    Raises:
        KeyGone: the key was destroyed, or it did not encrypt this data.
    """
    try:
        return _fernet(name).decrypt(base64.urlsafe_b64encode(data))
    except InvalidToken as error:
        raise KeyGone(f"The key {name} does not open this") from error


def renew(name: str) -> None:
    """Add a new value, which encrypts from now on. What the older values encrypted can still be decrypted.

    Raises:
        KeyGone: there is no such key.
    """
    values = store().values(name)
    if not values:
        raise KeyGone(f"There is no key {name}")
    store().put(name, [Fernet.generate_key(), *values])


def forget_old(name: str) -> None:
    """Delete all but the newest value. Call it once everything has been re-encrypted."""
    store().put(name, store().values(name)[:1])


def destroy(name: str) -> None:
    """Destroy a key, so that nothing it encrypted can be decrypted."""
    store().destroy(name)


def name_of(kind: str, owner: object) -> str:
    """Return the name of the key of this kind that belongs to a row. owner: the row's UUID."""
    return f"{kind}-{owner}"


def swept_by(
    kind: str, destroy_if_unused: Callable[[str, str], None], used: Callable[[], Collection[str]] = tuple
) -> None:
    """Register the function that destroys a key of this kind if nothing needs it. It is given the name and the owner.

    used: returns the names of keys of which it is known at once that they are needed, where there may be many.

    Raises:
        ValueError: another function is registered for this kind.
    """
    if _sweepers.setdefault(kind, destroy_if_unused) is not destroy_if_unused:
        raise ValueError(f"There are two kinds of keys named {kind}.")
    _used[kind] = used


def sweep() -> None:
    """Destroy every key that nothing needs: of ended periods, and those that a process left behind when it died."""
    names = store().names()
    used = {kind: frozenset(find()) for kind, find in _used.items()}
    for name in names:
        kind, _, owner = name.partition("-")
        if kind in _sweepers and name not in used[kind]:
            _sweepers[kind](name, owner)


def fingerprint(name: str) -> str:
    """Return the SHA-256 of a key's newest value, or "" if there is none. It identifies a key without revealing it."""
    values = store().values(name)
    return hashlib.sha256(values[0]).hexdigest() if values else ""


def pseudonym(scope: str, reference: str) -> str:
    """Return the pseudonym of a reference: always the same in one scope, and not computable without the ledger's key.

    Raises:
        KeyGone: the ledger's key is missing. Pseudonyms made with another key would never be found by a search.
    """
    values = store().values(LEDGER)
    if not values:
        raise KeyGone("The ledger's key is missing. Restore it to the key store.")
    plain = " ".join(reference.upper().split())
    # Use the oldest value: existing pseudonyms cannot be recomputed, because the references are not kept.
    return hmac.new(values[-1], f"{scope}\n{plain}".encode(), hashlib.sha256).hexdigest()


def _fernet(name: str) -> MultiFernet:
    values = store().values(name)
    if not values:
        raise KeyGone(f"There is no key {name}")
    return MultiFernet([Fernet(value) for value in values])
