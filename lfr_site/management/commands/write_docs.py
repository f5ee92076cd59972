from typing import Any

from django.core.management.base import BaseCommand

from lfr_site.documents import rendered


class Command(BaseCommand):
    help = "Write the pages of docs/ that are generated from the code."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        for path, text in rendered().items():
            path.write_text(text)
            self.stdout.write(str(path))
