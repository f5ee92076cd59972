"""The rules that a published table of results must obey, and what each row breaks (doctrine, section 8.2).

Two kinds: what cannot be (the parts do not add up, a rate does not follow from its parts), and what is implausible (a
list that jumps within a day, a number of faces out by a factor). A rule says nothing about a row that lacks what it
needs.
"""

from __future__ import annotations

import datetime as dt
import statistics
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum

from scipy.special import pdtr, pdtrc

from reports.grid import COUNTS, UNKNOWN, Row, Table

RESULTS = ("true_confirmed", "true_unconfirmed", "false_confirmed", "false_unconfirmed")
# Two lists of one day that differ by more than this share of the smaller one.
JUMP = 0.10
# Which of them is odd is told by the lists of so many days before and after.
NEAR = 14
# Faces an hour that differ from the table's usual number by this factor: with a second sign, and without.
FACTOR, FACTOR_ALONE = 5.0, 10.0
# Possible matches for each face that differ from the table's usual number by this factor, and how unlikely it must be.
MATCH_FACTOR, UNLIKELY = 3.0, 0.00005
# With fewer rows nothing is usual.
ENOUGH_ROWS = 8


class Rule(StrEnum):
    """The rules, with what each says."""

    INCOMPLETE = "incomplete"
    NOT_A_NUMBER = "not-a-number"
    ALERTS_SUM = "alerts-sum"
    DISPOSALS_TWICE = "disposals-twice"
    DISPOSALS_SUM = "disposals-sum"
    RATE = "rate"
    RATE_CUT = "rate-cut-off"
    RATE_ZERO = "rate-zero"
    MORE_THAN_FACES = "more-than-faces"
    THRESHOLD = "threshold"
    DURATION = "duration"
    DATE_IMPOSSIBLE = "date-impossible"
    DATE_SWAPPED = "date-swapped"
    DATE_ORDER = "date-order"
    DATE_FUTURE = "date-future"
    DUPLICATE = "duplicate"
    LIST_JUMP = "list-jump"
    FACES_LOW = "faces-low"
    FACES_HIGH = "faces-high"


MEANINGS: dict[Rule, str] = {
    Rule.INCOMPLETE: "The line has another number of cells than the header, so that nobody knows which is which.",
    Rule.NOT_A_NUMBER: "A cell that must be a whole number is none.",
    Rule.ALERTS_SUM: "Alerts are the sum of true and false, confirmed and unconfirmed (and of those without a result).",
    Rule.DISPOSALS_TWICE: "Arrests, other disposals and no action add up to the true, confirmed. Here one column "
    "repeats the other.",
    Rule.DISPOSALS_SUM: "Arrests, other disposals and no action add up to the true, confirmed.",
    Rule.RATE: "The false alert rate is false alerts divided by faces, rounded.",
    Rule.RATE_CUT: "The false alert rate is rounded. Here it is cut off.",
    Rule.RATE_ZERO: "A rate printed as 0 has no false alert behind it.",
    Rule.MORE_THAN_FACES: "There cannot be more alerts than faces.",
    Rule.THRESHOLD: "A threshold lies between 0 and 1.",
    Rule.DURATION: "A duration is more than nothing and less than a day.",
    Rule.DATE_IMPOSSIBLE: "The date does not exist.",
    Rule.DATE_SWAPPED: "The rows are in the order of their dates. With day and month exchanged this one would fit.",
    Rule.DATE_ORDER: "The rows are in the order of their dates. This one is not.",
    Rule.DATE_FUTURE: "The date has not come yet.",
    Rule.DUPLICATE: "Two rows have the same date, place and numbers.",
    Rule.LIST_JUMP: f"Lists of one day differ by no more than {JUMP:.0%}.",
    Rule.FACES_LOW: "Far fewer faces an hour than is usual in the table: the estimate is out by a factor.",
    Rule.FACES_HIGH: "Far more faces an hour than is usual in the table: the estimate is out by a factor.",
}
# What cannot be true of a line that this system wrote from its own rows: then its own arithmetic is wrong.
CONTRADICTIONS = (
    Rule.INCOMPLETE,
    Rule.NOT_A_NUMBER,
    Rule.ALERTS_SUM,
    Rule.DISPOSALS_SUM,
    Rule.DISPOSALS_TWICE,
    Rule.RATE,
)
IMPLAUSIBLE = (Rule.LIST_JUMP, Rule.FACES_LOW, Rule.FACES_HIGH, Rule.RATE_ZERO, Rule.DUPLICATE, Rule.DATE_FUTURE)


@dataclass(frozen=True)
class Finding:
    """What does not follow in a row. line: in the file. words: with the row's own numbers."""

    line: int
    row: str
    rule: Rule
    words: str

    @property
    def is_implausible(self) -> bool:
        """Whether it might still be true, unlike a broken sum."""
        return self.rule in IMPLAUSIBLE


def findings_in(table: Table, today: dt.date) -> list[Finding]:
    """Return what the rows of a table break, by line."""
    found = [Finding(line, "", Rule.INCOMPLETE, "The line has too few or too many cells.") for line in table.short]
    for row in table.rows:
        found += [Finding(row.line, row.name, *each) for rule in OF_A_ROW for each in rule(row, today)]
    for check in OF_A_TABLE:
        found += check(table.rows)
    return sorted(found, key=lambda finding: (finding.line, finding.rule))


