from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from lfr_site import services


class Command(BaseCommand):
    help = "Delete the demonstration's database, keys, weights and logs."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_DEMO:
            raise CommandError("Only a demonstration (LFR_ENV=demo) can be deleted in this way.")
        data = Path(settings.LFR_DATA)
        if data.is_dir():
            with services.lock(data) or _refuse():
                services.forget(data)
        self.stdout.write(f"Deleted the demonstration's data in {data}.")


def _refuse() -> NoReturn:
    raise CommandError("The demonstration is running. Stop it first (Ctrl-C).")
