from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognition.weights import WeightsError
from watchlists import reenrolment
from watchlists.models import Engine
from watchlists.reenrolment import Progress


class Command(BaseCommand):
    help = (
        "Read every stored photograph with the current engine, after a change of engine. If it is stopped, run it "
        "again to continue."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only report how many photographs are unread.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = reenrolment.unread().count()
        except (WeightsError, Engine.DoesNotExist) as error:
            raise CommandError(f"The engine is not ready; run `manage.py prepare` first. ({error})") from error
        if options["dry_run"] or not count:
            self.stdout.write(f"{count:,} photographs have not been read by the current engine.")
            return
        progress = reenrolment.read_unread(self._say)
        if progress.without:
            self.stdout.write(
                f"This engine does not find the enrolled face on {progress.without:,} photographs. They stay unread, "
                "and a watchlist cannot be sealed while a person on it has no other photograph."
            )

    def _say(self, progress: Progress) -> None:
        done = progress.read + progress.without
        self.stdout.write(f"{done:,} of {progress.of:,} photographs ({done / progress.of:.0%})")
        self.stdout.flush()
