"""The days that a report is on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from dateutil.relativedelta import relativedelta
from django import forms
from django.http import QueryDict
from django.utils import timezone

from deployments.document_parts import day


@dataclass(frozen=True)
class DateRange:
    """Days in local time, both included."""

    since: dt.date
    until: dt.date

    @property
    def start(self) -> dt.datetime:
        """The first moment of the range."""
        return _midnight(self.since)

    @property
    def end(self) -> dt.datetime:
        """The first moment after the range."""
        return _midnight(self.until + dt.timedelta(days=1))

    @property
    def words(self) -> str:
        return day(self.since) if self.since == self.until else f"{day(self.since)} to {day(self.until)}"

    @property
    def slug(self) -> str:
        """The range as a part of a file's name."""
        return f"{self.since.isoformat()}-to-{self.until.isoformat()}"

    @property
    def query(self) -> str:
        """The range as parameters of an address."""
        return f"since={self.since.isoformat()}&until={self.until.isoformat()}"


def _midnight(date: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(date, dt.time.min))


def last_month(today: dt.date) -> DateRange:
    """Return the calendar month before the one of a day."""
    last = today.replace(day=1) - dt.timedelta(days=1)
    return DateRange(last.replace(day=1), last)


def last_year(today: dt.date) -> DateRange:
    """Return twelve calendar months, of which the last is the one of a day, up to that day."""
    return DateRange(today.replace(day=1) - relativedelta(months=11), today)


def last_quarter(today: dt.date) -> DateRange:
    """Return the calendar quarter before the one of a day."""
    first = today.replace(month=3 * ((today.month - 1) // 3) + 1, day=1)
    last = first - dt.timedelta(days=1)
    return DateRange(last.replace(month=last.month - 2, day=1), last)


class DateRangeForm(forms.Form):
    """The first and the last day of a report."""

    since = forms.DateField(
        label="From",
        widget=forms.DateInput({"type": "date"}),
        error_messages={"required": "Enter the first day.", "invalid": "Enter a date, such as 2026-10-01."},
    )
    until = forms.DateField(
        label="To, inclusive",
        widget=forms.DateInput({"type": "date"}),
        error_messages={"required": "Enter the last day.", "invalid": "Enter a date, such as 2026-10-31."},
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        since, until = given.get("since"), given.get("until")
        if since and until and until < since:
            self.add_error("until", "Enter a day that is not before the first day.")
        # A later midnight would not exist.
        if until and until.year >= dt.MAXYEAR:
            self.add_error("until", "Enter a day before the year 9999.")
        return given


def asked_for(given: QueryDict, default: DateRange) -> tuple[DateRangeForm, DateRange | None]:
    """Return the form and the days that a request asks for: the default if it names none, None if they are wrong."""
    if not {"since", "until"} & set(given):
        return DateRangeForm({"since": default.since.isoformat(), "until": default.until.isoformat()}), default
    form = DateRangeForm(given)
    return form, DateRange(**form.cleaned_data) if form.is_valid() else None
