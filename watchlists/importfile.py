"""The two files of a bulk import, checked before anything in them is stored.

They are a CSV with a header and one line for each person, and a ZIP of the photographs. Neither file is trusted: not
its encoding, not the names in it, not the sizes it declares.
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
from watchlists.choices import KEEPING_OF, Age, Category, DataSubject, LegalBasis, Marker, Seriousness, Source, Tier
from watchlists.forms import PersonForm, ProvenanceForm
from watchlists.people import PARTICULARS, PROVENANCE

MAX_ROWS = 20_000
MAX_CSV_BYTES = 50 * 2**20
PHOTOGRAPHS_A_PERSON = 10
# Limits for the directory of an archive. The record of a photograph takes about a hundred bytes.
MAX_DIRECTORY_BYTES = 16 * 2**20
MAX_ENTRIES = 65_534
# The end record with the longest comment it may have, and the ZIP64 locator that may precede it.
END_BYTES = 22 + 65_535 + 20
# JPEG and PNG files hardly compress, so a higher ratio means a file made to do harm.
MAX_RATIO = 100

COLUMNS: dict[str, str] = {
    "reference": "The person's number in the force's records system. It can be on a list only once.",
    "name": "Full name.",
    "date_of_birth": "1990-05-31 or 31/05/1990. Leave empty if it is not known.",
    "age": f"If the date of birth is not known: {', '.join(Age.values)}.",
    "category": f"One of: {', '.join(Category.values)}.",
    "offence": "The offence or harm that the person is sought for.",
    "seriousness": f"One of: {', '.join(Seriousness.values)}.",
    "data_subject": f"One of: {', '.join(DataSubject.values)} (Data Protection Act 2018, section 38).",
    "legal_basis": f"One of: {', '.join(LegalBasis.values)}.",
    "authority": "Number, court and date of the warrant or order. Can be empty.",
    "tier": f"One of: {', '.join(Tier.values)}.",
    "expected_action": "What the engagement officer should do.",
    "markers": f"Any of: {', '.join(Marker.values)}; separated by semicolons. Can be empty.",
    "look_alikes": "Relatives and look-alikes. Can be empty.",
    "rationale": "Required for an associate, witness or victim.",
    "minor_rationale": "Required for a person under 18.",
    "expires_on": "The last day on which the person is sought, in a format as above. Can be empty.",
    "photographs": f"Names of files in the ZIP, at most {PHOTOGRAPHS_A_PERSON}, separated by semicolons.",
    "source": f"Where the photographs come from: {', '.join(Source.values)}. The last two are refused.",
    "keeping": "Why they may be kept. "
    + "; ".join(f"{source}: {', '.join(allowed)}" for source, allowed in KEEPING_OF.items())
    + ". Empty for other sources.",
    "lawful_hold": "Why the force may hold the photographs.",
    "taken_on": "When they were taken, in a format as above. Leave empty if it is not known.",
    "confirmed_by": "Who compared the photographs with the record and found that they are of the person. Can be empty: "
    "then each is to be confirmed on the list's page.",
    "confirmed_at": "When that was, as 2026-11-14 09:30.",
}
EXAMPLE = (
    'N/1042,Alex Fenwick,1994-03-09,,wanted,Robbery,serious,suspect,warrant,"No. 23/1184, Basildon Crown Court",amber,'
    "Arrest on the warrant,escaper;violent,,,,2026-12-31,1042_front.jpg;1042_side.jpg,custody,convicted,"
    '"Custody record EK/23/88, kept under its last review",2025-11-02,"P. Vane, records office",2026-11-14 09:30'
)


class BadFile(ValueError):
    """Raised if a file cannot be used at all. The message is for the person who uploaded it."""


@dataclass(frozen=True)
class Line:
    """A line of the CSV. problem: why it cannot be added, whatever its photographs are; empty if it can."""

    number: int
    values: dict[str, str]
    photographs: list[str]
    problem: str

    @property
    def reference(self) -> str:
        return self.values.get("reference", "")[:200]


def template() -> str:
    """Return a CSV to fill in, with the header and one invented line."""
    return ",".join(COLUMNS) + "\r\n" + EXAMPLE + "\r\n"


def lines_of(data: bytes) -> list[Line]:
    """Return every line of the CSV, checked by itself and against the others.

    Raises:
        BadFile: it is not in UTF-8, has the wrong columns, is empty or is too long.
    """
    if len(data) > MAX_CSV_BYTES:
        raise BadFile(f"The CSV must be {MAX_CSV_BYTES // 2**20} MB or smaller.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = data[: error.start].count(b"\n") + 1
        raise BadFile(f"The CSV is not in UTF-8 (line {where}). Save it as “CSV UTF-8” and upload it again.") from error
    if "\0" in text:
        raise BadFile("The first file must be a CSV.")
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
                raise BadFile(f"The CSV has more than {MAX_ROWS:,} lines. Split it into smaller files.")
    except csv.Error as error:
        raise BadFile(f"The CSV cannot be read at line {reader.line_num}: {error}.") from error
    if not found:
        raise BadFile("The CSV has a header but no people. Add a line for each person.")
    return found


def _check_header(header: list[str]) -> None:
    missing = [name for name in COLUMNS if name not in header]
    unknown = [name or "(empty)" for name in header if name not in COLUMNS]
    twice = sorted({name for name in header if header.count(name) > 1})
    if missing or unknown or twice:
        parts = [
            f"{what}: {', '.join(names)}"
            for what, names in (("missing", missing), ("unknown", unknown), ("repeated", twice))
            if names
        ]
        raise BadFile(f"The columns do not match the template. {'; '.join(parts).capitalize()}.")


def _line(number: int, header: list[str], cells: list[str], seen: dict[str, int]) -> Line:
    values = dict(zip(header, (cell.strip().replace("\0", "") for cell in cells), strict=False))
    problems = []
    if len(cells) != len(header):
        problems.append(f"This line has {len(cells)} cells and the header has {len(header)}. Check the commas.")
    names = [name.strip() for name in values.get("photographs", "").split(";") if name.strip()]
    if not names:
        problems.append("Enter the name of at least one photograph.")
    if len(names) > PHOTOGRAPHS_A_PERSON:
        problems.append(f"Enter no more than {PHOTOGRAPHS_A_PERSON} photographs.")
    reference = " ".join(values.get("reference", "").upper().split())
    if reference in seen:
        problems.append(f"Line {seen[reference]} has the same reference.")
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
    """Return the forms of the page, filled in from a line."""
    data: MultiValueDict[str, Any] = MultiValueDict()
    for name in (*PARTICULARS, *PROVENANCE):
        value = values.get(name, "")
        data.setlist(
            name, [part.strip() for part in value.split(";") if part.strip()] if name == "markers" else [value]
        )
    return PersonForm(data), ProvenanceForm(data)


class PhotographArchive:
    """The ZIP. Only files that the CSV names are unpacked, and only into memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        """
        Raises:
            BadFile: it is not a ZIP, or was made to do harm.
        """
        _check_directory(stream)
        try:
            self._zip = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise BadFile("The second file must be a ZIP.") from error
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
            raise BadFile(f"The ZIP contains a path that leads outside it: “{name[:80]}”. Nothing was unpacked.")
        if name in self._entries:
            raise BadFile(f"The ZIP contains “{name[:80]}” twice. Remove one of them.")
        if entry.flag_bits & 1:
            raise BadFile("The ZIP is encrypted. Upload it without a password.")
        if entry.file_size > max(entry.compress_size, 1) * MAX_RATIO and entry.file_size > 2**20:
            size = f"{entry.file_size // 2**20:,} MB"
            raise BadFile(f"“{name[:80]}” unpacks to {size}, far more than its size in the ZIP. Remove it.")

    def find(self, name: str) -> tuple[str, str]:
        """Return (path, ""), or ("", why there is none). A name without a folder matches a file in any folder."""
        if name in self._entries:
            return name, ""
        found = self._by_name.get(name.lower(), []) if "/" not in name else []
        if len(found) == 1:
            return found[0], ""
        if found:
            return "", f"“{name}” is in several folders of the ZIP. Enter its path."
        return "", f"“{name}” is not in the ZIP."

    def read(self, path: str) -> bytes:
        """Return one photograph.

        Raises:
            BadFile: it is damaged, or larger than a photograph may be, whatever size the archive declares.
        """
        try:
            with self._zip.open(self._entries[path]) as stream:
                data = stream.read(MAX_PHOTOGRAPH_BYTES + 1)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError) as error:
            raise BadFile(f"“{path}” is damaged in the ZIP.") from error
        except Exception as error:  # zlib.error and similar errors have no common base
            raise BadFile(f"“{path}” cannot be unpacked.") from error
        if len(data) > MAX_PHOTOGRAPH_BYTES:
            raise BadFile(f"“{path}” must be {MAX_PHOTOGRAPH_BYTES // 2**20} MB or smaller.")
        return data

    def unused(self, used: set[str]) -> int:
        """Return how many files no line names."""
        return len(set(self._entries) - used)

    def names(self) -> Iterator[str]:
        yield from self._entries


def _check_directory(stream: IO[bytes]) -> None:
    """Check the size of an archive's directory, before the directory is read into memory."""
    size = stream.seek(0, 2)
    stream.seek(max(size - END_BYTES, 0))
    tail = stream.read()
    stream.seek(0)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < 22:
        raise BadFile("The second file must be a ZIP.")
    entries, length = struct.unpack_from("<HI", tail, at + 10)
    if tail[max(at - 20, 0) : at].startswith(b"PK\6\7") or entries > MAX_ENTRIES or length > MAX_DIRECTORY_BYTES:
        raise BadFile(
            f"The ZIP has more than {MAX_ENTRIES:,} files, or is in ZIP64 format. Split it into smaller ones."
        )


def _check_places(entries: list[zipfile.ZipInfo]) -> None:
    """Raise BadFile if files overlap in an archive: they would unpack to far more than its size."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise BadFile("Files in the ZIP overlap, so it would unpack to more than its size. Create the ZIP again.")
        end = entry.header_offset + entry.compress_size
