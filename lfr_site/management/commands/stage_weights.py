from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from recognition import weights
from watchlists.engine import choice


class Command(BaseCommand):
    help = "Put the model weights where DeepFace expects them, and verify them."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            digests = weights.stage(settings.DEEPFACE_HOME, choice().files, settings.LFR_WEIGHTS)
        except weights.WeightsError as error:
            raise CommandError(str(error)) from error
        if choice().model.warning:
            self.stderr.write(choice().model.warning)
        for name, digest in digests.items():
            self.stdout.write(f"{name} {digest}")
