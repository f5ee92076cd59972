"""The two files of a bulk import, as they come from outside: checked before anything of them is kept.

A CSV with a header, a line a person, and a ZIP with their photographs. Neither is trusted: not its encoding, not the
names in it, not the sizes it declares.
"""

from __future__ import annotations

import csv
import io
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

from django.utils.datastructures import MultiValueDict

from recognition.imaging import MAX_PHOTOGRAPH_BYTES
from watchlists.forms import PersonForm, ProvenanceForm
from watchlists.people import PARTICULARS
from watchlists.policy import Age, Category, LegalBasis, Marker, Source, Tier

MAX_ROWS = 20_000
MAX_CSV_BYTES = 50 * 2**20
PHOTOGRAPHS_A_PERSON = 10
# What an archive's table of contents may have; a photograph's line takes about a hundred bytes.
MAX_DIRECTORY_BYTES = 16 * 2**20
MAX_ENTRIES = 65_534
# The record at the end, with the longest comment it may have, and what may stand before it.
END_BYTES = 22 + 65_535 + 20
# JPEG and PNG hardly shrink: what unpacks to much more than it is packed was made to.
MAX_RATIO = 100

PROVENANCE = ("source", "lawful_hold", "taken_on")
COLUMNS: dict[str, str] = {
    "reference": "The person's number in the force's records system; once on a list.",
    "name": "Full name.",
    "date_of_birth": "1990-05-31 or 31/05/1990. Empty when it is not known.",
    "age": f"When the date of birth is not known: {', '.join(Age.values)}.",
    "category": f"One of: {', '.join(Category.values)}.",
    "offence": "Offence or harm that the person is sought for.",
    "legal_basis": f"One of: {', '.join(LegalBasis.values)}.",
    "authority": "Warrant or order: number, court, date. May be empty.",
    "tier": f"One of: {', '.join(Tier.values)}.",
    "expected_action": "What the engagement officer is to do.",
    "markers": f"Any of: {', '.join(Marker.values)}; with semicolons between. May be empty.",
    "look_alikes": "Relatives and look-alikes. May be empty.",
    "rationale": "For an associate, witness or victim.",
    "minor_rationale": "For somebody under 18.",
    "expires_on": "SubjectContent until this day, as above. May be empty.",
    "photographs": f"Names of files in the ZIP, at most {PHOTOGRAPHS_A_PERSON}, with semicolons between.",
    "source": f"Where the photographs come from: {', '.join(Source.values)}. The last two are refused.",
    "lawful_hold": "Why the force may hold them.",
    "taken_on": "When they were taken, as above. Empty when it is not known.",
}
EXAMPLE = (
    'N/1042,Alex Fenwick,1994-03-09,,wanted,Robbery,warrant,"No. 23/1184, Basildon Crown Court",amber,'
    "Arrest on the warrant,escaper;violent,,,,2026-12-31,1042_front.jpg;1042_side.jpg,custody,"
    '"Custody record EK/23/88, kept under its last review",2025-11-02'
)


class BadFile(ValueError):
    """A file cannot be used at all; the message is for the person who chose it."""


@dataclass(frozen=True)
class Line:
    """A line of the CSV. problem: why it cannot be added whatever its photographs are; empty when it can."""

    number: int
    values: dict[str, str]
    photographs: list[str]
    problem: str

    @property
    def reference(self) -> str:
        return self.values.get("reference", "")[:200]


def template() -> str:
    """A CSV to fill in: the header and an invented line."""
    return ",".join(COLUMNS) + "\r\n" + EXAMPLE + "\r\n"


