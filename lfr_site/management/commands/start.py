import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from lfr_site import interrupts
from lfr_site.services import ServiceError
from lfr_site.supervisor import PREPARE, Supervisor


class Command(BaseCommand):
    help = "Start the whole system on this machine and keep it running until Ctrl-C."
    # The database is not running yet; `prepare` runs the checks.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--make-pid", type=int, help="Process id of the `make` that runs this command.")
        parser.add_argument("--workers", type=int, default=2, help="Recognition workers, one for each core.")

    def handle(self, *args: Any, **options: Any) -> None:
        supervisor = Supervisor(
            Path(settings.LFR_DATA),
            port=options["port"],
            workers=options["workers"],
            say=self._say,
            host=settings.ALLOWED_HOSTS[0],
        )
        try:
            with interrupts.interruptible(make=options["make_pid"]), supervisor.running(self.before(options)):
                self.started(supervisor, options)
                while True:
                    supervisor.tend()
                    time.sleep(0.5)
        except KeyboardInterrupt:
            self._say("stopped")
        except ServiceError as error:
            raise CommandError(str(error)) from error

    def before(self, options: dict[str, Any]) -> Sequence[tuple[str, list[str]]]:
        """Return the commands to run before the web server, each with what to say of it."""
        return PREPARE

    def started(self, supervisor: Supervisor, options: dict[str, Any]) -> None:
        """Announce that the system is ready."""
        self._say(f"ready at {supervisor.url}")

    def _say(self, text: str) -> None:
        self.stdout.write(f"  · {text}")
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
