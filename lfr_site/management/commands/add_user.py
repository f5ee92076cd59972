import getpass
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.ranks import Rank
from lfr_site.accounts import add_user
from lfr_site.roles import ROLES


class Command(BaseCommand):
    help = "Add a user with one role. The password is read from LFR_NEW_PASSWORD or asked for."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", required=True, choices=list(ROLES))
        parser.add_argument("--first-name", default="")
        parser.add_argument("--last-name", default="")
        parser.add_argument("--rank", default="", choices=["", *Rank.values])

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("LFR_NEW_PASSWORD") or getpass.getpass("Password: ")
        if len(password) < 12:
            raise CommandError("The password must have 12 characters or more.")
        try:
            user = add_user(
                username=options["username"],
                password=password,
                role=options["role"],
                first_name=options["first_name"],
                last_name=options["last_name"],
                rank=options["rank"],
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Added {user} with the role “{options['role']}”.")
