"""`manage.py verify_watchlist`: whether sealed lists are what was sealed."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.keys import KeyGone
from watchlists.models import Photograph, Watchlist
from watchlists.seal import content_hash


class Command(BaseCommand):
    help = "Recompute the hash of sealed lists, and open every photograph on them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("watchlist", nargs="?", type=uuid.UUID, help="One list's id; all sealed ones without.")

    def handle(self, *args: Any, watchlist: uuid.UUID | None = None, **options: Any) -> None:
        lists = Watchlist.objects.exclude(sealed_hash="").filter(destroyed_at__isnull=True)
        if watchlist is not None:
            lists = lists.filter(pk=watchlist)
            if not lists.exists():
                raise CommandError(f"There is no sealed list {watchlist} that has not been destroyed.")
        wrong = [complaint for each in lists for complaint in self._complaints(each)]
        if wrong:
            raise CommandError("\n".join(wrong))
        self.stdout.write(f"{lists.count()} sealed lists are what was sealed.")

    def _complaints(self, watchlist: Watchlist) -> list[str]:
        found = []
        if content_hash(watchlist) != watchlist.sealed_hash:
            found.append(f"{watchlist.pk} is not what was sealed.")
        closed = sum(not _opens(each) for each in Photograph.objects.filter(person__watchlist=watchlist).iterator(50))
        if closed:
            found.append(f"{watchlist.pk}: {closed} photograph(s) do not open, or are not what was kept.")
        return found


def _opens(photograph: Photograph) -> bool:
    try:
        return bool(photograph.jpeg)
    except KeyGone:
        return False
