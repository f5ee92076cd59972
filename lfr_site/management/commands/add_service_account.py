"""`manage.py add_service_account`: issue a token to the force's records system."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import Refused
from lfr_site.api import issue_service_token

LONGEST_DAYS = 365


class Command(BaseCommand):
    help = "Create a service account, or issue it a new token, which revokes the old one. The token is shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--days", type=int, default=90, help=f"Days until it expires, {LONGEST_DAYS} at most.")

    def handle(self, *args: Any, name: str, days: int, **options: Any) -> None:
        if not 1 <= days <= LONGEST_DAYS:
            raise CommandError(f"--days must be from 1 to {LONGEST_DAYS}.")
        try:
            token = issue_service_token(name, days)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(token)
