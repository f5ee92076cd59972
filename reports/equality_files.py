"""The equality report as CSV and PDF, for the equality impact assessment."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from deployments.document_parts import Section, moment, table
from deployments.documents import typeset
from reports.csv_files import csv_text
from reports.equality import NAMES, RATIO, RED_FROM, Characteristic, EqualityReport

METHOD = (
    "Counted are possible matches and passes of the recognition test with the attribute recorded: as the person "
    "said it, or as an officer who saw the person recorded it. Nothing is inferred from a face. The two kinds of "
    "ethnicity answer different questions and are never mixed. Each group is compared with all others together, and"
    " two groups with each other: Fisher’s exact test, corrected by Holm for the groups of a characteristic; the "
    "ratio of the rates with its 95% interval (Katz); rates with their 95% interval (Wilson). How many of each "
    "group passed the cameras is not known, so no rate among passers-by can be given. False alerts are counted among "
    "possible matches that an officer answered and that have a result; of those that an operator dismissed, nobody’s "
    "attributes are known. Amber: a ratio above "
    f"{RATIO:g}, in either direction, whose interval excludes 1. Red: also from {RED_FROM} in the group and {RED_FROM} "
    "others on, with the test. Where numbers are too small to tell, that is said, with the number that would be needed."
)


def report_csv(report: EqualityReport) -> str:
    """Return a line for each group and one for each comparison. Rates and ratios are unrounded."""
    head = (
        *("part", "characteristic", "group", "matches", "engaged", "false", "arrests", "other", "no_action"),
        *("median_minutes", "passes", "recognised", "measure", "count", "of", "others_count", "others_of"),
        *("ratio", "ratio_low", "ratio_high", "p_holm", "needed_in_each", "level", "words"),
    )
    return csv_text(head, _rows(report))


def _rows(report: EqualityReport) -> Iterator[tuple[object, ...]]:
    for characteristic in report.characteristics:
        for group in characteristic.groups:
            minutes = group.median_minutes
            yield (
                *("group", characteristic.key, group.name, group.matches, group.engaged, group.false, group.arrests),
                *(group.other, group.no_action, "" if minutes is None else round(minutes, 2), group.passes),
                *(group.recognised, *[""] * 12),
            )
        for each in characteristic.comparisons:
            ratios = (round(value, 6) for value in each.ratio)
            yield (
                *("comparison", characteristic.key, each.group, *[""] * 9, each.measure.key, each.count, each.of),
                *(each.other_count, each.other_of, *ratios, f"{each.p:.6g}", each.needed or "", each.level, each.words),
            )


def report_pdf(report: EqualityReport, *, made_by: str) -> bytes:
    """Return the report as PDF."""
    with tempfile.TemporaryDirectory(prefix="lfr-report-") as folder:
        return typeset(
            "Equality Report",
            report.days.words,
            number="Equality",
            footer=f"Compiled on {moment(report.made_at)}. The audit log records this report.",
            facts=[
                ("Red", f"{len(report.red):,}"),
                ("Amber", f"{len(report.amber):,}"),
                ("Comparisons with too few data", f"{report.insufficient:,} of {len(report.comparisons):,}"),
                ("Made by", made_by),
            ],
            sections=_sections(report),
            folder=Path(folder),
        )


def _sections(report: EqualityReport) -> Iterator[Section]:
    yield Section("How this was counted", METHOD)
    for characteristic in report.characteristics:
        yield counts_section(characteristic)
        yield comparisons_section(characteristic)


def counts_section(characteristic: Characteristic) -> Section:
    """Return the counts of each group."""
    return table(
        characteristic.name,
        ("Group", "Matches", "Engaged", "False", "Arrests", "Other", "No action", "Median min", "Passes", "Recognised"),
        [
            (
                *(group.name, f"{group.matches:,}", f"{group.engaged:,}", f"{group.false:,}", f"{group.arrests:,}"),
                *(f"{group.other:,}", f"{group.no_action:,}"),
                "–" if group.median_minutes is None else f"{group.median_minutes:.1f}",
                *(f"{group.passes:,}", f"{group.recognised:,}"),
            )
            for group in characteristic.groups
        ],
        none="Not recorded for anybody in this time.",
        numeric=tuple(range(1, 10)),
        after=f"Recorded for {characteristic.recorded:,} of {characteristic.matches:,} possible matches and "
        f"{characteristic.passes_recorded:,} of {characteristic.passes:,} passes.",
    )


def comparisons_section(characteristic: Characteristic) -> Section:
    """Return each group compared with all others."""
    return table(
        f"{NAMES[characteristic.key]}: each group and all others",
        ("Measure and group", "Rate, 95% interval", "Ratio to others", "What can be said"),
        [
            (
                f"{each.measure.name}\n{each.group}",
                each.share_words,
                each.ratio_words,
                f"{each.level.upper()}. {each.words}" if each.level else each.words,
            )
            for each in characteristic.comparisons
        ],
        none="There is nothing to compare.",
    )
