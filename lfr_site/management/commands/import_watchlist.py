"""`manage.py import_watchlist`: import a watchlist in bulk without a browser."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import Refused
from lfr_site.models import User
from watchlists import imports
from watchlists.models import ImportRow, Watchlist


class Command(BaseCommand):
    help = "Import a CSV and a ZIP of photographs into a draft watchlist, and report every line with a problem."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("watchlist", type=uuid.UUID, help="Id of the draft watchlist.")
        parser.add_argument("csv", type=Path)
        parser.add_argument("zip", type=Path)
        parser.add_argument("--user", required=True, help="Username of a user who can compile watchlists.")
        parser.add_argument("--dry-run", action="store_true", help="Report what would happen, and save nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        watchlist = Watchlist.objects.filter(pk=options["watchlist"]).first()
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if watchlist is None or user is None:
            raise CommandError("There is no such watchlist, or no active user of this name.")
        try:
            with imports.working() as may:
                if not may:
                    raise CommandError("Another import is running. Try again when it has finished.")
                self._import(watchlist, user, options)
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from error
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal

    def _import(self, watchlist: Watchlist, user: User, options: dict[str, Any]) -> None:
        with options["zip"].open("rb") as archive:
            imported = imports.begin(watchlist, options["csv"].read_bytes(), archive, actor=user)
        imports.read(imported)
        imported.refresh_from_db()
        self._say(imported.rows.exclude(verdict=ImportRow.Verdict.GOOD))
        if options["dry_run"]:
            imports.cancel(imported, actor=user)
            return
        imports.confirm(imported, actor=user)
        imports.add(imported)
        counts = imports.progress_of(imported).by_verdict
        self.stdout.write(", ".join(f"{label}: {counts.get(value, 0)}" for value, label in ImportRow.Verdict.choices))

    def _say(self, rows: Any) -> None:
        for row in rows:
            self.stdout.write(f"line {row.line}, {row.reference}: {row.get_verdict_display()}. {row.message}")
