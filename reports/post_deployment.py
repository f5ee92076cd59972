"""The Post-Deployment Report: outcomes, rates, decisions and destruction, once every outcome is recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from django.db.models import Prefetch

from audit.actions import Action
from audit.models import Entry
from deployments import fairness
from deployments.choices import Halt
from deployments.document_content import kit_section, test_section, threshold_sections
from deployments.document_parts import Content, Section, broken, moment, person, table
from deployments.models import Deployment, NoticeExemption, Sign
from reports.rates import RULE
from reports.records import DeploymentRecord, Figures, record_of
from watchlists.models import Certificate

_HALTS = dict(Halt.choices)


def _facts(deployment: Deployment) -> list[tuple[str, str]]:
    return [
        ("Authorised by", f"{person(deployment.authorised_by)}, {moment(deployment.authorised_at)}"),
        ("Ended on", moment(deployment.ended_at)),
        ("Reason for the end", "\n".join(filter(None, [deployment.get_end_code_display(), deployment.end_reason]))),
        ("Closed on", moment(deployment.closed_at)),
        ("Applicant", person(deployment.applicant)),
        ("Equality evidence", fairness.words_of(deployment)),
    ]


def post_deployment_sections(deployment: Deployment, folder: Path) -> Iterable[Section]:
    """Return the sections of the Post-Deployment Report."""
    record = record_of(deployment)
    yield Section("Review", deployment.review or "No review was written.")
    yield Section("Conditions of the authority", deployment.conditions or "None.")
    yield _notices(deployment)
    yield _signs(deployment)
    yield _outcomes(record)
    yield _rates(record)
    yield table(
        "Arrests",
        ("Offence", "Number"),
        [(name, str(count)) for name, count in record.arrests],
        none="There were no arrests.",
    )
    yield table("Pauses", ("When", "What", "By", "Reason"), _pauses(deployment), none="There were no pauses.")
    yield from threshold_sections(deployment)
    yield _stood_down(record)
    yield Section("Second look at decided possible matches", record.figures.second_looks.words)
    yield test_section(deployment)
    yield kit_section(deployment)
    yield table(
        "Disclosures outside the force",
        ("What", "To whom", "Purpose", "Basis", "When"),
        [
            (each.what, each.recipient, each.purpose, each.get_basis_display(), moment(each.disclosed_at))
            for each in deployment.disclosures.all()
        ],
        none="None was recorded by the time of this report.",
    )
    yield table(
        "Destruction of the watchlists",
        ("Watchlist", "People", "Kept as evidence", "Destroyed", "SHA-256 of the certificate"),
        [
            (str(each.watchlist), f"{each.people:,}", str(each.held), moment(each.issued_at), broken(each.sha256))
            for each in _certificates(deployment)
        ],
        none="No watchlist was attached.",
    )


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


def _outcomes(record: DeploymentRecord) -> Section:
    columns = [(each.period.place, each.figures) for each in record.periods]
    columns = [*columns, ("All", record.figures)] if len(columns) > 1 else columns
    went_live = [moment(each.period.went_live_at) for each in record.periods]
    ended = [moment(each.period.ended_at) if each.period.went_live_at else "–" for each in record.periods]
    spare = [""] * (len(columns) - len(record.periods))
    rows = [
        ("Live from", [*went_live, *spare]),
        ("Live until", [*ended, *spare]),
        ("Faces seen", [f"{figures.faces:,}" for _, figures in columns]),
        ("Possible matches", [str(figures.alerts) for _, figures in columns]),
    ]
    for index, (label, _, doubted) in enumerate(record.figures.results):
        rows.append((label, [str(figures.results[index][1]) for _, figures in columns]))
        if doubted is not None:
            rows.append(("of these, not engaged for doubt", [str(figures.doubted) for _, figures in columns]))
    rows += [
        ("Without an outcome", [str(figures.still_open) for _, figures in columns]),
        ("People or objects that false alerts were on", [str(figures.false_objects) for _, figures in columns]),
        ("Matched again at the same place", [str(figures.again) for _, figures in columns]),
        ("Held as evidence", [str(figures.held) for _, figures in columns]),
    ]
    return table("Outcomes", ("", *(name for name, _ in columns)), [(label, *values) for label, values in rows])


def _rates(record: DeploymentRecord) -> Section:
    def lines(figures: Figures) -> list[tuple[str, str]]:
        return [
            ("False alerts among faces seen", figures.false_of_faces.text),
            ("False alerts among possible matches", figures.false_of_alerts.text),
        ]

    return Section("Rates", RULE, lines(record.figures))


def _pauses(deployment: Deployment) -> list[tuple[str, ...]]:
    acts = (Action.DEPLOYMENT_PAUSED, Action.DEPLOYMENT_RESUMED)
    entries = Entry.objects.filter(target_id=str(deployment.pk), action__in=acts).in_order()
    return [
        (
            moment(entry.at),
            str(entry.get_action_display()),
            entry.actor,
            ": ".join(filter(None, [_HALTS.get(str(entry.data.get("code")), ""), str(entry.data.get("reason") or "")])),
        )
        for entry in entries
    ]


def _certificates(deployment: Deployment) -> list[Certificate]:
    lists = {pk for pair in deployment.periods.values_list("watchlist", "blue_list") for pk in pair if pk}
    return list(Certificate.objects.filter(watchlist__in=lists).select_related("watchlist").order_by("issued_at"))


POST_DEPLOYMENT = Content(_facts, post_deployment_sections)
