import contextlib
import datetime as dt
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.utils import timezone

from audit.models import Entry
from demo.year import at

# Longer ago than the first deployment that `simulate_year` invents.
INSTALLED_AGO = dt.timedelta(days=400)


class Command(BaseCommand):
    help = "Do what `prepare` does; a new demonstration is dated back, so that its past comes after its installation."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        is_new = Entry._meta.db_table not in connection.introspection.table_names()
        with at(timezone.now() - INSTALLED_AGO) if is_new else contextlib.nullcontext():
            call_command("prepare", stdout=self.stdout, stderr=self.stderr)
