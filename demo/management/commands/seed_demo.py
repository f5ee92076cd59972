from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from demo import seeding
from recognition.open_set import NoFaces
from reports import public_site


class Command(BaseCommand):
    help = "Add users of every role, invented people on a sealed watchlist, and a live deployment if there is none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--faces")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_DEMO:
            raise CommandError("Invented people can be added only to a demonstration (LFR_ENV=demo).")
        try:
            deployment = seeding.seed(Path(options["faces"]) if options["faces"] else None)
        except NoFaces as error:
            raise CommandError(str(error)) from error
        public_site.write_all(settings.LFR_PUBLIC)
        self.stdout.write(f"{deployment} is live until {deployment.ends_at:%H:%M} UTC.")
