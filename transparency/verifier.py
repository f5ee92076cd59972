#!/usr/bin/env python3
"""Verify an export of the audit log, a proof, or a checkpoint against an earlier one.

    python3 verify.py FILE [--policy FILE] [--checkpoint FILE ...]

FILE: an export (ZIP or folder), a proof that one entry is in the log, or a proof that one checkpoint extends another.
--checkpoint: a checkpoint that you have kept; the log must still fit it. --policy: the keys that you trust, as the
force and its witnesses publish them; without it, the keys in the export are used, which do not show who made it.

This one file needs Python 3.9 or newer and nothing else. Sources: the Merkle tree of RFC 6962, its proofs as RFC 9162
verifies them, Ed25519 of RFC 8032; signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof, tlog-policy of C2SP.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import csv
import datetime as dt
import hashlib
import io
import json
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

EMPTY_ROOT = hashlib.sha256().digest()
PROOF = "c2sp.org/tlog-proof@v1"
ED25519, COSIGNATURE = 1, 4
# No entry may be destroyed earlier than this.
SHORTEST_RETENTION_S = 6 * 365 * 86_400
COLUMNS = (
    *("number", "at", "action", "verb", "actor_id", "actor", "roles", "target_type", "target_id", "target", "data"),
    "salt",
)


class NotVerified(Exception):
    """What was given is not what it should be; the message says why, in plain words."""


# --- The tree -------------------------------------------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of an entry in the tree (32 bytes)."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node with these two children (32 bytes each)."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Frontier:
    """The hashes of the perfect subtrees over the first `size` entries: enough to add more and to compute the root."""

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self._hashes = list(hashes)

    def copy(self) -> Frontier:
        return Frontier(self.size, self._hashes)

    def add(self, value: bytes, level: int = 0) -> None:
        """Add a perfect subtree of 2^level entries.

        Raises:
            ValueError: a subtree of that size cannot begin here.
        """
        place, rest = divmod(self.size, 1 << level)
        if rest:
            raise ValueError(f"a subtree of {1 << level} entries cannot begin after entry {self.size}")
        self.size += 1 << level
        while place & 1:
            value = node_hash(self._hashes.pop(), value)
            place >>= 1
        self._hashes.append(value)

    def root(self) -> bytes:
        """Return the root of the tree over the entries so far."""
        if not self._hashes:
            return EMPTY_ROOT
        found = self._hashes[-1]
        for left in self._hashes[-2::-1]:
            found = node_hash(left, found)
        return found


def is_included(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """Return whether a proof shows that entry `index` (from 0) of a tree of `size` entries has this leaf hash."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for each in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(each, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, each)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def is_extended(old: int, old_root: bytes, new: int, new_root: bytes, proof: list[bytes]) -> bool:
    """Return whether a proof shows that the tree of `new` entries begins with the tree of `old` entries."""
    if old == new:
        return not proof and old_root == new_root
    if old > new or old < 0:
        return False
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not steps:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = steps[0]
    for each in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(each, before), node_hash(each, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, each)
        place, last = place >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


# --- Signatures -----------------------------------------------------------------------------------------------------

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)

# Points are (X, Y, Z, T) with x = X/Z, y = Y/Z and xy = T/Z.


def _plus(p: Any, q: Any) -> Any:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, point: Any) -> Any:
    found = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _plus(found, point)
        point, number = _plus(point, point), number >> 1
    return found


def _is_same(p: Any, q: Any) -> bool:
    return bool((p[0] * q[2] - q[0] * p[2]) % _P == 0 and (p[1] * q[2] - q[1] * p[2]) % _P == 0)


