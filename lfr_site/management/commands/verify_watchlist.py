"""`manage.py verify_watchlist`: verify that sealed watchlists have not changed."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.keys import KeyGone
from watchlists.models import Photograph, Watchlist
from watchlists.seal import content_hash


class Command(BaseCommand):
    help = "Recompute the hash of sealed watchlists, and decrypt every photograph on them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("watchlist", nargs="?", type=uuid.UUID, help="Id of a watchlist (default: all).")

    def handle(self, *args: Any, watchlist: uuid.UUID | None = None, **options: Any) -> None:
        lists = Watchlist.objects.exclude(sealed_hash="").filter(destroyed_at__isnull=True)
        if watchlist is not None:
            lists = lists.filter(pk=watchlist)
            if not lists.exists():
                raise CommandError(f"There is no watchlist {watchlist} that is sealed and not destroyed.")
        wrong = [complaint for each in lists for complaint in self._complaints(each)]
        if wrong:
            raise CommandError("\n".join(wrong))
        self.stdout.write(f"{lists.count()} sealed watchlists have not changed.")

    def _complaints(self, watchlist: Watchlist) -> list[str]:
        found = []
        if content_hash(watchlist) != watchlist.sealed_hash:
            found.append(f"{watchlist.pk} has changed since it was sealed.")
        closed = sum(not _opens(each) for each in Photograph.objects.filter(person__watchlist=watchlist).iterator(50))
        if closed:
            found.append(f"{watchlist.pk}: {closed} photograph(s) cannot be decrypted, or have changed.")
        return found


def _opens(photograph: Photograph) -> bool:
    try:
        return bool(photograph.jpeg)
    except KeyGone:
        return False