# Rules of one row: each yields the rule and the words.

Found = Iterator[tuple[Rule, str]]


def _numbers(row: Row, today: dt.date) -> Found:
    for name in COUNTS:
        text = row.texts.get(name, "")
        if row[name] is None and text.lower() not in UNKNOWN:
            yield Rule.NOT_A_NUMBER, f"{name} is “{text[:40]}”."
    threshold = row.texts.get("threshold", "").partition(";")[0].partition(" from")[0].strip()
    if threshold and threshold.lower() not in UNKNOWN:
        try:
            between = 0 < float(threshold) < 1
        except ValueError:
            between = False
        if not between:
            yield Rule.THRESHOLD, f"The threshold is “{threshold[:20]}”."


def _alerts(row: Row, today: dt.date) -> Found:
    parts, alerts = row.known(*RESULTS), row["alerts"]
    if parts is None or alerts is None:
        return
    parts += [row[name] or 0 for name in ("unresolved", "still_open")]
    if sum(parts) != alerts:
        sums = " + ".join(str(part) for part in parts[:4])
        others = f" + {sum(parts[4:])} without a result" if sum(parts[4:]) else ""
        yield Rule.ALERTS_SUM, f"{sums}{others} = {sum(parts)}, but {alerts} alerts."


def _disposals(row: Row, today: dt.date) -> Found:
    parts, confirmed = row.known("arrests", "other", "no_action"), row["true_confirmed"]
    if parts is None or confirmed is None or sum(parts) == confirmed:
        return
    arrests, other, no_action = parts
    sums = f"{arrests} arrests + {other} other + {no_action} no action = {sum(parts)}, but {confirmed} true, confirmed"
    if other == no_action and arrests + other == confirmed:
        yield Rule.DISPOSALS_TWICE, f"{sums}: no action repeats other. Without one of them the sum is {confirmed}."
    else:
        yield Rule.DISPOSALS_SUM, f"{sums}."


def _rate(row: Row, today: dt.date) -> Found:
    false, faces, printed = row.known("false_confirmed", "false_unconfirmed"), row["faces"], row.rate
    if false is None or printed is None or not faces:
        return
    exact, unit = Decimal(100 * sum(false)) / Decimal(faces), Decimal(1).scaleb(-row.decimals)
    shown = Decimal(str(printed)).quantize(unit)
    roundings = {exact.quantize(unit, rounding) for rounding in (ROUND_HALF_UP, ROUND_HALF_EVEN)}
    words = f"{sum(false)} of {faces:,} is {exact:.5f}%, printed as {printed:g}%."
    if shown not in roundings:
        yield (Rule.RATE_CUT if shown == exact.quantize(unit, ROUND_DOWN) else Rule.RATE), words
    elif sum(false) and not printed:
        yield Rule.RATE_ZERO, words


def _faces(row: Row, today: dt.date) -> Found:
    alerts, faces = row["alerts"], row["faces"]
    if alerts is not None and faces is not None and alerts > faces:
        yield Rule.MORE_THAN_FACES, f"{alerts} alerts among {faces} faces."


def _duration(row: Row, today: dt.date) -> Found:
    text = row.texts.get("duration", "")
    if not text or text.lower() in UNKNOWN:
        return
    nothing = row.length == 0 and bool(row["faces"])
    if row.length is None or nothing or row.length >= 24:
        yield Rule.DURATION, f"The duration is “{text[:20]}”."


def _date(row: Row, today: dt.date) -> Found:
    if row.date is None:
        yield Rule.DATE_IMPOSSIBLE, f"The date is “{row.texts['date'][:20]}”."
    elif row.date > today:
        yield Rule.DATE_FUTURE, f"{row.date.isoformat()} is after {today.isoformat()}."


OF_A_ROW: tuple[Callable[[Row, dt.date], Found], ...] = (
    _numbers,
    _alerts,
    _disposals,
    _rate,
    _faces,
    _duration,
    _date,
)


# Rules of a table: each yields findings.


def _order(rows: Sequence[Row]) -> Iterator[Finding]:
    """Yield the fewest rows without which the dates are in order, if most of the table is in order at all."""
    dated = [row for row in rows if row.date is not None]
    dates = [row.date for row in dated if row.date is not None]
    rising = _kept(dates)
    kept = rising if len(rising) >= len(_kept(dates[::-1])) else {len(dates) - 1 - at for at in _kept(dates[::-1])}
    if len(kept) < 0.9 * len(dates):
        return
    for place, row in enumerate(dated):
        if place in kept or row.date is None:
            continue
        before = max((at for at in kept if at < place), default=None)
        after = min((at for at in kept if at > place), default=None)
        beside = [dates[at] for at in (before, after) if at is not None]
        low, high = min(beside), max(beside)
        between = f"It stands between {low.isoformat()} and {high.isoformat()}."
        fitting = next((date for date in _likely(row.date) if low <= date <= high), None)
        if fitting is not None and (fitting.day, fitting.month) == (row.date.month, row.date.day):
            words = f"{row.date.isoformat()} is out of order. {between} {fitting.isoformat()} would fit."
            yield Finding(row.line, row.name, Rule.DATE_SWAPPED, words)
        else:
            hint = f" {fitting.isoformat()} would fit." if fitting is not None else ""
            words = f"{row.date.isoformat()} is out of order. {between}{hint}"
            yield Finding(row.line, row.name, Rule.DATE_ORDER, words)


