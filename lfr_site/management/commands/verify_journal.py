from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.journal import verify_chain


class Command(BaseCommand):
    help = "Recompute every hash of the journal and follow its chain."

    def handle(self, *args: Any, **options: Any) -> None:
        rows, breaks = verify_chain()
        for broken in breaks:
            self.stderr.write(f"row {broken.number}: {broken.reason}")
        if breaks:
            raise CommandError(f"The journal does not hold: {len(breaks)} breaks in {rows} rows.")
        self.stdout.write(f"The journal holds: {rows} rows, unbroken.")
