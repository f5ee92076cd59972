from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import journal
from audit.verification import verify


class Command(BaseCommand):
    help = "Recompute the hash of every entry of the audit log, and compare its tree with every checkpoint."

    def handle(self, *args: Any, **options: Any) -> None:
        journal.number_waiting()
        found = verify()
        for finding in found.findings:
            self.stderr.write(f"entry {finding.first:,}: {finding.words}")
        if not found.is_intact:
            raise CommandError(
                f"The audit log is not intact: {len(found.findings)} findings in {found.rows:,} entries."
            )
        self.stdout.write(f"The audit log is intact: {found.rows:,} entries.")
        if found.covered < found.size:
            self.stdout.write(
                f"No witness has countersigned a checkpoint over entries {found.covered + 1:,} to {found.size:,}."
            )