def lines_of(data: bytes) -> list[Line]:
    """Every line of the CSV, checked by itself and against the others.

    Raises:
        BadFile: not UTF-8, not the columns, empty, or too long.
    """
    if len(data) > MAX_CSV_BYTES:
        raise BadFile(f"The CSV is larger than {MAX_CSV_BYTES // 2**20} MB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = data[: error.start].count(b"\n") + 1
        raise BadFile(f"The CSV is not in UTF-8 (line {where}). Save it as “CSV UTF-8”.") from error
    if "\0" in text:
        raise BadFile("The first file is no CSV.")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        _check_header(header)
        found: list[Line] = []
        seen: dict[str, int] = {}
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append(_line(reader.line_num, header, cells, seen))
            if len(found) > MAX_ROWS:
                raise BadFile(f"The CSV has more than {MAX_ROWS:,} lines. Divide it.")
    except csv.Error as error:
        raise BadFile(f"The CSV cannot be read at line {reader.line_num}: {error}.") from error
    if not found:
        raise BadFile("The CSV has a header and nobody under it.")
    return found


def _check_header(header: list[str]) -> None:
    missing = [name for name in COLUMNS if name not in header]
    unknown = [name or "(empty)" for name in header if name not in COLUMNS]
    twice = sorted({name for name in header if header.count(name) > 1})
    if missing or unknown or twice:
        parts = [
            f"{what}: {', '.join(names)}"
            for what, names in (("missing", missing), ("not known", unknown), ("twice", twice))
            if names
        ]
        raise BadFile(f"The columns are not those of the template. {'; '.join(parts).capitalize()}.")


def _line(number: int, header: list[str], cells: list[str], seen: dict[str, int]) -> Line:
    values = dict(zip(header, (cell.strip().replace("\0", "") for cell in cells), strict=False))
    problems = []
    if len(cells) != len(header):
        problems.append(f"{len(cells)} cells under {len(header)} columns: a comma too many or too few?")
    names = [name.strip() for name in values.get("photographs", "").split(";") if name.strip()]
    if not names:
        problems.append("No photograph is named.")
    if len(names) > PHOTOGRAPHS_A_PERSON:
        problems.append(f"More than {PHOTOGRAPHS_A_PERSON} photographs.")
    reference = " ".join(values.get("reference", "").upper().split())
    if reference in seen:
        problems.append(f"The reference is on line {seen[reference]} as well.")
    elif reference:
        seen[reference] = number
    problems += _complaints(values)
    return Line(number, values, names[:PHOTOGRAPHS_A_PERSON], " ".join(problems))


def _complaints(values: Mapping[str, str]) -> list[str]:
    return [
        f"{name}: {' '.join(str(error) for error in errors)}"
        for form in forms_of(values)
        for name, errors in form.errors.items()
    ]


def forms_of(values: Mapping[str, str]) -> tuple[PersonForm, ProvenanceForm]:
    """The same forms as on the page, filled in from a line."""
    data: MultiValueDict[str, Any] = MultiValueDict()
    for name in (*PARTICULARS, *PROVENANCE):
        value = values.get(name, "")
        data.setlist(
            name, [part.strip() for part in value.split(";") if part.strip()] if name == "markers" else [value]
        )
    return PersonForm(data), ProvenanceForm(data)


class PhotographArchive:
    """The ZIP: only what the CSV names is ever unpacked, and never to a file."""

    def __init__(self, stream: IO[bytes]) -> None:
        """
        Raises:
            BadFile: no ZIP, or one that was made to do harm.
        """
        _check_directory(stream)
        try:
            self._zip = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise BadFile("The second file is no ZIP.") from error
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._by_name: dict[str, list[str]] = {}
        _check_places(self._zip.infolist())
        for entry in self._zip.infolist():
            if entry.is_dir() or entry.filename.startswith("__MACOSX/"):
                continue
            self._check(entry)
            self._entries[entry.filename] = entry
            self._by_name.setdefault(PurePosixPath(entry.filename).name.lower(), []).append(entry.filename)

    def _check(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or ".." in parts or re.match(r"^[A-Za-z]:", name):
            raise BadFile(f"The ZIP holds a path that leads out of it: “{name[:80]}”. Nothing of it was unpacked.")
        if name in self._entries:
            raise BadFile(f"The ZIP holds “{name[:80]}” twice.")
        if entry.flag_bits & 1:
            raise BadFile("The ZIP is encrypted. Send it without a password, over this connection.")
        if entry.file_size > max(entry.compress_size, 1) * MAX_RATIO and entry.file_size > 2**20:
            raise BadFile(f"“{name[:80]}” unpacks to {entry.file_size // 2**20:,} MB from almost nothing: refused.")

    def find(self, name: str) -> tuple[str, str]:
        """(the entry's path, ""), or ("", why there is none). A name without folders may lie in any."""
        if name in self._entries:
            return name, ""
        found = self._by_name.get(name.lower(), []) if "/" not in name else []
        if len(found) == 1:
            return found[0], ""
        if found:
            return "", f"“{name}” is in several folders of the ZIP: write the path."
        return "", f"“{name}” is not in the ZIP."

    def read(self, path: str) -> bytes:
        """One photograph.

        Raises:
            BadFile: damaged, or larger than a photograph may be, whatever the archive declares.
        """
        try:
            with self._zip.open(self._entries[path]) as stream:
                data = stream.read(MAX_PHOTOGRAPH_BYTES + 1)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError) as error:
            raise BadFile(f"“{path}” is damaged in the ZIP.") from error
        except Exception as error:  # zlib.error and its kin have no common base
            raise BadFile(f"“{path}” cannot be unpacked.") from error
        if len(data) > MAX_PHOTOGRAPH_BYTES:
            raise BadFile(f"“{path}” is larger than {MAX_PHOTOGRAPH_BYTES // 2**20} MB.")
        return data

    def unused(self, used: set[str]) -> int:
        """How many files nobody named."""
        return len(set(self._entries) - used)

    def names(self) -> Iterator[str]:
        yield from self._entries


def _check_directory(stream: IO[bytes]) -> None:
    """Look at the end of an archive for how much its table of contents is, before that is read into memory."""
    size = stream.seek(0, 2)
    stream.seek(max(size - END_BYTES, 0))
    tail = stream.read()
    stream.seek(0)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < 22:
        raise BadFile("The second file is no ZIP.")
    entries, length = struct.unpack_from("<HI", tail, at + 10)
    if tail[max(at - 20, 0) : at].startswith(b"PK\6\7") or entries > MAX_ENTRIES or length > MAX_DIRECTORY_BYTES:
        raise BadFile(f"The ZIP holds more than {MAX_ENTRIES:,} files, or is of the kind for such. Divide it.")


def _check_places(entries: list[zipfile.ZipInfo]) -> None:
    """Files that share their bytes in an archive unpack to far more than it has."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise BadFile("Files in the ZIP lie over each other: it was made to unpack to more than it is. Refused.")
        end = entry.header_offset + entry.compress_size
