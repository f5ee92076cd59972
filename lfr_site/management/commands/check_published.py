import sys
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.errors import Refused
from reports import grid
from reports.grid_rules import MEANINGS, Finding, Rule, findings_in


class Command(BaseCommand):
    help = "Check a published table of results (CSV) and report each row that breaks a rule. Ends with 1 if one does."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--markdown", action="store_true", help="Print the findings as a page.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            table = grid.read(options["file"].read_bytes())
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        found = findings_in(table, timezone.localdate())
        if options["markdown"]:
            self.stdout.write(page_of(found, len(table.rows)), ending="")
            return
        for finding in found:
            self.stdout.write(f"line {finding.line}: {finding.row}: {finding.rule}: {finding.words}")
        self.stdout.write(summary_of(found, len(table.rows)))
        if found:
            sys.exit(1)


def summary_of(found: list[Finding], rows: int) -> str:
    """Return the numbers of rows and findings in a sentence."""
    lines = len({finding.line for finding in found})
    return f"{rows:,} rows; {len(found):,} findings in {lines:,} of them."


def page_of(found: list[Finding], rows: int) -> str:
    """Return the findings as Markdown: how often each rule is broken, then row by row."""
    counts = Counter(finding.rule for finding in found)
    lines = [summary_of(found, rows), "", "| Rule | What it says | Findings |", "|---|---|---|"]
    lines += [f"| {rule} | {MEANINGS[rule]} | {counts[rule]:,} |" for rule in Rule if counts[rule]]
    lines += ["", "| Line | Row | Rule | What does not follow |", "|---|---|---|---|"]
    lines += [f"| {each.line} | {each.row} | {each.rule} | {each.words} |" for each in found]
    return "\n".join(lines) + "\n"
