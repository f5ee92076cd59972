import asyncio
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from demo import simulation


class Command(BaseCommand):
    help = "Stream a composed street to every simulated camera of every live deployment."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--server", default="http://localhost:8000")
        parser.add_argument("--faces")
        parser.add_argument("--fps", type=float, default=5.0)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_DEMO:
            raise CommandError("The simulated camera runs only in a demonstration (LFR_ENV=demo).")
        faces = Path(options["faces"]) if options["faces"] else None
        asyncio.run(simulation.run(options["server"], faces, options["fps"]))
