"""The sections of a deployment's record. The page, the PDF and the Post-Deployment Report show the same ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from django.db.models import Prefetch

from alerts.choices import Result
from core.actors import SAFEGUARD
from deployments.bluetest import CameraRate
from deployments.document_content import kit_section, threshold_sections
from deployments.document_parts import PART, Section, broken, moment, person, table
from deployments.models import Deployment, NoticeExemption, Sign
from reports.rates import RULE
from reports.records import COUNTING, DeploymentRecord, PeriodRecord
from reports.story import story_of, time_words
from scrutiny.models import Draw, PanelFinding

DEFINITIONS = (
    "A false alert is one where an operator or an officer decided, before or after an engagement, that it was not the "
    "same person. Its rate is given among the faces seen and among the possible matches; neither measures the engine. "
    "True, unconfirmed also counts the possible matches on which officers engaged nobody because they doubted the "
    "likeness: nobody was found to be somebody else. They are shown apart, because a doubt is a reason to think that "
    "the alert was false. Matches of the recognition test and known-negative checks are in no figure but their own."
)


def record_sections(record: DeploymentRecord) -> Iterator[Section]:
    """Yield the sections in their order."""
    deployment = record.deployment
    yield Section("Summary", story_of(record))
    yield _expected(record)
    yield _outcomes(record)
    yield _rates(record)
    yield table(
        "Arrests",
        ("Offence", "Number"),
        [(name, str(count)) for name, count in record.arrests],
        none="There were no arrests.",
        numeric=(1,),
    )
    yield Section("Human oversight", rows=record.oversight.lines)
    yield _test(record)
    yield from _where(record)
    yield _notices(deployment)
    yield _signs(deployment)
    yield Section("Staff and engine", rows=list(_staff_and_engine(record)))
    yield table(
        "Pauses", ("From", "Until", "Place", "By", "Reason"), list(_pauses(record)), none="There were no pauses."
    )
    yield from threshold_sections(deployment)
    yield Section("The ceiling of false alerts", record.verdict.why)
    yield _stood_down(record)
    yield _times(record)
    yield kit_section(deployment)
    yield _disclosures(deployment)
    yield _scrutiny(deployment)
    yield _destruction(record)
    yield Section("How this was counted", f"{COUNTING}\n{DEFINITIONS}\n{RULE}")


def _expected(record: DeploymentRecord) -> Section:
    return table(
        "Expected and found",
        ("", "Expected in the application", "Found", "Found to expected"),
        record.expectation.lines,
        numeric=(1, 2, 3),
        after="False alerts are expected by the calibration of the threshold, for the faces and the size of the "
        "watchlist in the application.",
    )


def _outcomes(record: DeploymentRecord) -> Section:
    columns = [(each.period.place, each.figures) for each in record.periods]
    columns = [*columns, ("All", record.figures)] if len(columns) > 1 else columns
    found = [figures for _, figures in columns]
    rows = [
        ("Faces seen", [f"{each.faces:,}" for each in found]),
        ("Possible matches", [f"{each.alerts:,}" for each in found]),
    ]
    for result in Result:
        rows.append((str(result.label), [f"{each.of(result):,}" for each in found]))
        if result == Result.TRUE_CONFIRMED:
            names = (f"{PART}arrested", f"{PART}dealt with otherwise", f"{PART}no further action")
            disposals = zip(names, record.figures.disposals, strict=True)
            rows += [(label, [f"{each.disposals[name]:,}" for each in found]) for label, name in disposals]
        if result == Result.TRUE_UNCONFIRMED:
            rows.append((f"{PART}not engaged for doubt", [f"{each.doubted:,}" for each in found]))
    rows += [
        ("Without an outcome", [f"{each.still_open:,}" for each in found]),
        (f"{PART}identity confirmed", [f"{each.without_disposal:,}" for each in found]),
        ("Spoken to by an officer", [f"{each.engaged:,}" for each in found]),
        ("People or objects that false alerts were on", [f"{each.false_objects:,}" for each in found]),
        ("Matched again at the same place", [f"{each.again:,}" for each in found]),
        ("Purged", [f"{each.purged:,}" for each in found]),
        ("Held as evidence", [f"{each.held:,}" for each in found]),
    ]
    return table(
        "Outcomes",
        ("", *(name for name, _ in columns)),
        [(label, *values) for label, values in rows],
        numeric=tuple(range(1, len(columns) + 1)),
        after="Possible matches are the sum of the five results and of those without an outcome.",
    )


def _rates(record: DeploymentRecord) -> Section:
    figures = record.figures
    return Section(
        "Rates",
        rows=[
            ("False alerts among faces seen", figures.false_of_faces.text),
            ("False alerts among possible matches", figures.false_of_alerts.text),
            ("Faces seen for each arrest", figures.faces_an_arrest.text),
        ],
    )


def _test(record: DeploymentRecord) -> Section:
    rates: list[CameraRate] = [rate for each in record.periods for rate in each.rates]
    return table(
        "Recognition test",
        ("Camera", "Passes", "Recognised", "True recognition rate", "95% interval (Wilson)"),
        [(str(r.camera), str(r.passes), str(r.recognised), r.share, r.interval) for r in rates],
        none="No passes were recorded.",
        numeric=(1, 2, 3, 4),
        after="Passes by staff who consented. No other figure includes them.",
    )


def _where(record: DeploymentRecord) -> Iterator[Section]:
    lines = [_period_line(each) for each in record.periods]
    head = ("Place", "Authorised", "Live", "Without pauses", "Paused", "Watchlist", "Threshold", "Officers")
    yield table("Where and when", head, lines, none="There was no period.")


def _period_line(each: PeriodRecord) -> tuple[str, ...]:
    period = each.period
    watchlist = period.watchlist
    size = f"{period.list_size:,} people" if period.went_live_at else "–"
    if watchlist is not None and watchlist.under_18:
        size += f", {watchlist.under_18:,} under 18"
    live = f"{moment(period.went_live_at)}\nto {moment(period.ended_at)}" if period.went_live_at else "Not live"
    thresholds = [f"{value:.3f}" + (f" from {moment(since)}" if since else "") for since, value in each.thresholds]
    return (
        period.place,
        f"{moment(period.starts_at)}\nto {moment(period.ends_at)}",
        live,
        time_words(each.live),
        time_words(each.paused) if each.paused else "–",
        size,
        "\n".join(thresholds) or "–",
        "–" if period.officers_present is None else str(period.officers_present),
    )


def _notices(deployment: Deployment) -> Section:
    rows = [
        (str(each), moment(each.published_at), f"{person(each.recorded_by)}, {moment(each.recorded_at)}")
        for each in deployment.notices.select_related("recorded_by")
    ]
    rows += [
        (f"Exempt from the lead time: {each.reason}", "–", f"{person(each.by)}, {moment(each.at)}")
        for each in NoticeExemption.objects.filter(deployment=deployment).select_related("by")
    ]
    return table("Public notice", ("How and where", "Published", "Recorded"), rows, none="None.")


def _signs(deployment: Deployment) -> Section:
    periods = list(deployment.periods.prefetch_related(Prefetch("signs", Sign.objects.defer("photograph"))))
    cards = [
        f"{period.place}: {'not recorded' if period.cards_handed_out is None else f'{period.cards_handed_out:,}'}"
        for period in periods
        if period.went_live_at
    ]
    section = table(
        "Signs",
        ("Approach", "Where", "From the zone", "Put up", "Taken down"),
        [
            (
                sign.approach,
                sign.place,
                f"{sign.distance_m:,} m",
                moment(sign.put_up_at),
                moment(sign.taken_down_at) if sign.taken_down_at else "Not yet",
            )
            for period in periods
            for sign in period.signs.all()
        ],
        none="No sign was recorded.",
    )
    return replace(section, text=f"Cards handed out: {'; '.join(cards)}.") if cards else section


def _staff_and_engine(record: DeploymentRecord) -> Iterator[tuple[str, str]]:
    deployment, point = record.deployment, record.deployment.operating_point
    yield from ((f"{role}s posted", f"{count:,}") for role, count in record.staff.items())
    yield "Controller", deployment.controller
    if deployment.lender:
        yield "Equipment lent by", deployment.lender
    if deployment.staff_from:
        yield "Staff from another force", deployment.staff_from
    if point is not None:
        yield "Engine", f"{point.engine.model}\n{broken(point.engine.digest)}"
        yield "Basis of the threshold", point.basis
    yield "Equality evidence", record.evidence.words if record.evidence else "No evidence covers this threshold."


def _pauses(record: DeploymentRecord) -> Iterator[tuple[str, ...]]:
    for each in record.pauses:
        reason = ": ".join(filter(None, [str(each.get_code_display()), each.detail]))
        by = person(each.by) if each.by else str(SAFEGUARD)
        until = moment(each.ended_at) if each.ended_at else "Not resumed yet"
        yield moment(each.began_at), until, each.period.place, by, reason


def _stood_down(record: DeploymentRecord) -> Section:
    return table(
        "Entries stood down in part of a camera’s picture",
        ("Camera", "What was matched there", "By", "From", "Until", "Withheld"),
        [
            (
                str(row.camera),
                "\n".join(filter(None, [row.get_reason_display(), row.detail])),
                person(row.by) + (f", confirmed by {person(row.confirmed_by)}" if row.is_confirmed else ""),
                moment(row.at),
                f"{moment(row.ended_at or row.until)} {row.ending_words}".strip(),
                str(row.withheld),
            )
            for row in record.stand_downs
        ],
        none="None.",
        numeric=(5,),
        after="Nothing was raised there for that entry, because something there was mistaken for the person sought.",
    )


def _times(record: DeploymentRecord) -> Section:
    return table(
        "Times",
        ("Step", "Median · 95th percentile", "Cases"),
        [(each.name, each.words, f"{each.count:,}") for each in record.oversight.timers],
        numeric=(1, 2),
    )


def _disclosures(deployment: Deployment) -> Section:
    return table(
        "Disclosures outside the force",
        ("What", "To whom", "Purpose", "Basis", "When"),
        [
            (each.what, each.recipient, each.purpose, each.get_basis_display(), moment(each.disclosed_at))
            for each in deployment.disclosures.all()
        ],
        none="None has been recorded.",
    )


def _scrutiny(deployment: Deployment) -> Section:
    """Return what the external panel found in dossiers of this deployment, and the force's answers."""
    draw = Draw.objects.filter(deployment=deployment).first()
    if draw is None:
        return Section("Scrutiny by the panel", "Dossiers are drawn once the deployment is closed.")
    findings = PanelFinding.objects.filter(dossier__draw=draw).select_related("dossier")
    counts = (
        f"Drawn by chance on {moment(draw.drawn_at)}: {draw.dossiers.count()} of {draw.false_alerts} false alerts and "
        f"{draw.long_engagements} long engagements, as they were recorded then."
    )
    return table(
        "Scrutiny by the panel",
        ("Dossier", "Finding", "In words", "Answer of the force"),
        [
            (f"{each.dossier.number}", str(each.get_verdict_display()), each.words, each.answer or "–")
            for each in findings
        ],
        none=f"{counts} No finding was recorded yet.",
        after=counts,
    )


def _destruction(record: DeploymentRecord) -> Section:
    return table(
        "Destruction of the watchlists",
        ("Watchlist", "People", "Kept as evidence", "Destroyed", "SHA-256 of the certificate"),
        [
            (str(each.watchlist), f"{each.people:,}", str(each.held), moment(each.issued_at), broken(each.sha256))
            for each in record.certificates
        ],
        none="No watchlist has been destroyed yet." if record.ran else "No watchlist was used.",
        numeric=(1, 2),
    )


def is_wide(section: Section) -> bool:
    """Return whether a section needs the whole width of a page."""
    return bool(section.table) and len(section.table[0]) > 4


def as_of(made_at: dt.datetime) -> str:
    """Return the words that say when a record was made."""
    return f"As the record stood on {moment(made_at)}."