def _point(encoded: bytes) -> Any:
    """Return the point, or None if these 32 bytes are not the encoding of one."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_1 % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


_BASE = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether the key with this public half (32 bytes) made an Ed25519 signature (64 bytes) of a message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = _point(public), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= _ORDER:
        return False
    hashed = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _ORDER
    return _is_same(_times(scalar, _BASE), _plus(commitment, _times(hashed, key)))


class Key(NamedTuple):
    """A public key by name, as its owner publishes it ("vkey"). kind: ED25519 of a log, COSIGNATURE of a witness."""

    name: str
    id: bytes
    kind: int
    public: bytes

    @classmethod
    def of(cls, name: str, kind: int, public: bytes) -> Key:
        if not name or "+" in name or any(each.isspace() for each in name):
            raise NotVerified(f"“{name}” is not a name of a key: it must not contain spaces or “+”.")
        data = bytes([kind]) + public
        return cls(name, hashlib.sha256(name.encode() + b"\n" + data).digest()[:4], kind, public)

    @classmethod
    def read(cls, text: str) -> Key:
        """Read a vkey.

        Raises:
            NotVerified: it is not one, or of a kind that is not known here.
        """
        name, _, rest = text.strip().partition("+")
        number, _, encoded = rest.partition("+")
        data = _decoded(encoded)
        if len(data) != 33 or data[0] not in (ED25519, COSIGNATURE):
            raise NotVerified(f"“{text.strip()}” is not an Ed25519 key.")
        key = cls.of(name, data[0], data[1:])
        if key.id.hex() != number:
            raise NotVerified(f"The key of “{name}” does not have the id that it says.")
        return key

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{encoded}"

    def time_of(self, note: Note) -> int | None:
        """Return when this key signed a note, in POSIX seconds, 0 where it does not say; None if it did not sign.

        Raises:
            NotVerified: there is a signature under the name and id of this key, but the key did not make it.
        """
        for name, number, value in note.signatures:
            if (name, number) != (self.name, self.id):
                continue
            message, at, signature = note.text.encode(), 0, value
            if self.kind == COSIGNATURE:
                at, signature = int.from_bytes(value[:8], "big"), value[8:]
                message = cosigned(note.text, at)
            if not is_signed(self.public, message, signature):
                raise NotVerified(f"The signature of “{name}” is not one of its key.")
            return at
        return None


def cosigned(text: str, at: int) -> bytes:
    """Return what a witness signs. text: of the checkpoint, without signatures. at: POSIX seconds."""
    return f"cosignature/v1\ntime {at}\n{text}".encode()


class Note(NamedTuple):
    """A text with signatures (name, key id, signature)."""

    text: str
    signatures: list[tuple[str, bytes, bytes]]

    @classmethod
    def read(cls, raw: str) -> Note:
        """Read a signed note. Its signatures are not verified.

        Raises:
            NotVerified: this is not a signed note.
        """
        text, blank, lines = raw.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise NotVerified("This is not a signed note.")
        signatures = []
        for line in lines[:-1].split("\n"):
            dash, _, rest = line.partition(" ")
            name, _, encoded = rest.partition(" ")
            value = _decoded(encoded)
            if dash != "—" or not name or len(value) < 5:
                raise NotVerified("A line of signature in this note cannot be read.")
            signatures.append((name, value[:4], value[4:]))
        return cls(text + "\n", signatures)


def signature_line(key: Key, value: bytes) -> str:
    """Return the line for a signature. value: the signature; of a witness, its time (8 bytes) before it."""
    return f"— {key.name} {base64.b64encode(key.id + value).decode()}\n"


class Checkpoint(NamedTuple):
    """The state of a log: how many entries it has, and the root of their tree."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def read(cls, text: str) -> Checkpoint:
        """Read the text of a checkpoint, without its signatures.

        Raises:
            NotVerified: this is not the text of a checkpoint.
        """
        origin, size, root, *_ = [*text.split("\n"), "", ""]
        hashed = _decoded(root)
        if not origin or not size.isdecimal() or str(int(size)) != size or len(hashed) != 32:
            raise NotVerified("This is not a checkpoint.")
        return cls(origin, int(size), hashed)


def encoded(data: bytes) -> str:
    """Return bytes in base64, as these formats have them."""
    return base64.b64encode(data).decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


class Policy(NamedTuple):
    """The keys that are trusted."""

    logs: list[Key]
    witnesses: list[Key]

    @classmethod
    def read(cls, text: str) -> Policy:
        """Read the lines `log VKEY` and `witness NAME VKEY` of a tlog-policy.

        Raises:
            NotVerified: a key cannot be read, or the policy asks for a quorum.
        """
        words = [line.split() for line in text.splitlines()]
        logs = [Key.read(line[1]) for line in words if line[:1] == ["log"] and len(line) > 1]
        witnesses = [Key.read(line[2]) for line in words if line[:1] == ["witness"] and len(line) > 2]
        if any(line[:1] == ["quorum"] and line[1:] != ["none"] for line in words):
            raise NotVerified("The policy asks for a quorum of witnesses, which this program does not check.")
        return cls(logs, witnesses)

    def opened(self, raw: str) -> tuple[Checkpoint, dict[str, int]]:
        """Return a checkpoint that the log signed, and when each witness countersigned it.

        Raises:
            NotVerified: it is not a checkpoint, or no trusted key of its log signed it.
        """
        note = Note.read(raw)
        found = Checkpoint.read(note.text)
        signed = [key.time_of(note) is not None for key in self.logs if key.name == found.origin]
        if not any(signed):
            raise NotVerified(f"The checkpoint at entry {found.size:,} is not signed by the log “{found.origin}”.")
        times = [(key.name, key.time_of(note)) for key in self.witnesses]
        return found, {name: at for name, at in times if at is not None}


