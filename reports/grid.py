"""Tables of results as forces publish them, read from CSV: the Met's grid, and the files of this system."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import Refused

LARGEST, MOST_ROWS = 4 * 2**20, 20_000
# The columns of a row, each with the names that published tables give it.
NAMES: dict[str, tuple[str, ...]] = {
    "date": ("date", "live_from", "deployment_date"),
    "location": ("location", "place"),
    "duration": ("duration", "live_minutes"),
    "watchlist_size": ("watchlist_size", "watchlist"),
    "threshold": ("threshold", "minimum_threshold", "min_threshold"),
    "alerts": ("alerts", "total_alerts", "number_of_alerts"),
    "true_confirmed": ("true_confirmed", "true_alerts_confirmed"),
    "true_unconfirmed": ("true_unconfirmed", "true_alerts_unconfirmed"),
    "false_confirmed": ("false_confirmed", "false_alerts_confirmed"),
    "false_unconfirmed": ("false_unconfirmed", "false_alerts_unconfirmed"),
    "unresolved": ("unresolved",),
    "still_open": ("still_open",),
    "rate": ("false_alert_rate_percent", "false_alert_rate", "false_alerts_of_faces_percent"),
    "arrests": ("arrests", "outcome_arrest"),
    "other": ("other_disposals", "other", "outcome_other"),
    "no_action": ("no_action", "outcome_no_action", "no_further_action"),
    "faces": ("faces_seen", "faces"),
}
NEEDED = ("date", "location", "alerts", "true_confirmed", "true_unconfirmed", "false_confirmed", "false_unconfirmed")
COUNTS = (
    "watchlist_size",
    *("alerts", "true_confirmed", "true_unconfirmed", "false_confirmed", "false_unconfirmed", "unresolved"),
    *("still_open", "arrests", "other", "no_action", "faces"),
)
UNKNOWN = ("", "-", "–", "n/a", "na", "not recorded")
_DATES = ("%d/%m/%y", "%d/%m/%Y", "%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y", "%d %B %Y", "%d %b %Y")
# "5h03m", "5 hours 3 minutes", "5:03", "183"; and hours alone with a decimal point.
_HOURS = re.compile(r"(?:(\d{1,4})\s*(?:h|hrs?|hours?|:))?\s*(?:(\d{1,5})\s*(?:m|mins?|minutes?)?)?", re.IGNORECASE)
_DECIMAL = re.compile(r"(\d{1,4}\.\d{1,4})\s*(?:h|hrs?|hours?)", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """One row. line: in the file, from 1. texts: its cells by column. None: unknown, or not a number.

    length: the duration in hours. decimals: of the false alert rate, as printed.
    """

    line: int
    texts: Mapping[str, str]
    numbers: Mapping[str, int | None]
    date: dt.date | None
    length: float | None
    rate: float | None
    decimals: int

    @property
    def location(self) -> str:
        return self.texts.get("location", "")

    @property
    def name(self) -> str:
        """The row as findings name it."""
        return f"{self.texts.get('date', '')} {self.location}".strip()

    def __getitem__(self, name: str) -> int | None:
        return self.numbers.get(name)

    def known(self, *names: str) -> list[int] | None:
        """Return these counts, or None if one of them is unknown."""
        found = [self.numbers.get(name) for name in names]
        return [value for value in found if value is not None] if None not in found else None


@dataclass(frozen=True)
class Table:
    """A table. columns: those of `NAMES` that it has. short: lines with fewer or more cells than the header."""

    columns: frozenset[str]
    rows: list[Row]
    short: list[int]


def read(data: bytes) -> Table:
    """Read a table.

    Raises:
        Refused: it is too large, not text in UTF-8, or has no header with the columns that are needed; with what to do.
    """
    if len(data) > LARGEST:
        raise Refused(f"The file must be {LARGEST // 2**20} MB or smaller.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(
            "The file is not text in UTF-8. In a spreadsheet program, save it as “CSV UTF-8”, then try again."
        ) from error
    if "\0" in text:
        raise Refused("The file is not a CSV file. Save the table as “CSV UTF-8”, then try again.")
    try:
        lines = list(_numbered(csv.reader(io.StringIO(text, newline=""), strict=True)))
    except csv.Error as error:
        raise Refused(f"The file cannot be read as CSV: {error}. It may have been cut off. Save it again.") from error
    lines = [(number, cells) for number, cells in lines if any(cell.strip() for cell in cells)]
    header = lines[0][1] if lines else []
    places = _places(header)
    missing = [NAMES[name][0] for name in NEEDED if name not in places]
    if missing:
        raise Refused(f"The first line must name the columns. Missing: {', '.join(missing)}.")
    if len(lines) > MOST_ROWS:
        raise Refused(f"The table must have {MOST_ROWS:,} rows or fewer.")
    return _table(header, lines[1:], places)


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the number of its first line in the file: a quoted cell may have several lines."""
    before = 0
    for cells in reader:
        yield before + 1, cells
        before = reader.line_num


def _places(header: list[str]) -> dict[str, int]:
    """Return the place of each known column."""
    plain = [re.sub(r"[^a-z0-9]+", "_", cell.lower()).strip("_") for cell in header]
    found = {}
    for name, spellings in NAMES.items():
        place = next((plain.index(spelling) for spelling in spellings if spelling in plain), None)
        if place is not None:
            found[name] = place
    return found


def _table(header: list[str], lines: list[tuple[int, list[str]]], places: dict[str, int]) -> Table:
    width, rows, short = len(header), [], []
    period = next((index for index, cell in enumerate(header) if cell.strip().lower() == "period"), None)
    for number, cells in lines:
        if len(cells) != width:
            short.append(number)
            continue
        # A file of this system has a line for each period, then one for all of them.
        if period is None or cells[period] == "all":
            rows.append(_row(number, {name: cells[place].strip() for name, place in places.items()}))
    return Table(frozenset(places), rows, short)


def _row(line: int, texts: dict[str, str]) -> Row:
    rate = texts.get("rate", "").rstrip("%").strip()
    return Row(
        line=line,
        texts=texts,
        numbers={name: _count(texts[name]) for name in COUNTS if name in texts},
        date=_date(texts["date"]),
        length=_hours(texts.get("duration", "")),
        rate=_number(rate),
        decimals=len(rate.partition(".")[2]),
    )


def _count(text: str) -> int | None:
    plain = text.replace(",", "").replace(" ", "")
    return int(plain) if re.fullmatch(r"\d{1,9}", plain) else None


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d{1,12})?", text) else None


def _date(text: str) -> dt.date | None:
    for form in _DATES:
        try:
            # A date has no zone.
            return dt.datetime.strptime(text, form).date()  # noqa: DTZ007
        except ValueError:
            continue
    try:
        return dt.datetime.fromisoformat(text).date()
    except ValueError:
        return None


def _hours(text: str) -> float | None:
    """Return a duration in hours: "5h03m", "6 hours 7 min", "5h40", "5:03", "5.5h", or a number of minutes."""
    if decimal := _DECIMAL.fullmatch(text.strip()):
        return float(decimal[1])
    found = _HOURS.fullmatch(text.strip())
    if found is None or not text.strip():
        return None
    return int(found[1] or 0) + int(found[2] or 0) / 60
