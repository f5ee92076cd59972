"""Content of a row that is encrypted under a named key: values as JSON, and bytes such as a picture or a letter.

Each piece names the row that it belongs to, so that it cannot be opened in place of another.
"""

from __future__ import annotations

import json
import struct
import uuid
from typing import Any

from core import keys


def seal(name: str, row_id: uuid.UUID, about: dict[str, Any], blob: bytes = b"") -> bytes:
    """Return the values and the bytes of a row, encrypted under the named key.

    Raises:
        core.keys.KeyGone: there is no such key.
    """
    header = json.dumps({"row": str(row_id), **about}).encode()
    return keys.encrypted(name, struct.pack(">I", len(header)) + header + blob)


def unseal(name: str, row_id: uuid.UUID, sealed: bytes | memoryview[int]) -> tuple[dict[str, Any], bytes]:
    """Return the values and the bytes that `seal` encrypted for a row.

    Raises:
        core.keys.KeyGone: the key was destroyed, or the content belongs to another row.
    """
    plain = keys.opened(name, bytes(sealed))
    (length,) = struct.unpack_from(">I", plain)
    about: dict[str, Any] = json.loads(plain[4 : 4 + length])
    if about.pop("row") != str(row_id):
        raise keys.KeyGone("This content belongs to another row")
    return about, plain[4 + length :]
