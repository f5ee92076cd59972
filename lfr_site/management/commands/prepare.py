from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from audit import log_keys
from core.keys import KeyGone
from deployments import executable
from lfr_site import interrupts
from reports import public_site
from watchlists import engines, ledger
from watchlists.defaults import shipped_measurement
from watchlists.engine import identity
from watchlists.models import Engine


class Command(BaseCommand):
    help = "Bring the database and the model weights up to date. Can be run at every start."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("stage_weights", stdout=self.stdout)
        # Django commits some migrations before it records them. If it stopped in between, later runs would fail.
        with interrupts.held_back():
            call_command("migrate", interactive=False, verbosity=0)
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        if not settings.IS_DEMO:
            call_command("collectstatic", interactive=False, verbosity=0)
        call_command("check", databases=["default"])
        try:
            ledger.prepare()
        except KeyGone as error:
            raise CommandError(
                f"{error} ({settings.LFR_KEYS}). Without it, requests about destroyed watchlists cannot be answered."
            ) from error
        try:
            executable.prepare()
        except KeyGone as error:
            raise CommandError(f"{error} ({settings.LFR_KEYS}). Without it, no authority can be verified.") from error
        try:
            log_keys.prepare()
        except KeyGone as error:
            raise CommandError(f"{error} ({settings.LFR_KEYS}). Without it, the audit log cannot be signed.") from error
        engine = engines.register_engine(identity())
        if not engine.calibrations.exists():
            self._calibrate(engine)
        public_site.write_all(settings.LFR_PUBLIC)
        self.stdout.write(f"engine {engine}")

    def _calibrate(self, engine: Engine) -> None:
        """Store the shipped engine's calibration. Which threshold is in force is for people to decide."""
        shipped = shipped_measurement()
        if shipped.engine != identity():
            self.stderr.write(
                "This engine has no calibration yet, so no threshold can be proposed for it. Run "
                "`manage.py calibrate --faces DIR`."
            )
            return
        engines.add_calibration(engine, shipped)
