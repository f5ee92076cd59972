from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from watchlists import operations
from watchlists.defaults import DEFAULT_BASIS, DEFAULT_THRESHOLD
from watchlists.engine import identity


class Command(BaseCommand):
    help = "Bring the database and the model weights up to date. Safe to run at every start."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("stage_weights", stdout=self.stdout)
        call_command("migrate", interactive=False, verbosity=0)
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        if not settings.IS_DEMO:
            call_command("collectstatic", interactive=False, verbosity=0)
        call_command("check", databases=["default"])
        engine = operations.register_engine(identity())
        if not engine.operating_points.exists():
            operations.set_operating_point(engine, DEFAULT_THRESHOLD, DEFAULT_BASIS)
        self.stdout.write(f"engine {engine}")
