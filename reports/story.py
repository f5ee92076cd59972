"""The record of a deployment in one paragraph, written from its figures."""

from __future__ import annotations

import datetime as dt

from alerts.choices import Result
from deployments.document_parts import day, moment
from reports.figures import Figures
from reports.records import DeploymentRecord

_WHAT: dict[Result, str] = {
    Result.TRUE_CONFIRMED: "true and confirmed",
    Result.TRUE_UNCONFIRMED: "true and unconfirmed",
    Result.FALSE_CONFIRMED: "false, found after somebody was spoken to",
    Result.FALSE_UNCONFIRMED: "false, found before anybody was spoken to",
    Result.UNRESOLVED: "unresolved",
}


def story_of(record: DeploymentRecord) -> str:
    """Return the paragraph. It names no officer and nobody on a watchlist."""
    deployment = record.deployment
    if not record.ran:
        return f"No camera compared a face. The deployment is {deployment.quoted_state}."
    return " ".join(filter(None, [_began(record), _matches(record.figures), _met(record.figures), _gone(record)]))


def _began(record: DeploymentRecord) -> str:
    places = ", then ".join(each.period.place for each in record.ran)
    first = record.live_from
    on = f"On {day(first.date())}" if first else ""
    paused = f" ({time_words(record.paused)} of pauses not counted)" if record.paused else ""
    faces, size = record.figures.faces, record.list_size
    return (
        f"{on}, cameras compared faces in {places} for {time_words(record.live)}{paused}. They saw {faces:,} "
        f"face{_s(faces)}, compared with a watchlist of {size:,} {'person' if size == 1 else 'people'}."
    )


def _matches(figures: Figures) -> str:
    if not figures.alerts:
        return "There was no possible match."
    parts = [f"{figures.of(result):,} {words}" for result, words in _WHAT.items() if figures.of(result)]
    parts += [f"{figures.still_open:,} without an outcome yet"] if figures.still_open else []
    verb = "was" if figures.alerts == 1 else "were"
    return f"There {verb} {figures.alerts:,} possible match{'' if figures.alerts == 1 else 'es'}: {', '.join(parts)}."


def _met(figures: Figures) -> str:
    if not figures.alerts:
        return ""
    arrests = f"{figures.arrests:,} arrest{_s(figures.arrests)}" if figures.arrests else "no arrest"
    met = f"Officers spoke to somebody on {figures.engaged:,} of them" if figures.engaged else "Nobody was spoken to"
    return f"{met}, and there {'was' if figures.arrests <= 1 else 'were'} {arrests}."


def _gone(record: DeploymentRecord) -> str:
    lists = [each.period.watchlist for each in record.ran if each.period.watchlist]
    if any(watchlist.destroyed_at is None for watchlist in lists):
        left = (each.destroy_due_at for each in lists if each.destroyed_at is None)
        due = max((at for at in left if at), default=None)
        return f"The watchlist will be destroyed by {moment(due)}." if due else ""
    last = max((each.destroyed_at for each in lists if each.destroyed_at), default=None)
    return f"The watchlist was destroyed on {moment(last)}." if last else ""


def time_words(time: dt.timedelta) -> str:
    """Return a time in hours and minutes, in words."""
    minutes = round(time.total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours:,} hour{_s(hours)}"] if hours else []
    parts += [f"{rest} minute{_s(rest)}"] if rest or not hours else []
    return " ".join(parts)


def _s(count: int) -> str:
    return "" if count == 1 else "s"
