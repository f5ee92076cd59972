import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from demo.seeding import walkers
from demo.users import PASSWORD, USERS
from demo.witness import DemoWitness
from lfr_site.management.commands import start
from lfr_site.supervisor import PREPARE, Supervisor
from recognition.open_set import NoFaces


class Command(start.Command):
    help = "Start the whole system with invented people, a live deployment and a simulated camera."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--faces", help="Folder of photographs for the street, <person>/<photograph>.jpg.")
        parser.add_argument("--past", type=int, default=12, help="How many past deployments to invent, once.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_DEMO:
            raise CommandError("The demonstration runs only with LFR_ENV=demo, because its passwords are public.")
        if options["faces"]:
            options["faces"] = str(Path(options["faces"]).expanduser().resolve())
        try:
            staff = walkers(Path(options["faces"])) if options["faces"] else []
        except NoFaces as error:
            raise CommandError(str(error)) from error
        # Each camera needs as many passes as there are members of staff: none if there is only one portrait.
        os.environ.setdefault("LFR_BLUE_PASSES", str(len(staff)))
        self.witness = DemoWitness(Path(settings.LFR_DATA))
        os.environ.setdefault("LFR_WITNESSES", self.witness.setting())
        super().handle(*args, **options)

    def before(self, options: dict[str, Any]) -> Sequence[tuple[str, list[str]]]:
        return (
            (PREPARE[0][0], ["prepare_demo"]),
            (f"inventing {options['past']} past deployments", ["simulate_year", "--deployments", str(options["past"])]),
            ("adding invented people and a live deployment", ["seed_demo", *_faces(options)]),
        )

    def started(self, supervisor: Supervisor, options: dict[str, Any]) -> None:
        supervisor.add_program("witness", *self.witness.command())
        supervisor.add("simulated-camera", "simulate", "--server", supervisor.url, *_faces(options))
        self.stdout.write(
            "\n  The first page signs you in as any of these at one press (people and names are invented):\n"
        )
        for user in USERS:
            self.stdout.write(f"    {user.role:<24} {user.username:<11} {user.opens}")
        self.stdout.write(f"\n  By hand: the name above, and the password {PASSWORD}")
        self.stdout.write(f"\n  Ctrl-C stops everything, and so does: kill {os.getpid()}")
        self.stdout.write(f"\n  {supervisor.url}\n")
        self.stdout.flush()


def _faces(options: dict[str, Any]) -> list[str]:
    return ["--faces", options["faces"]] if options["faces"] else []
