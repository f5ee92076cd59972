"""The columns of a deployment's record as files have them: `lfr-record/1`. Names and meanings do not change.

docs/reference/record.md and record.schema.json are rendered from this table. A new column may be added; one that
changes its meaning gets another name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from alerts.choices import Result
from deployments import fairness
from deployments.bluetest import CameraRate
from deployments.models import Period, ThresholdChange
from recognition.statistics import wilson
from reports.csv_files import iso
from reports.figures import DISPOSALS, Figures
from reports.rates import PerEvent, two_figures
from reports.records import COUNTING, DeploymentRecord, PeriodRecord

SCHEMA = "lfr-record/1"
# A published count by a personal attribute is at least this, or none.
SMALLEST_CELL = 5
# The period of the line that sums up all of them.
ALL = "all"


class Kind(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    TIME = "time"


Value = str | int | float | None


@dataclass(frozen=True)
class Line:
    """One line of the record: one period, or all of them (of: None)."""

    record: DeploymentRecord
    name: str
    of: PeriodRecord | None

    @property
    def figures(self) -> Figures:
        return self.of.figures if self.of else self.record.figures

    @property
    def period(self) -> Period | None:
        return self.of.period if self.of else None

    @property
    def periods(self) -> list[PeriodRecord]:
        """The periods that this line is about."""
        return [self.of] if self.of else self.record.periods

    @property
    def rates(self) -> list[CameraRate]:
        return [rate for each in self.periods for rate in each.rates]


@dataclass(frozen=True)
class Column:
    """A column. meaning: for readers outside the police. is_public: whether the public form has it."""

    name: str
    kind: Kind
    meaning: str
    value: Callable[[Line], Value]
    is_public: bool = True


def lines_of(record: DeploymentRecord) -> list[Line]:
    """Return a line for each period, then the one for all of them."""
    periods = [Line(record, str(number), each) for number, each in enumerate(record.periods, start=1)]
    return [*periods, Line(record, ALL, None)]


def _live_from(line: Line) -> str:
    return iso(line.period.went_live_at if line.period else line.record.live_from)


def _live_until(line: Line) -> str:
    return iso(line.period.ended_at if line.period else line.record.live_until)


def _live_minutes(line: Line) -> int:
    return round((line.of or line.record).live.total_seconds() / 60)


def _paused_minutes(line: Line) -> int:
    return round((line.of or line.record).paused.total_seconds() / 60)


def _pauses(line: Line) -> int:
    return sum(each.period.pauses.count() for each in line.periods)


def _signs(line: Line) -> int:
    return sum(each.period.signs.count() for each in line.periods)


def _cards(line: Line) -> int | None:
    found = [each.period.cards_handed_out for each in line.periods if each.period.cards_handed_out is not None]
    return sum(found) if found else None


def _notice(line: Line) -> str:
    first = line.record.deployment.notices.order_by("published_at").first()
    return iso(first.published_at) if first else ""


def _engine(line: Line) -> str:
    point = line.record.deployment.operating_point
    return f"{point.engine.model} {point.engine.digest}" if point else ""


def _destroyed(line: Line) -> str:
    return iso(line.period.watchlist.destroyed_at) if line.period and line.period.watchlist else ""


def _certificate(line: Line) -> str:
    own = line.period.watchlist_id if line.period else None
    return next((each.sha256 for each in line.record.certificates if each.watchlist_id == own), "") if own else ""


def _under_18_published(line: Line) -> str:
    """Return the number without telling which few children were sought."""
    number = line.period.watchlist.under_18 if line.period and line.period.watchlist else None
    if number is None:
        return ""
    return "none" if not number else "fewer than 5" if number < SMALLEST_CELL else str(number)


def _changes(line: Line) -> int:
    return sum(change.state == ThresholdChange.State.APPROVED for change in line.record.changes)


def _test(line: Line, end: int) -> str:
    passes, recognised = sum(rate.passes for rate in line.rates), sum(rate.recognised for rate in line.rates)
    if not passes:
        return ""
    value = recognised / passes if end < 0 else wilson(recognised, passes)[end]
    return two_figures(value)


def _test_rate(end: int) -> Callable[[Line], Value]:
    return lambda line: _test(line, end)


def _rate(name: str, key: str) -> Callable[[Line], Value]:
    return lambda line: getattr(line.figures, name).columns("x")[f"x_percent{key}"]


def _per_arrest(key: str) -> Callable[[Line], Value]:
    def value(line: Line) -> Value:
        found: PerEvent = line.figures.faces_an_arrest
        number = found.numbers[key]
        return None if number is None else float(f"{number:.3g}")

    return value


def _count(name: str) -> Callable[[Line], Value]:
    return lambda line: getattr(line.figures, name)


def _of_deployment(name: str) -> Callable[[Line], Value]:
    return lambda line: str(getattr(line.record.deployment, name) or "")


def _of_oversight(value: Callable[[DeploymentRecord], Value]) -> Callable[[Line], Value]:
    """Return a value that is measured for all periods together, and is empty for one of them."""
    return lambda line: None if line.of else value(line.record)


def _result(result: Result) -> Callable[[Line], Value]:
    return lambda line: line.figures.of(result)


def _disposal(name: str) -> Callable[[Line], Value]:
    return lambda line: line.figures.disposals[name]


_RESULTS = {
    Result.TRUE_CONFIRMED: "An officer spoke to the person and established that it was the person sought.",
    Result.TRUE_UNCONFIRMED: "The operator decided that it was the same person, but nobody established it: the person "
    "was not found, or officers decided to engage nobody.",
    Result.FALSE_CONFIRMED: "An officer spoke to the person and established that it was somebody else.",
    Result.FALSE_UNCONFIRMED: "An operator or officer decided from the pictures, or at a distance, that it was "
    "somebody else. Nobody was spoken to.",
    Result.UNRESOLVED: "Nobody can say any more who it was.",
}
_OUTCOMES = {"arrest": "arrested", "other": "dealt with in another way", "no_action": "left without further action"}
_T, _I, _N, _AT = Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.TIME

COLUMNS: tuple[Column, ...] = (
    Column("schema", _T, "The version of these columns.", lambda _: SCHEMA),
    Column("force", _T, "The force that ran the deployment.", lambda _: settings.LFR_FORCE),
    Column("controller", _T, "The force responsible for the personal data.", _of_deployment("controller")),
    Column("equipment_lent_by", _T, "The force that lent the equipment.", _of_deployment("lender")),
    Column("staff_from", _T, "The force that lent staff.", _of_deployment("staff_from")),
    Column("deployment", _T, "The name of the deployment.", _of_deployment("name")),
    Column("number", _T, "The number of the deployment.", _of_deployment("number")),
    Column("period", _T, "The number of the period; `all` for the sum of all periods.", lambda line: line.name),
    Column("place", _T, "Where.", lambda line: line.period.place if line.period else line.record.deployment.places),
    Column("use_case", _T, "The reason for this place, from the force's closed list.", _of_deployment("use_case")),
    Column("state", _T, "The state of the deployment.", _of_deployment("state")),
    Column(
        "authorised_start",
        _AT,
        "When the authorised time began.",
        lambda line: iso(line.period.starts_at if line.period else line.record.deployment.starts_at),
    ),
    Column(
        "authorised_end",
        _AT,
        "When the authorised time, or the whole authority, ended.",
        lambda line: iso(line.period.ends_at if line.period else line.record.deployment.authority_ends_at),
    ),
    Column("applicant", _T, "Who applied.", _of_deployment("applicant"), is_public=False),
    Column("authorised_by", _T, "Who authorised.", _of_deployment("authorised_by"), is_public=False),
    Column("authorised_rank", _T, "The rank of the authorising officer.", _of_deployment("authorised_rank")),
    Column("authority_sha256", _T, "The hash of the signed authority.", _of_deployment("authority_sha256")),
    Column("live_from", _AT, "When cameras first compared faces.", _live_from),
    Column("live_until", _AT, "When they did so last.", _live_until),
    Column("live_minutes", _I, "Time for which cameras compared faces, without pauses.", _live_minutes),
    Column("paused_minutes", _I, "Time for which they were paused.", _paused_minutes),
    Column("pauses", _I, "How often they were paused.", _pauses),
    Column(
        "watchlist_size",
        _I,
        "People on the watchlist; for all periods, on the largest.",
        lambda line: line.period.list_size if line.period else line.record.list_size,
    ),
    Column(
        "watchlist_under_18",
        _I,
        "Of these, under 18.",
        lambda line: line.period.watchlist.under_18 if line.period and line.period.watchlist else None,
        is_public=False,
    ),
    Column(
        "watchlist_under_18_published",
        _T,
        "Of these, under 18: none, fewer than 5, or the number.",
        _under_18_published,
    ),
    Column("engine", _T, "The recognition engine and the hash that identifies it.", _engine),
    Column(
        "threshold",
        _T,
        "The similarity score from which a face was a possible match; if it changed, each with since when.",
        lambda line: line.of.threshold_words if line.of else line.record.threshold_words,
    ),
    Column(
        "equality_evidence",
        _T,
        "What is known about the engine's fairness at this threshold.",
        lambda line: fairness.words_of(line.record.deployment),
        is_public=False,
    ),
    Column("threshold_changes", _I, "How often the threshold was changed under this authority.", _changes),
    Column("notice_published", _AT, "When public notice was first given.", _notice),
    Column("signs", _I, "Signs put up.", _signs),
    Column("cards_handed_out", _I, "Cards or leaflets handed out.", _cards),
    Column("cameras", _I, "Cameras.", lambda line: sum(each.period.cameras.count() for each in line.periods)),
    Column("staff", _I, "Operators and engagement officers posted.", lambda line: sum(line.record.staff.values())),
    Column("counting_method", _T, "How faces were counted.", lambda _: COUNTING),
    Column(
        "faces_expected",
        _I,
        "Faces expected in the application, for all periods.",
        _of_oversight(lambda record: record.expectation.faces_expected),
    ),
    Column("faces_seen", _I, "Faces seen by the cameras: an estimate of passages, not of people.", _count("faces")),
    Column("alerts", _I, "Possible matches: the sum of the five results and of those still open.", _count("alerts")),
    *(Column(each.name.lower(), _I, _RESULTS[each], _result(each)) for each in Result),
    Column(
        "true_unconfirmed_for_doubt",
        _I,
        "Of the true, unconfirmed: officers engaged nobody because they doubted the likeness.",
        _count("doubted"),
    ),
    Column("still_open", _I, "Possible matches without a result yet.", _count("still_open")),
    *(
        Column(f"outcome_{name}", _I, f"Of the true, confirmed: {_OUTCOMES[name]}.", _disposal(name))
        for name in DISPOSALS.values()
    ),
    Column("people_engaged", _I, "Possible matches on which an officer spoke to somebody.", _count("engaged")),
    Column("false_alerts", _I, "False alerts: confirmed and unconfirmed.", _count("false_alerts")),
    Column("false_objects", _I, "The people or objects that false alerts were on.", _count("false_objects")),
    Column("matched_again", _I, "Times that a false match came again at the same place.", _count("again")),
    Column(
        "second_looks_drawn",
        _I,
        "Decisions drawn at random to be made again by somebody else.",
        _of_oversight(lambda record: record.oversight.second_looks.drawn),
    ),
    Column(
        "second_looks_agreed",
        _I,
        "Of these, found the same again.",
        _of_oversight(lambda record: record.oversight.second_looks.agreed),
    ),
    Column(
        "second_looks_disagreed",
        _I,
        "Of these, found otherwise.",
        _of_oversight(lambda record: record.oversight.second_looks.disagreed),
    ),
    Column(
        "second_looks_missed",
        _I,
        "Of these, deleted before anybody looked again.",
        _of_oversight(lambda record: record.oversight.second_looks.missed),
    ),
    Column(
        "known_negative_checks",
        _I,
        "Pairs of pictures of two different people, shown to operators without their knowledge to check them.",
        _of_oversight(lambda record: record.oversight.operators.controls),
    ),
    Column(
        "known_negative_same",
        _I,
        "Of these, decided as the same person.",
        _of_oversight(lambda record: record.oversight.operators.false_alarms),
    ),
    *(
        Column(f"false_alerts_of_{name}_percent{end}", _N, f"{what}, in percent{of}.", _rate(f"false_of_{name}", end))
        for name, what in (
            ("faces", "False alerts among faces"),
            ("alerts", "False alerts among possible matches"),
        )
        for end, of in (("", ""), ("_low", ": lower end of the 95% interval"), ("_high", ": upper end"))
    ),
    *(
        Column(f"faces_an_arrest{end}", _N, f"Faces seen for each arrest{of}.", _per_arrest(key))
        for end, key, of in (
            ("", "value", ""),
            ("_low", "low", ": lower end of the 95% interval"),
            ("_high", "high", ": upper end; empty without an arrest"),
        )
    ),
    Column("test_passes", _I, "Passes of staff in the recognition test.", lambda x: sum(r.passes for r in x.rates)),
    Column("test_recognised", _I, "Of these, recognised.", lambda line: sum(rate.recognised for rate in line.rates)),
    *(
        Column(f"test_rate_percent{end}", _N, f"True recognition rate in percent{of}.", _test_rate(n))
        for end, n, of in (("", -1, ""), ("_low", 0, ": lower end of the 95% interval"), ("_high", 1, ": upper end"))
    ),
    Column("alerts_purged", _I, "Possible matches whose pictures and particulars were deleted.", _count("purged")),
    Column("alerts_held_as_evidence", _I, "Possible matches kept as evidence.", _count("held")),
    Column("watchlist_destroyed", _AT, "When the watchlist was destroyed.", _destroyed),
    Column("watchlist_certificate_sha256", _T, "The hash of the certificate of its destruction.", _certificate),
)
