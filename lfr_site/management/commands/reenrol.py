from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognition.weights import WeightsError
from watchlists import reenrolment
from watchlists.models import Engine
from watchlists.reenrolment import Progress


class Command(BaseCommand):
    help = (
        "Read every photograph on file with the present engine, after another one was chosen. Can be stopped and run "
        "again: it goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say how many photographs are unread.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = reenrolment.unread().count()
        except (WeightsError, Engine.DoesNotExist) as error:
            raise CommandError(f"The engine is not ready; run `manage.py prepare` first. ({error})") from error
        if options["dry_run"] or not count:
            self.stdout.write(f"{count:,} photographs have not been read by the present engine.")
            return
        progress = reenrolment.read_unread(self._say)
        if progress.without:
            self.stdout.write(
                f"On {progress.without:,} photographs this engine does not find the enrolled face: they stay unread, "
                "and a person without another photograph cannot be sealed."
            )

    def _say(self, progress: Progress) -> None:
        done = progress.read + progress.without
        self.stdout.write(f"{done:,} of {progress.of:,} photographs ({done / progress.of:.0%})")
        self.stdout.flush()
