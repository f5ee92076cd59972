"""`manage.py add_service_account`: a token for the force's records system."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import Refused
from lfr_site.api import issue_service_token

LONGEST_DAYS = 365


class Command(BaseCommand):
    help = "Make a service account, or give it a new token: the old one stops working. It is shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--days", type=int, default=90, help=f"How long it holds, {LONGEST_DAYS} at most.")

    def handle(self, *args: Any, name: str, days: int, **options: Any) -> None:
        if not 1 <= days <= LONGEST_DAYS:
            raise CommandError(f"A token holds 1 to {LONGEST_DAYS} days.")
        try:
            token = issue_service_token(name, days)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(token)
