"""A witness of audit logs (tlog-witness): it countersigns a checkpoint only if that extends the last one it signed.

    python -m transparency.witness key NAME --file KEY
    python -m transparency.witness serve --key KEY --logs POLICY --state FOLDER --port PORT

It belongs on a machine that the force does not control, such as the oversight body's. POLICY holds the keys of the logs
that it knows, a line `log VKEY` each. FOLDER keeps the last checkpoint of each log; whoever holds that file can show
later what the log was. Put a proxy with TLS in front.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import fcntl
import hashlib
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from transparency.verifier import (
    COSIGNATURE,
    EMPTY_ROOT,
    Checkpoint,
    Key,
    Note,
    NotVerified,
    Policy,
    cosigned,
    is_extended,
    signature_line,
)

LARGEST_REQUEST = 64 * 2**10
MOST_HASHES = 63


@dataclass(frozen=True)
class Signer:
    """The key of a witness, kept as one line in a file: its name and 32 bytes in base64."""

    name: str
    private: Ed25519PrivateKey

    @classmethod
    def create(cls, name: str, path: Path) -> Signer:
        """Make a key and write it where only the owner can read it.

        Raises:
            FileExistsError: there is a file already; a key is never replaced.
        """
        made = cls(name, Ed25519PrivateKey.generate())
        Key.read(str(made.key))
        encoded = base64.b64encode(made.private.private_bytes_raw()).decode()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(f"{name} {encoded}\n")
        return made

    @classmethod
    def read(cls, path: Path) -> Signer:
        name, encoded = path.read_text(encoding="utf-8").split()
        return cls(name, Ed25519PrivateKey.from_private_bytes(base64.b64decode(encoded)))

    @property
    def key(self) -> Key:
        return Key.of(self.name, COSIGNATURE, self.private.public_key().public_bytes_raw())

    def line_for(self, text: str, at: int) -> str:
        """Return the line that countersigns the text of a checkpoint. at: POSIX seconds."""
        signature = self.private.sign(cosigned(text, at))
        return signature_line(self.key, at.to_bytes(8, "big") + signature)


class Witness:
    """Checks and countersigns checkpoints, one at a time. What it signed is on the disk before it answers."""

    def __init__(self, signer: Signer, logs: Policy, state: Path) -> None:
        self._signer = signer
        self._logs = logs
        self._state = state
        self._lock = asyncio.Lock()
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Two processes on one folder could sign two logs that differ. The lock ends with the process.
        self._held = (state / ".lock").open("w")
        fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_post("/add-checkpoint", self.add_checkpoint)
        app.router.add_get("/{log:[0-9a-f]{64}}/checkpoint", self.last_checkpoint)
        return app

    async def last_checkpoint(self, request: web.Request) -> web.Response:
        path = self._state / request.match_info["log"]
        if not path.is_file():
            return web.Response(status=404)
        return web.Response(text=path.read_text(encoding="utf-8"))

    async def add_checkpoint(self, request: web.Request) -> web.Response:
        """Countersign, or answer as tlog-witness says: 400, 403, 404, 409 or 422."""
        try:
            old, proof, raw = _read_request((await request.read()).decode())
            note = Note.read(raw)
            new = Checkpoint.read(note.text)
        except (NotVerified, ValueError) as problem:
            return web.Response(status=400, text=f"{problem}\n")
        if not any(key.name == new.origin for key in self._logs.logs):
            return web.Response(status=404)
        try:
            self._logs.opened(raw)
        except NotVerified as problem:
            return web.Response(status=403, text=f"{problem}\n")
        if old > new.size:
            return web.Response(status=400)
        async with self._lock:
            return self._countersigned(old, proof, new, note)

    def _countersigned(self, old: int, proof: list[bytes], new: Checkpoint, note: Note) -> web.Response:
        last = self._last(new.origin)
        if old != last.size:
            headers = {"Content-Type": "text/x.tlog.size"}
            return web.Response(status=409, body=f"{last.size}\n".encode(), headers=headers)
        is_empty_and_not = new.size == 0 and new.root != EMPTY_ROOT
        if is_empty_and_not or not is_extended(last.size, last.root, new.size, new.root, proof):
            return web.Response(status=422)
        line = self._signer.line_for(note.text, int(time.time()))
        mine = "".join(signature_line(key, value) for key, value in self._signed_by_log(note))
        self._keep(new.origin, f"{note.text}\n{mine}{line}")
        return web.Response(text=line)

    def _signed_by_log(self, note: Note) -> list[tuple[Key, bytes]]:
        keys = {(key.name, key.id): key for key in self._logs.logs}
        return [(keys[name, number], value) for name, number, value in note.signatures if (name, number) in keys]

    def _last(self, origin: str) -> Checkpoint:
        path = self._path(origin)
        if not path.is_file():
            return Checkpoint(origin, 0, EMPTY_ROOT)
        return Checkpoint.read(Note.read(path.read_text(encoding="utf-8")).text)

    def _keep(self, origin: str, signed: str) -> None:
        path = self._path(origin)
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as stream:
            stream.write(signed)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(path)
        folder = os.open(self._state, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _path(self, origin: str) -> Path:
        return self._state / hashlib.sha256(origin.encode()).hexdigest()


def _read_request(body: str) -> tuple[int, list[bytes], str]:
    """Return the old size, the proof and the checkpoint of a request.

    Raises:
        ValueError: it is not such a request.
    """
    head, blank, raw = body.partition("\n\n")
    first, *lines = head.split("\n")
    found = re.fullmatch(r"old (0|[1-9]\d{0,17})", first)
    if found is None or not blank or len(lines) > MOST_HASHES:
        raise ValueError("This is not a request to add a checkpoint.")
    proof = [base64.b64decode(line, validate=True) for line in lines]
    if any(len(each) != len(EMPTY_ROOT) for each in proof):
        raise ValueError("A hash in the proof does not have 32 bytes.")
    return int(found[1]), proof, raw


def main() -> None:
    parser = argparse.ArgumentParser(description="Countersign the checkpoints of audit logs.")
    commands = parser.add_subparsers(dest="command", required=True)
    key = commands.add_parser("key", help="make a key, and print the public half to give to the force")
    key.add_argument("name", help="such as lfr-witness.example.org; without spaces and “+”")
    key.add_argument("--file", type=Path, required=True)
    serve = commands.add_parser("serve", help="answer the log")
    serve.add_argument("--key", type=Path, required=True)
    serve.add_argument("--logs", type=Path, required=True)
    serve.add_argument("--state", type=Path, required=True)
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8765)
    given = parser.parse_args()
    try:
        if given.command == "key":
            sys.stdout.write(f"{Signer.create(given.name, given.file).key}\n")
            return
        logs = Policy.read(given.logs.read_text(encoding="utf-8"))
        witness = Witness(Signer.read(given.key), logs, given.state)
    except (NotVerified, OSError, ValueError) as problem:
        sys.exit(str(problem))
    web.run_app(witness.app(), host=given.host, port=given.port, print=None)


if __name__ == "__main__":
    main()