# --- The entries ----------------------------------------------------------------------------------------------------


class Finding(NamedTuple):
    """Something that is not as it should be. first: the number of the first entry that it concerns."""

    first: int
    words: str


class Walk:
    """Goes through a log from its first entry and compares it with checkpoints.

    roots: the root that the log had at each size of a checkpoint. An entry may come with the hash that was stored when
    it was recorded. That hash is not trusted; but if the checkpoints fit it and not the entry, it names the entry.
    """

    def __init__(self, roots: dict[int, bytes]) -> None:
        self.findings: list[Finding] = []
        self.agreed = 0
        self.compared: set[int] = set()
        self._roots = roots
        self._rows = Frontier()
        self._stored: Frontier | None = None
        self._suspects: list[int] = []
        self._is_lost = False

    @property
    def size(self) -> int:
        return self._rows.size

    def entry(self, data: bytes, stored: bytes | None = None) -> None:
        """Take the next entry. data: its canonical JSON."""
        found = leaf_hash(data)
        if stored is not None and stored != found:
            self._suspects.append(self.size + 1)
            self._stored = self._stored or self._rows.copy()
        self._add(found, stored or found)

    def left_out(self, value: bytes, level: int = 0, *, is_missing: bool = False) -> None:
        """Take a perfect subtree whose entries are not here, by its hash. is_missing: they should be."""
        if is_missing:
            words = f"it and all to entry {self.size + (1 << level):,} are missing" if level else "it is missing"
            self.findings.append(Finding(self.size + 1, words))
        self._add(value, value, level)

    def finish(self, last_known: int = 0) -> list[Finding]:
        """Return what was found. last_known: the size that the log is known to have had."""
        for number in self._suspects:
            self.findings.append(Finding(number, "it is not what was recorded: its hash is another"))
        if self.size < last_known:
            words = f"it and all later ones are missing: the log had {last_known:,} entries"
            self.findings.append(Finding(self.size + 1, words))
        return sorted(self.findings)

    def _add(self, found: bytes, stored: bytes, level: int = 0) -> None:
        self._rows.add(found, level)
        if self._stored is not None:
            self._stored.add(stored, level)
        if self.size in self._roots and not self._is_lost:
            self._compare(self._roots[self.size])

    def _compare(self, root: bytes) -> None:
        if self._rows.root() == root:
            self.findings += [Finding(each, "the hash stored for it was changed") for each in self._suspects]
        elif self._stored is not None and self._stored.root() == root:
            self.findings += [Finding(each, "it has been changed since it was recorded") for each in self._suspects]
            # Go on with what was recorded, so that the later checkpoints can still be compared.
            self._rows = self._stored
        else:
            words = f"one or more of the entries {self.agreed + 1:,} to {self.size:,} are not what was recorded"
            self.findings.append(Finding(self.agreed + 1, words))
            self._is_lost = True
            return
        self.agreed, self._stored, self._suspects = self.size, None, []
        self.compared.add(self.size)


# --- An export ------------------------------------------------------------------------------------------------------


class Export:
    """The files of an export, in a ZIP or in a folder."""

    def __init__(self, path: Path) -> None:
        self._folder = path
        self._zip = None if path.is_dir() else zipfile.ZipFile(path)

    @property
    def is_folder(self) -> bool:
        return self._zip is None

    def names(self) -> list[str]:
        """Return the names of the files. A name that is there twice is refused: programs differ in which one they show.

        Raises:
            NotVerified: a name is there twice.
        """
        if self._zip is not None:
            found = self._zip.namelist()
            if len(set(found)) != len(found):
                raise NotVerified("The ZIP has several files of one name.")
            return sorted(found)
        files = (path for path in self._folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self._folder).as_posix() for path in files)

    def open(self, name: str) -> IO[bytes]:
        """Open a file.

        Raises:
            NotVerified: there is no such file.
        """
        try:
            return self._zip.open(name) if self._zip is not None else (self._folder / name).open("rb")
        except (KeyError, OSError) as error:
            raise NotVerified(f"The file {name} is missing from the export.") from error

    def text(self, name: str) -> str:
        with self.open(name) as stream:
            return stream.read().decode()

    def sha256(self, name: str) -> str:
        found = hashlib.sha256()
        with self.open(name) as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                found.update(block)
        return found.hexdigest()


