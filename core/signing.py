"""Signatures of the system, with Ed25519 keys from the key store (RFC 8032; the library `cryptography` computes them).

A signing key is created once and never destroyed: what it signed must stay verifiable. After `keys.renew` its older
values still verify. The public halves are published, so that anybody can check a signature without this system.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core import keys
from core.keys import KeyGone

# The key that signs authorities.
AUTHORITY = "authority"


@dataclass(frozen=True)
class Signature:
    """A signature, and the id of the key that made it. value: 64 bytes."""

    key_id: str
    value: bytes


def prepare(name: str) -> None:
    """Create a signing key, unless there is one of this name already."""
    keys.create(name)


def sign(name: str, message: bytes) -> Signature:
    """Sign a message with the newest value of a key.

    Raises:
        KeyGone: there is no such key.
    """
    values = keys.store().values(name)
    if not values:
        raise KeyGone(f"The signing key “{name}” is missing. Restore it to the key store.")
    private = _private(values[0])
    public = private.public_key().public_bytes_raw()
    return Signature(key_id(public), private.sign(message))


def public_keys(name: str) -> dict[str, bytes]:
    """Return the public keys, of 32 bytes each, by their ids, newest first; empty if there is no such key."""
    found = (_private(value).public_key().public_bytes_raw() for value in keys.store().values(name))
    return {key_id(public): public for public in found}


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature of this message was made with the private half of a public key of 32 bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id(public: bytes) -> str:
    """Return the id of a public key: the first 16 digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


@functools.lru_cache(maxsize=8)
def _private(value: bytes) -> Ed25519PrivateKey:
    # The value of a key is 32 random bytes, in base64.
    return Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(value))
