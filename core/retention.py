"""How long everything is kept: one table.

Whoever deletes something asks this table when, and every page and document that says how long something is kept is
rendered from it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings

DAY = dt.timedelta(days=1)
# Something is destroyed late if it was not by the second run of the clock after it was due: what is due at the moment
# of an act (a draft discarded, a hold released) can only be destroyed at the next, and one run takes some time.
PROMPT = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class Line:
    """A kind of data and how long it is kept.

    since: what the time is counted from. setting: the setting with the time, which a force may change up to `ceiling`;
    fixed: the time where it cannot be changed. Neither: `otherwise` says what ends it. besides: what else holds.
    source: of the rule; a rule of our own says so.
    """

    key: str
    what: str
    where: str
    source: str
    since: str = ""
    setting: str = ""
    variable: str = ""
    fixed: dt.timedelta | None = None
    ceiling: dt.timedelta | None = None
    otherwise: str = ""
    besides: str = ""

    @property
    def period(self) -> dt.timedelta | None:
        """The time in force; None if something other than time ends it."""
        return getattr(settings, self.setting) if self.setting else self.fixed

    @property
    def kept(self) -> str:
        """How long it is kept, in words: "24 hours after its period ends"."""
        if self.period is None:
            return self.otherwise
        return f"{words(self.period)} after {self.since}" if self.period else f"until {self.since}"

    @property
    def limit(self) -> str:
        """The hard ceiling, in words; empty if there is none."""
        return words(self.ceiling) if self.ceiling is not None else ""


def words(time: dt.timedelta) -> str:
    """Return a time in words, in the largest unit that makes it a whole number."""
    seconds = round(time.total_seconds())
    for name, length in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds % length == 0 and (name != "day" or seconds >= 3 * length):
            number = seconds // length
            return f"{number:,} {name}{'' if number == 1 else 's'}"
    raise AssertionError("a whole number of seconds is always found")


_OWN = "this system’s own rule"
_MEMORY = "Valkey’s memory"
_DATABASE = "database"

LINES = (
    Line(
        "stranger",
        "The face of somebody who matches nobody: picture, crop, template",
        "nowhere",
        "South Wales Police and Bedfordshire Police: immediately",
        otherwise="not kept: it goes with its frame",
    ),
    Line(
        "frame",
        "A camera’s frame",
        _MEMORY,
        _OWN,
        since="it arrived, or until a worker has read it",
        fixed=dt.timedelta(seconds=2),
    ),
    Line(
        "tracks",
        "Tracks: boxes, and candidates with their scores; no picture, no template",
        _MEMORY,
        _OWN,
        since="the last frame",
        fixed=dt.timedelta(seconds=3),
    ),
    Line(
        "tile",
        "The camera’s tile on the commander’s page, faces flattened",
        _MEMORY,
        _OWN,
        since="its frame",
        fixed=dt.timedelta(seconds=4),
    ),
    Line("recording", "Recordings of cameras", "nowhere", _OWN, otherwise="not made"),
    Line(
        "alert",
        "A possible match: pictures, score, the subject’s particulars",
        "database, encrypted",
        "South Wales Police: after use, within 24 hours",
        since="its period ended, and 24 hours after it was raised at most",
        setting="LFR_ALERT_RETENTION",
        variable="LFR_ALERT_RETENTION_MINUTES",
        ceiling=DAY,
        besides="Longer under an evidence hold.",
    ),
    Line(
        "watchlist",
        "A watchlist: people, photographs, templates",
        "database; photographs encrypted",
        "Sussex Police: within 24 hours of each day of a deployment",
        since="its period ended",
        setting="LFR_WATCHLIST_RETENTION",
        variable="LFR_WATCHLIST_RETENTION_MINUTES",
        ceiling=DAY,
        besides="An entry under an evidence hold stays.",
    ),
    Line(
        "unused",
        "A watchlist that was rejected, or expired without being used",
        "database; photographs encrypted",
        "as for watchlists",
        since="it was rejected or expired",
        setting="LFR_WATCHLIST_RETENTION",
        variable="LFR_WATCHLIST_RETENTION_MINUTES",
        ceiling=DAY,
    ),
    Line(
        "discarded",
        "A draft that was discarded, or a watchlist that another version replaced",
        "database; photographs encrypted",
        _OWN,
        since="that happens",
        fixed=dt.timedelta(0),
    ),
    Line(
        "draft",
        "A draft, and a watchlist that waits to be approved",
        "database; photographs encrypted",
        _OWN,
        since="it was begun",
        setting="LFR_DRAFT_RETENTION",
        variable="LFR_DRAFT_RETENTION_DAYS",
        ceiling=31 * DAY,
        besides="Sooner if it is discarded or rejected. An approved watchlist expires when its checks do.",
    ),
    Line(
        "import",
        "An import: the rows and photographs handed in",
        "database; photographs encrypted",
        _OWN,
        since="the files were handed in",
        fixed=3 * DAY,
        besides="Sooner once it is finished or cancelled, or its list is destroyed.",
    ),
    Line(
        "hold",
        "What is held as evidence",
        "database, encrypted under a key of its own",
        _OWN,
        otherwise="until it is released",
    ),
    Line(
        "key",
        "The key of a watchlist, a period, a hold or a case",
        "the key store",
        _OWN,
        otherwise="as long as what it encrypts",
    ),
    Line(
        "act",
        "Acts on a possible match, second looks, receipts: codes, times, people of the force",
        _DATABASE,
        _OWN,
        otherwise="not deleted",
    ),
    Line(
        "attributes",
        "Ethnicity, sex and age band of people engaged and of volunteers’ passes: codes, as said or seen; no name",
        _DATABASE,
        "Equality Act 2010, section 149: the duty needs them to be measured",
        otherwise="not deleted",
    ),
    Line(
        "ledger",
        "The ledger of past entries: a keyed hash of the reference, no name",
        _DATABASE,
        "R (Bridges) v South Wales Police: people must be able to find out",
        otherwise="not deleted",
    ),
    Line(
        "certificate",
        "Certificates of destruction and of purge: counts, times and hashes",
        _DATABASE,
        _OWN,
        otherwise="not deleted",
    ),
    Line(
        "case",
        "A case: who asked or complained and what, letters, notes, what a search found",
        "database, encrypted under a key of its own",
        "Limitation Act 1980, section 2: six years",
        since="it was closed",
        setting="LFR_CASE_RETENTION",
        variable="LFR_CASE_RETENTION_DAYS",
        ceiling=2192 * DAY,
    ),
    Line(
        "case_figures",
        "Of a case: kind, channel, dates, outcome and ground, its deployment and possible matches",
        _DATABASE,
        _OWN,
        otherwise="not deleted",
    ),
    Line(
        "record",
        "Applications, authorities, documents, records of deployments, findings of the panel",
        _DATABASE,
        _OWN,
        otherwise="not deleted",
    ),
    Line(
        "register",
        "Training, signs, equipment, loans, disclosures: people of the force and texts",
        _DATABASE,
        _OWN,
        otherwise="not deleted",
    ),
    Line(
        "sign_in",
        "Counts of failed sign-ins, by account and address",
        _MEMORY,
        _OWN,
        since="the last attempt",
        fixed=dt.timedelta(hours=2),
    ),
    Line(
        "audit_log",
        "Entries of the audit log",
        _DATABASE,
        "Data Protection Act 2018, section 62, which gives no period; Limitation Act 1980, sections 2 and 5: six years",
        since="the newest of its group of 256 was written",
        setting="LFR_AUDIT_RETENTION",
        variable="LFR_AUDIT_RETENTION_DAYS",
        besides="The database refuses to delete an entry of less than six years.",
    ),
    Line(
        "tree",
        "Hashes of the audit log’s entries (each with a salt, which goes with the entry), checkpoints, signatures",
        _DATABASE,
        _OWN,
        otherwise="not deleted",
    ),
)
_BY_KEY = {line.key: line for line in LINES}


def line(key: str) -> Line:
    """Return a line of the table.

    Raises:
        KeyError: there is none of this key.
    """
    return _BY_KEY[key]


def period(key: str) -> dt.timedelta:
    """Return how long a kind of data is kept.

    Raises:
        KeyError: there is no line of this key, or time does not end it.
    """
    found = _BY_KEY[key].period
    if found is None:
        raise KeyError(f"{key} is not kept for a time")
    return found
