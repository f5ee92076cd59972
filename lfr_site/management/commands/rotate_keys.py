"""`manage.py rotate_keys`: encrypt the photographs of every watchlist with a new key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from watchlists import destruction


class Command(BaseCommand):
    help = "Encrypt every photograph with a new key, and destroy the old keys."

    def handle(self, *args: Any, **options: Any) -> None:
        keys, photographs = destruction.rotate_keys()
        self.stdout.write(f"Encrypted {photographs} photographs with {keys} new keys.")
