"""`manage.py rotate_keys`: a new key for every list."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from watchlists import destruction


class Command(BaseCommand):
    help = "Encrypt every photograph with a new key, and forget the old ones."

    def handle(self, *args: Any, **options: Any) -> None:
        keys, photographs = destruction.rotate_keys()
        self.stdout.write(f"{photographs} photographs under {keys} new keys.")