def _kept(dates: Sequence[dt.date]) -> set[int]:
    """Return the places of a longest part of the dates that never falls."""
    tops: list[dt.date] = []
    ends: list[int] = []
    before: list[int | None] = []
    for place, date in enumerate(dates):
        length = bisect_right(tops, date)
        before.append(ends[length - 1] if length else None)
        if length == len(tops):
            tops.append(date)
            ends.append(place)
        else:
            tops[length], ends[length] = date, place
    kept, at = set(), ends[-1] if ends else None
    while at is not None:
        kept.add(at)
        at = before[at]
    return kept


def _likely(date: dt.date) -> Iterator[dt.date]:
    """Yield what may have been meant: day and month exchanged, another year."""
    candidates = [(date.year, date.day, date.month), *((date.year + step, date.month, date.day) for step in (1, -1))]
    for year, month, day in candidates:
        try:
            yield dt.date(year, month, day)
        except ValueError:
            continue


def _duplicates(rows: Sequence[Row]) -> Iterator[Finding]:
    first: dict[tuple[object, ...], Row] = {}
    for row in rows:
        # A place can have two deployments on one day, but hardly with the same faces and alerts.
        key = (row.texts["date"], row.location.lower(), row["faces"], row["alerts"], row.texts.get("duration"))
        if row["faces"] and key in first:
            words = f"The same date, place and numbers as line {first[key].line}."
            yield Finding(row.line, row.name, Rule.DUPLICATE, words)
        first.setdefault(key, row)


def _lists(rows: Sequence[Row]) -> Iterator[Finding]:
    sizes = {row.line: row["watchlist_size"] or 0 for row in rows}
    by_date: dict[dt.date, list[Row]] = {}
    for row in rows:
        if row.date is not None and sizes[row.line]:
            by_date.setdefault(row.date, []).append(row)
    for date, on_day in by_date.items():
        least, most = min(sizes[row.line] for row in on_day), max(sizes[row.line] for row in on_day)
        if most <= least * (1 + JUMP):
            continue
        near = (by_date.get(date + dt.timedelta(days=step), ()) for step in range(-NEAR, NEAR + 1) if step)
        beside = [sizes[row.line] for other in near for row in other]
        usual = statistics.median(beside) if beside else least
        odd = max(on_day, key=lambda row: abs(sizes[row.line] - usual))
        others = ", ".join(f"{sizes[row.line]:,}" for row in on_day if row is not odd)
        words = f"{sizes[odd.line]:,} people on the list, but {others} on the same day."
        yield Finding(odd.line, odd.name, Rule.LIST_JUMP, words)


def _estimates(rows: Sequence[Row]) -> Iterator[Finding]:
    """Yield rows whose faces an hour are far from usual. Usual is the half of the table with more faces an hour.

    Below the stronger factor a second sign is needed: that possible matches for each face are far from usual too, the
    other way.
    """
    rated = [(row, faces / row.length, faces) for row in rows if (faces := row["faces"]) and row.length]
    if len(rated) < ENOUGH_ROWS:
        return
    hourly = sorted(rate for _, rate, _ in rated)
    upper = [each for each in rated if each[1] >= hourly[len(hourly) // 2]]
    usual = statistics.median(rate for _, rate, _ in upper)
    alerts = sum(row["alerts"] or 0 for row, _, _ in upper)
    a_face = alerts / sum(faces for _, _, faces in upper)
    for row, rate, faces in rated:
        factor, expected, found = usual / rate, a_face * faces, row["alerts"]
        words = f"{faces:,} faces in {row.length:.1f} h are {rate:,.0f} an hour; usual here are {usual:,.0f}."
        seen = found or 0
        if factor >= FACTOR:
            many = found is not None and seen > MATCH_FACTOR * expected and pdtrc(seen - 1, expected) < UNLIKELY
            if many or factor >= FACTOR_ALONE:
                also = f" {seen} alerts, where {expected:.1f} would be usual for so few faces." if many else ""
                yield Finding(row.line, row.name, Rule.FACES_LOW, words + also)
        elif 1 / factor >= FACTOR:
            few = found is not None and seen * MATCH_FACTOR < expected and pdtr(seen, expected) < UNLIKELY
            if few or 1 / factor >= FACTOR_ALONE:
                also = f" {seen} alerts, where {expected:.1f} would be usual for so many faces." if few else ""
                yield Finding(row.line, row.name, Rule.FACES_HIGH, words + also)


OF_A_TABLE: tuple[Callable[[Sequence[Row]], Iterator[Finding]], ...] = (_order, _duplicates, _lists, _estimates)
