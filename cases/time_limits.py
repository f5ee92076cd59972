"""The time limits of a case, computed from its dates alone.

Where two readings of a rule give different days, the earlier one counts: an answer by then is in time under both.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Sequence
from dataclasses import dataclass

import holidays
from dateutil.relativedelta import relativedelta
from django.utils import timezone

from cases.choices import OF_OWN_DATA, STOPS_TIME, CaseKind, CaseOutcome, WaitFor
from cases.models import Case, Wait
from deployments.document_parts import day, moment

DAY = dt.timedelta(days=1)
MONTHS, MONTHS_EXTENDED = 1, 3
ACKNOWLEDGE_DAYS, FOI_DAYS = 30, 20
BREACH_HOURS = 72
_PARTS = ("ENG", "WLS", "SCT", "NIR")


@dataclass(frozen=True)
class TimeLimit:
    """Something that must be done by a time. due: the first moment that is too late; None if there is no fixed day.

    met_at: when it was done. is_stopped: whether the time does not run, because the force waits for the person.
    """

    what: str
    rule: str
    due: dt.datetime | None
    met_at: dt.datetime | None
    is_stopped: bool = False
    in_hours: bool = False

    def is_late(self, at: dt.datetime) -> bool:
        """Whether it was done too late, or is not done and would be."""
        if self.due is None:
            return False
        done = self.met_at or at
        return done > self.due if self.in_hours else done >= self.due

    def days_left(self, at: dt.datetime) -> int | None:
        """Return the days that are left, today included; negative once it is late; None if nothing is to be done."""
        if self.met_at is not None or self.due is None:
            return None
        return (timezone.localdate(self.due - dt.timedelta(microseconds=1)) - timezone.localdate(at)).days

    @property
    def due_words(self) -> str:
        """By when, in words."""
        if self.due is None:
            return "Not running" if self.is_stopped else "Without undue delay"
        return moment(self.due) if self.in_hours else day(timezone.localdate(self.due - dt.timedelta(microseconds=1)))

    def style(self, at: dt.datetime) -> str:
        """Return the style of the badge that shows how it stands."""
        if self.is_late(at):
            return "danger"
        if self.met_at is not None:
            return "sealed"
        return "wait" if self.is_stopped else ""

    def words(self, at: dt.datetime) -> str:
        """How it stands, in words."""
        if self.met_at is not None:
            if self.due is None:
                return "Done"
            return "Done too late" if self.is_late(at) else "Done in time"
        if self.is_late(at):
            return "Overdue"
        if self.due is None or self.is_stopped:
            return "Stopped: waiting for the person" if self.is_stopped else "Open"
        left = self.due - at
        if self.in_hours and left < 3 * DAY:
            return f"{int(left.total_seconds() // 3600)} hours left"
        days = self.days_left(at) or 0
        return "Last day" if days == 0 else f"{days} day{'' if days == 1 else 's'} left"


def limits_of(case: Case, at: dt.datetime | None = None) -> list[TimeLimit]:
    """Return the time limits of a case, in the order in which they end."""
    waits, today = list(case.waits.all()), timezone.localdate(at or timezone.now())
    if case.kind in OF_OWN_DATA:
        return [_of_own_data(case, waits, today)]
    if case.kind == CaseKind.COMPLAINT:
        return _of_complaint(case)
    if case.kind == CaseKind.BREACH:
        return [_of_breach(case)]
    return [_of_foi(case, waits)]


def was_late(case: Case, at: dt.datetime) -> bool:
    """Return whether a time limit of a case was missed by a moment."""
    return any(limit.is_late(at) for limit in limits_of(case, at))


def next_of(case: Case, at: dt.datetime | None = None) -> TimeLimit | None:
    """Return the limit that has to be met next; None if all are."""
    return next((limit for limit in limits_of(case, at) if limit.met_at is None), None)


def last_of_months(start: dt.date, months: int) -> dt.date:
    """Return the last day of a period of months that begins with a day, that day included."""
    corresponding = start + relativedelta(months=months)
    return corresponding - DAY if corresponding.day == start.day else corresponding


def last_of_working_days(received: dt.date, days: int) -> dt.date:
    """Return the last of some working days after a day: no weekend, and no bank holiday in any part of the kingdom."""
    last = received
    while days:
        last += DAY
        days -= last.weekday() < 5 and not any(last in of_part for of_part in _bank_holidays())
    return last


@functools.cache
def _bank_holidays() -> Sequence[holidays.HolidayBase]:
    return [holidays.country_holidays("GB", subdiv=part) for part in _PARTS]


def _of_own_data(case: Case, waits: Sequence[Wait], today: dt.date) -> TimeLimit:
    """Return the month of a request. A wait that began after the last day changes nothing any more."""
    received, months = timezone.localdate(case.received_at), MONTHS_EXTENDED if case.extended_at else MONTHS
    what = "Answer"
    rule = "Data Protection Act 2018, sections 45, 48 and 54: one month, two more if it is extended"
    start, last = received, last_of_months(received, months)
    counted = [wait for wait in waits if wait.wanted in STOPS_TIME[case.kind]]
    # First when the time begins, then what stops it: what was asked first changes nothing.
    for wait in counted:
        if wait.wanted == WaitFor.IDENTITY and wait.asked_on <= last:
            if wait.ended_on is None:
                return TimeLimit(what, rule, None, case.closed_at, is_stopped=not case.is_closed)
            start = max(start, wait.ended_on)
            last = last_of_months(start, months)
    is_stopped = False
    for wait in counted:
        if wait.wanted != WaitFor.IDENTITY and wait.asked_on <= last:
            last += max((wait.ended_on or today) - max(wait.asked_on, start), dt.timedelta(0))
            is_stopped |= wait.ended_on is None
    return TimeLimit(what, rule, _after(last), case.closed_at, is_stopped=is_stopped)


def _of_complaint(case: Case) -> list[TimeLimit]:
    received = timezone.localdate(case.received_at)
    done = min((at for at in (case.acknowledged_at, case.closed_at) if at is not None), default=None)
    acknowledge = TimeLimit(
        "Acknowledge, or answer",
        "Data Protection Act 2018, section 164A: within 30 days",
        _after(received + (ACKNOWLEDGE_DAYS - 1) * DAY),
        done,
    )
    answer = TimeLimit(
        "Answer", "Data Protection Act 2018, section 164A: without undue delay, no fixed day", None, case.closed_at
    )
    return [acknowledge, answer]


def _of_breach(case: Case) -> TimeLimit:
    what = "Tell the Commissioner, unless a risk to people is unlikely"
    rule = "Data Protection Act 2018, section 67: not later than 72 hours after becoming aware, where feasible"
    due = case.received_at + dt.timedelta(hours=BREACH_HOURS)
    if case.outcome == CaseOutcome.NOT_REPORTED:
        return TimeLimit(what, rule, None, case.closed_at)
    return TimeLimit(what, rule, due, case.reported_at or case.closed_at, in_hours=True)


def _of_foi(case: Case, waits: Sequence[Wait]) -> TimeLimit:
    """Return the twenty working days. A clarification asked for within them begins them anew."""
    rule = "Freedom of Information Act 2000, section 10: twenty working days"
    last = last_of_working_days(timezone.localdate(case.received_at), FOI_DAYS)
    for wait in waits:
        if wait.asked_on > last:
            continue
        if wait.ended_on is None:
            return TimeLimit("Answer", rule, None, case.closed_at, is_stopped=not case.is_closed)
        last = last_of_working_days(wait.ended_on, FOI_DAYS)
    return TimeLimit("Answer", rule, _after(last), case.closed_at)


def _after(last: dt.date) -> dt.datetime:
    """Return the first moment after a day, in local time."""
    return timezone.make_aware(dt.datetime.combine(last + DAY, dt.time.min))