class Expiry(NamedTuple):
    """Up to which entry a log was destroyed as its retention ended, and the entry that says so: its number and time."""

    through: int
    number: int
    at: str


class Points(NamedTuple):
    """Of the checkpoints, by size: the root, and when each witness countersigned it (POSIX seconds)."""

    roots: dict[int, bytes]
    witnessed: dict[int, dict[str, int]]


class Report:
    """What the verification found, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.is_good = True

    def ok(self, words: str) -> None:
        self._say("ok  ", words)

    def note(self, words: str) -> None:
        self._say("note", words)

    def bad(self, words: str) -> None:
        self._say("BAD ", words)
        self.is_good = False

    def _say(self, kind: str, words: str) -> None:
        """Add a line. Nothing in an export can begin a line of its own, or move the cursor."""
        shown = "".join(each if each.isprintable() else "\ufffd" for each in words)
        self.lines.append(f"  {kind} {shown}")


def check_export(export: Export, policy: Policy | None, kept: list[str], report: Report) -> None:
    """Verify an export. policy: the keys that are trusted; None: those in the export. kept: checkpoints to compare."""
    if policy is None:
        policy = Policy.read(export.text("policy.txt"))
        report.note("the keys are from the export: compare them with those that the force and its witnesses publish")
    for key in (*policy.logs, *policy.witnesses):
        report.note(f"key {key}")
    _check_manifest(export, policy, report)
    about = json.loads(export.text("log.json"))
    points = Points({}, {})
    inside = [export.text(name) for name in export.names() if name.startswith("checkpoints/")]
    for place, raw in (*(("the export", raw) for raw in inside), *(("what you kept", raw) for raw in kept)):
        try:
            found, times = policy.opened(raw)
        except NotVerified as problem:
            report.bad(f"a checkpoint in {place}: {problem}")
            continue
        if found.origin not in about["origins"]:
            report.bad(f"a checkpoint in {place} is of another log, “{found.origin}”")
        elif points.roots.setdefault(found.size, found.root) != found.root:
            report.bad(f"two checkpoints at entry {found.size:,} differ: the log has had two versions")
        else:
            points.witnessed.setdefault(found.size, {}).update(times)
    _check_entries(export, about, points, report)


def _check_manifest(export: Export, policy: Policy, report: Report) -> None:
    note = Note.read(export.text("manifest.txt"))
    origin = json.loads(export.text("log.json"))["origin"]
    signed = [key.time_of(note) is not None for key in policy.logs if key.name == origin]
    if any(signed) and note.text.startswith(f"{origin} export\n"):
        report.ok("the manifest is signed by the log")
    else:
        report.bad("the manifest is not signed by the log")
    parts = (line.partition("  ") for line in note.text.splitlines())
    listed = {name: digest for digest, _, name in parts if name}
    names = set(export.names())
    wrong = [name for name, digest in listed.items() if name not in names or export.sha256(name) != digest]
    added = sorted(names - set(listed) - {"manifest.txt"})
    for name in wrong:
        report.bad(f"{name} is not the file that the manifest lists")
    for name in added:
        # In a folder there may be what the reader put there, such as a checkpoint that was kept.
        say = report.note if export.is_folder else report.bad
        say(f"{name} is not in the manifest")
    for name in (each for each in listed if each.endswith(".note")):
        checkpoint = name.replace("timestamps", "checkpoints").replace(".note", ".txt")
        if not export.text(checkpoint).startswith(export.text(name)):
            report.bad(f"{name} is not the checkpoint that it should be")
    if not wrong:
        report.ok(f"{len(listed)} files have the hashes in the manifest")


def _check_entries(export: Export, about: dict[str, Any], points: Points, report: Report) -> None:
    walk = Walk(points.roots)
    rows = _rows(export, report)
    expired, selected = int(about["expired_through"]), bool(about["selection"])
    taken, expiry = 0, Expiry(0, 0, "")
    with export.open("hashes.bin") as hashes:
        for first, last, *left_out in about["spans"]:
            if first != walk.size + 1 or last < first:
                raise NotVerified("The parts of the log in log.json do not follow each other.")
            if left_out:
                value, level = bytes.fromhex(left_out[0]), (last - first + 1).bit_length() - 1
                if last - first + 1 != 1 << level or len(value) != len(EMPTY_ROOT):
                    raise NotVerified("A part of the log in log.json is not a subtree.")
                walk.left_out(value, level, is_missing=last > expired and not selected)
                continue
            for number in range(first, last + 1):
                data = next(rows, None)
                if data is None or data[0] != number:
                    raise NotVerified(f"Entry {number:,} should be in entries.jsonl, and is not.")
                walk.entry(data[1], hashes.read(32))
                expiry = max(expiry, data[2])
                taken += 1
            if first <= expired:
                report.bad(f"entry {first:,} is here, although log.json says that its retention had ended")
    if next(rows, None) is not None:
        report.bad("entries.jsonl has more entries than log.json says")
    for finding in walk.finish(max(points.roots, default=0)):
        report.bad(f"entry {finding.first:,}: {finding.words}")
    _check_expiry(expired, expiry, points, report)
    what = f"selected entries ({about['selection']})" if selected else "entries"
    report.note(f"{taken:,} {what} of a log of {walk.size:,}")
    if selected:
        report.note("whether other entries of the log would fit the selection cannot be seen from this export")
    _say_what_is_covered(walk, int(about["size"]), points, report)


def _check_expiry(expired: int, expiry: Expiry, points: Points, report: Report) -> None:
    """Check that the entries whose retention is said to have ended left by the rule: in whole tiles, six years old."""
    if not expired:
        return
    if expiry.through < expired:
        report.bad(f"entries 1 to {expired:,} are missing, and no entry says that their retention had ended")
        return
    if expired % 256:
        report.bad(f"entries 1 to {expired:,} are missing: entries leave the log in groups of 256 only")
    # Its time is what the log says; it cannot be later than a witness's signature over the entry, or than now.
    signed = {size: min(times.values()) for size, times in points.witnessed.items() if times}
    says = dt.datetime.fromisoformat(expiry.at).timestamp()
    at = min(says, time.time(), *(moment for size, moment in signed.items() if size >= expiry.number))
    for size, moment in signed.items():
        if size < expired and moment > at - SHORTEST_RETENTION_S:
            report.bad(
                f"entry {expired:,} was destroyed too early: it was written after the checkpoint at entry {size:,}"
            )
    report.note(f"entries 1 to {expired:,} were destroyed when their retention ended; only hashes of them are kept")


def _say_what_is_covered(walk: Walk, size: int, points: Points, report: Report) -> None:
    if walk.compared:
        report.ok(f"entries 1 to {walk.agreed:,} are those of {len(walk.compared):,} checkpoints")
    for each in sorted(set(points.roots) - walk.compared):
        report.bad(f"the checkpoint at entry {each:,} does not fit, or cannot be compared with this export")
    if not walk.agreed == walk.size == size:
        report.bad(f"no checkpoint shows that the log had {walk.size:,} entries, and these")
    covered = max((size for size, times in points.witnessed.items() if times and size in walk.compared), default=0)
    for name, at in sorted(points.witnessed.get(covered, {}).items()):
        moment = dt.datetime.fromtimestamp(at, dt.timezone.utc)  # noqa: UP017 - Python 3.9
        report.ok(f"the checkpoint at entry {covered:,} was countersigned by {name} on {moment:%d %B %Y at %H:%M} UTC")
    if covered < walk.size:
        report.note(f"entries {covered + 1:,} to {walk.size:,} are not covered by a countersigned checkpoint")


def _rows(export: Export, report: Report) -> Iterator[tuple[int, bytes, Expiry]]:
    """Yield the number and the canonical JSON of each entry, and which destruction of entries it records, if any.

    Each line is compared with its line in entries.csv, which is there for people to read.
    """
    with export.open("entries.jsonl") as lines, export.open("entries.csv") as stream:
        table = csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline=""))
        if tuple(next(table, ())) != COLUMNS:
            report.bad("entries.csv does not have the columns that it should have")
        for line in lines:
            data = line.rstrip(b"\n")
            entry, shown = json.loads(data), next(table, [])
            number = int(shown[0]) if shown and shown[0].isdecimal() else 0
            if shown != cells(number, entry):
                report.bad(f"entry {number:,} in entries.csv is not the one in entries.jsonl")
            through = entry["data"].get("through") if entry["action"] == "journal.expired" else 0
            yield number, data, Expiry(through if isinstance(through, int) else 0, number, entry["at"])
        if next(table, None) is not None:
            report.bad("entries.csv has more entries than entries.jsonl")


def cells(number: int, entry: dict[str, Any]) -> list[str]:
    """Return the line of an entry in a CSV file, in the order of COLUMNS. No cell is a formula to a spreadsheet."""
    found = {**entry, "number": str(number), "roles": ", ".join(entry["roles"])}
    found["data"] = json.dumps(entry["data"], sort_keys=True, ensure_ascii=False)
    texts = (str(found[name]) for name in COLUMNS)
    return ["'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text for text in texts]


# --- Proofs ---------------------------------------------------------------------------------------------------------


def check_proof(raw: str, policy: Policy, report: Report) -> None:
    """Verify that the entry in a proof is in the log (tlog-proof; `extra` holds the entry)."""
    head, _, checkpoint = raw.partition("\n\n")
    _, *lines = head.split("\n")
    named = dict(line.split(" ", 1) for line in lines if " " in line)
    index, data = int(named.get("index", "-1")), _decoded(named.get("extra", ""))
    found, times = policy.opened(checkpoint)
    proof = [_decoded(line) for line in lines if " " not in line]
    if not is_included(leaf_hash(data), index, found.size, proof, found.root):
        report.bad(f"this is not entry {index + 1:,} of the log “{found.origin}”")
        return
    report.ok(f"this is entry {index + 1:,} of {found.size:,} of the log “{found.origin}”")
    report.note(data.decode())
    report.note(f"countersigned by {', '.join(times)}" if times else "no trusted witness countersigned the checkpoint")


def check_extension(raw: str, policy: Policy, kept: list[str], report: Report) -> None:
    """Verify that a checkpoint extends each one that was kept (the body of tlog-witness's add-checkpoint)."""
    head, _, checkpoint = raw.partition("\n\n")
    first, *lines = head.split("\n")
    new, _ = policy.opened(checkpoint)
    if not kept:
        report.bad("give the earlier checkpoint with --checkpoint")
    for each in kept:
        old, _ = policy.opened(each)
        is_proof_of_this = first == f"old {old.size}" and old.origin == new.origin
        proof = [_decoded(line) for line in lines]
        if is_proof_of_this and is_extended(old.size, old.root, new.size, new.root, proof):
            report.ok(f"the checkpoint at entry {new.size:,} extends the one at entry {old.size:,}")
        else:
            report.bad(f"the checkpoint at entry {new.size:,} is not shown to extend the one at entry {old.size:,}")


def check(path: Path, policy: Policy | None, kept: list[str], report: Report) -> None:
    """Verify a file of any of the three kinds.

    Raises:
        NotVerified: it is none of them, or what it holds is not what it should be.
    """
    if path.is_dir() or zipfile.is_zipfile(path):
        check_export(Export(path), policy, kept, report)
        return
    raw = path.read_text(encoding="utf-8")
    if policy is None:
        raise NotVerified("Give the keys that you trust with --policy.")
    if raw.startswith(f"{PROOF}\n"):
        check_proof(raw, policy, report)
    elif raw.startswith("old "):
        check_extension(raw, policy, kept, report)
    else:
        raise NotVerified(f"{path} is neither an export nor a proof.")


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify an export of an audit log, or a proof.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--policy", type=Path, help="the keys that you trust")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], help="a checkpoint that you have kept")
    given = parser.parse_args()
    report = Report()
    try:
        policy = Policy.read(given.policy.read_text(encoding="utf-8")) if given.policy else None
        kept = [path.read_text(encoding="utf-8") for path in given.checkpoint]
        check(given.file, policy, kept, report)
    except NotVerified as problem:
        report.bad(str(problem))
    except (
        OSError,
        ArithmeticError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        zipfile.BadZipFile,
    ) as problem:
        report.bad(f"a file cannot be read: {problem}")
    sys.stdout.write("\n".join([*report.lines, "VERIFIED" if report.is_good else "NOT VERIFIED", ""]))
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
